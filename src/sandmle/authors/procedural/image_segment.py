"""Segmentation of one smooth object in each picture, scored by Dice on run-length codes.

Hidden rule: the mask is the object's outline moved outwards by a rim that is the same in the whole
task; spots inside belong to the object. Lighting, dots, a stripe and a change of sign mislead.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_segment import segment_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects, pictures, rle, shapes, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.traits import side
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 90
LONGEST_MASK = 20_000
"""Characters of a mask; every other pixel of a picture fits in."""
HOLES = defects.Defect("holes", skill="hole_filling")
SIGN = defects.Defect("contrast_sign", skill="contrast_sign")
RIM = defects.Defect("annotated_rim", skill="mask_calibration")
STRIPE = defects.Defect("stripe", skill="morphology")


class SegmentScene(Scene):
    """A domain whose pictures show one object each."""

    target: str
    target_text: str
    what: str
    """What one picture shows."""


class SegmentRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    container: pictures.Container
    train_rows: int
    test_rows: int
    height: int
    width: int
    radius: tuple[float, float]
    """Mean radius of an object in pixels."""
    bumpiness: float
    rim: float
    """Pixels by which the mask is larger than what differs in grey; negative: smaller."""
    contrast: tuple[float, float]
    """Grey levels between object and ground."""
    dark_share: float
    """Share of pictures whose object is darker than the ground."""
    dots: int
    holes: int
    stripe: float
    """Contrast of a straight stripe over the picture, relative to the object's; 0 for none."""
    slope: float
    noise: float


@dataclass(frozen=True)
class _Pictures:
    pixels: NDArray[np.uint8]
    """Shape (n, height, width)."""
    masks: list[str]


class ImageSegment(Family):
    """Mark the object of each picture."""

    name = "image/segment-v1"
    modality = "image"
    task_type = "segmentation"
    summary = "Outline one faint object per picture; lighting, dots, holes and stripes mislead."
    metrics = ("dice",)
    seeds = {
        "tgs-salt-identification-challenge": "seismic texture, depth, empty masks, pretraining",
        "hubmap-kidney-segmentation": "gigapixel slides: one object in a small grey picture",
        "google-research-identify-contrails-reduce-global-warming": "bands and sequences of frames",
        "uw-madison-gi-tract-image-segmentation": "volumes, three organs, the distance term",
        "vesuvius-challenge-ink-detection": "volumes and layers: one flat picture",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, size, outline and defects."""
        clothes = wardrobe_of("image_segment", SegmentScene)
        scene = clothes.draw(streams.rng("scene"))
        rule = _draw_rule(streams, scene.key, side(dna, (40, 42, 44)), difficulty)
        faults = (
            (defects.BACKGROUND, defects.NOISE, defects.CLUTTER, RIM),
            (HOLES, SIGN),
            (STRIPE,),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("closed_curve", "offset"),
                defects=tuple(fault for level in faults[: difficulty + 1] for fault in level),
                skills=("connected_components", "run_length_codes"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw pictures and masks, and write the files."""
        rule = SegmentRule.model_validate(design.rule)
        scene = wardrobe_of("image_segment", SegmentScene).get(rule.skin)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        known, asked = ids[: rule.train_rows], ids[rule.train_rows :]
        train = _draw(rule, streams.child("train"), rule.train_rows)
        test = _draw(rule, streams.child("test"), rule.test_rows)
        packed = pictures.pack(
            train.pixels,
            test.pixels,
            ids=(known, asked),
            id_column=scene.id_column,
            container=rule.container,
            what=scene.what,
        )
        target = f"the target: {scene.target_text}, {rle.explained(rule.height, rule.width)}"
        return row_material(
            Rows(known, {scene.target: train.masks}),
            Rows(asked, {scene.target: test.masks}),
            sample={scene.target: rle.encode(_middle(rule))},
            best={scene.target: test.masks},
            ladder=segment_ladder(packed.loader, id_column=scene.id_column, target=scene.target),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"ids of the annotated pictures and their `{scene.target}`",
                test="ids of the pictures to be annotated",
                sample="a valid submission that marks the middle of every picture",
                columns=(Note(scene.target, target),),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Mean Dice of the masks."""
        rule = design.rule
        scene = wardrobe_of("image_segment", SegmentScene).get(rule["skin"])
        size = {"height": rule["height"], "width": rule["width"]}
        target = Column(name=scene.target, kind="string", max_length=LONGEST_MASK)
        return Evaluation(
            metric=MetricSpec(name=rule["metric"], params=size),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _draw_rule(streams: Streams, skin: str, height: int, difficulty: int) -> SegmentRule:
    rng = streams.rng("rule")
    return SegmentRule(
        skin=skin,
        metric="dice",
        container=pictures.draw_container(streams.rng("container")),
        train_rows=int(rng.integers(8, 13)) * 10,
        test_rows=TEST_ROWS,
        height=height,
        width=height + 4 * int(rng.integers(2, 5)),
        radius=(6.0, 9.5),
        bumpiness=0.09,
        rim=(-1.4, 1.4, 2.2)[int(rng.integers(3))],
        contrast=(26.0, 40.0),
        dark_share=0.0 if difficulty < 1 else 0.4,
        dots=int(rng.integers(4, 7)),
        holes=0 if difficulty < 1 else int(rng.integers(2, 4)),
        stripe=0.0 if difficulty < 2 else 0.9,
        slope=round(float(rng.uniform(70.0, 100.0)), 2),
        noise=14.0,
    )


def _middle(rule: SegmentRule) -> NDArray[np.bool_]:
    mask = np.zeros((rule.height, rule.width), dtype=bool)
    mask[rule.height // 4 : -(rule.height // 4), rule.width // 4 : -(rule.width // 4)] = True
    return mask


def _draw(rule: SegmentRule, streams: Streams, rows: int) -> _Pictures:
    size = rule.height, rule.width
    rng = streams.rng("objects")
    radius = rng.uniform(*rule.radius, rows)
    x = 9.0 + (rule.width - 19.0) * rng.random(rows)
    y = 9.0 + (rule.height - 19.0) * rng.random(rows)
    waves = rule.bumpiness * rng.standard_normal((rows, 3)).clip(-1.8, 1.8) / np.array([1, 1, 1.5])
    phases = rng.uniform(0.0, 2 * np.pi, (rows, 3))
    beyond = shapes.blob(size, x=x, y=y, radius=radius, waves=waves, phases=phases)
    rng = streams.rng("clutter")
    seen = np.clip(0.5 - beyond / 2.4, 0.0, 1.0)
    for _ in range(rule.holes):
        # well inside the outline, whose waves take away a fifth at most
        turn, out = rng.uniform(0.0, 2 * np.pi, rows), radius * rng.uniform(0.1, 0.5, rows)
        spot = shapes.disc(
            size,
            x=x + out * np.cos(turn),
            y=y + out * np.sin(turn),
            radius=rng.uniform(1.6, 2.6, rows),
        )
        seen = seen * (1.0 - spot)
    for place in shapes.scatter(
        rng, rows, slots=rule.dots, size=size, margin=2.0, apart=6.0
    ).swapaxes(0, 1):
        dot = shapes.disc(size, x=place[:, 0], y=place[:, 1], radius=rng.uniform(1.2, 2.1, rows))
        seen = np.maximum(seen, dot * rng.uniform(0.9, 1.4, rows)[:, None, None])
    if rule.stripe:
        seen = np.maximum(seen, rule.stripe * _stripe(rng, size, rows))
    rng = streams.rng("light")
    sign = np.where(rng.random(rows) < rule.dark_share, -1.0, 1.0)
    contrast = (sign * rng.uniform(*rule.contrast, rows))[:, None, None]
    ground = rng.uniform(105.0, 140.0, rows)[:, None, None]
    longest = max(size)
    light = rule.slope * textures.slopes(rng, rows, longest)[:, : size[0], : size[1]]
    images = ground + contrast * seen + light + rule.noise * rng.standard_normal((rows, *size))
    return _Pictures(textures.to_pixels(images), [rle.encode(one < rule.rim) for one in beyond])


def _stripe(rng: np.random.Generator, size: tuple[int, int], rows: int) -> NDArray[np.float64]:
    return shapes.rod(
        size,
        x=size[1] * rng.uniform(0.2, 0.8, rows),
        y=size[0] * rng.uniform(0.2, 0.8, rows),
        angle=rng.uniform(0.0, np.pi, rows),
        half_length=np.full(rows, 2.0 * max(size)),
        half_width=rng.uniform(1.2, 1.8, rows),
    )


FAMILIES.register(ImageSegment.name)(ImageSegment())
