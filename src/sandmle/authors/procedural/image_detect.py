"""Object detection in small pictures: boxes with labels, scored by mean average precision.

Hidden rule: an object's label follows from its form, outline and filling taken together; some forms
are not to be reported. Boxes are drawn with a margin that is the same in the whole task.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_detect import detect_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects, pictures, shapes, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.traits import side
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.metrics.box_map import Box, write
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 200
FORMS = ("full disc", "full block", "hollow disc", "hollow block")
LONGEST_TEXT = 4_000
"""Characters that the boxes of one picture may take."""
MARGIN = defects.Defect("annotated_margin", skill="box_calibration")
DECOYS = defects.Defect("decoys", skill="decoy_rejection")


class DetectScene(Scene):
    """A domain whose pictures show several objects."""

    target: str
    target_text: str
    labels: tuple[str, ...]
    """At least three names of objects, one word each."""
    what: str
    """What one picture shows."""


class DetectRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    iou: float
    container: pictures.Container
    train_rows: int
    test_rows: int
    height: int
    width: int
    label_of_form: tuple[str | None, ...]
    """Label of each of `FORMS`; None for a form that is not reported."""
    most: int
    """Objects in a picture, decoys included."""
    half: tuple[float, float]
    """Half the width, or height, of an object in pixels."""
    margin: float
    """Pixels by which a box is larger than the object on every side."""
    apart: float
    """Pixels that middles of objects keep between them where there is room."""
    contrast: tuple[float, float]
    slope: float
    noise: float
    scratches: int


@dataclass(frozen=True)
class _Pictures:
    pixels: NDArray[np.uint8]
    """Shape (n, height, width)."""
    boxes: list[str]


class ImageDetect(Family):
    """Find, box and name the objects of a picture."""

    name = "image/detect-v1"
    modality = "image"
    task_type = "object_detection"
    summary = "Box and name objects by outline and filling; decoys, overlap and lighting mislead."
    metrics = ("box_map",)
    seeds = {
        "siim-covid19-detection": "chest X-rays, labels of whole studies, pretraining",
        "vinbigdata-chest-xray-abnormalities-detection": "X-rays, 14 findings, several readers",
        "kuzushiji-recognition": "4,212 characters become a few; pages become small pictures",
        "3d-object-detection-for-autonomous-vehicles": "point clouds, depth and turned boxes",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, size, labels of forms and defects."""
        clothes = wardrobe_of("image_detect", DetectScene)
        scene = clothes.draw(streams.rng("scene"))
        rule = _draw_rule(streams, scene, side(dna, (34, 36, 38)), difficulty)
        faults = (
            (defects.BACKGROUND, defects.NOISE, MARGIN),
            (defects.CLUTTER, DECOYS),
            (defects.OCCLUSION,),
        )
        skills = ["connected_components", "region_classification"]
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("form", "offset") if difficulty < 2 else ("form", "offset", "interaction"),
                defects=tuple(fault for level in faults[: difficulty + 1] for fault in level),
                skills=(*skills, "interaction") if difficulty == 2 else tuple(skills),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw pictures and boxes, and write the files."""
        rule = DetectRule.model_validate(design.rule)
        scene = wardrobe_of("image_detect", DetectScene).get(rule.skin)
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
        labels = sorted({label for label in rule.label_of_form if label})
        target = f"the target: {scene.target_text}. {_form(rule, labels)}"
        simple = Box(labels[0], 0.5, rule.width / 2 - 5, rule.height / 2 - 5, 10, 10)
        return row_material(
            Rows(known, {scene.target: train.boxes}),
            Rows(asked, {scene.target: test.boxes}),
            sample={scene.target: write([simple])},
            best={scene.target: test.boxes},
            ladder=detect_ladder(packed.loader, id_column=scene.id_column, target=scene.target),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"ids of the annotated pictures and their `{scene.target}`",
                test="ids of the pictures to be annotated",
                sample="a valid submission with the same box in every picture",
                columns=(Note(scene.target, target),),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Mean average precision at one overlap."""
        scene = wardrobe_of("image_detect", DetectScene).get(design.rule["skin"])
        target = Column(name=scene.target, kind="string", max_length=LONGEST_TEXT)
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"], params={"iou": design.rule["iou"]}),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _form(rule: DetectRule, labels: list[str]) -> str:
    named = ", ".join(f"`{label}`" for label in labels)
    return (
        f"Each box takes six values with single spaces between them, "
        f"`label confidence x y width height`, and the boxes of a picture follow each other: "
        f"`{labels[0]} 0.9 3.5 12 9 8.2 {labels[-1]} 0.4 20 5 7 7` is two boxes. Labels are "
        f"{named}; the confidence lies from 0 to 1 and is 1 in `train.csv`; x and y are the left "
        f"upper corner of the box in pixels from the left and upper edge of the picture, which is "
        f"{rule.width} wide and {rule.height} high. An empty cell says that there is no box. IoU "
        f"is the area that two boxes share, divided by the area that they cover together"
    )


def _draw_rule(streams: Streams, scene: DetectScene, height: int, difficulty: int) -> DetectRule:
    rng = streams.rng("rule")
    names = [str(name) for name in rng.permutation(scene.labels)]
    return DetectRule(
        skin=scene.key,
        metric="box_map",
        iou=(0.4, 0.5)[int(rng.integers(2))],
        container=pictures.draw_container(streams.rng("container")),
        train_rows=int(rng.integers(11, 15)) * 10,
        test_rows=TEST_ROWS,
        height=height,
        width=height + 2 * int(rng.integers(1, 4)),
        label_of_form=_label_forms(rng, names, difficulty),
        most=4,
        half=(3.2, 5.4),
        margin=(-0.8, 0.8, 1.4)[int(rng.integers(3))],
        apart=14.0 if difficulty < 2 else 11.5,
        contrast=(40.0, 60.0),
        slope=round(float(rng.uniform(60.0, 90.0)), 2),
        noise=11.0,
        scratches=0 if difficulty < 1 else 1,
    )


def _label_forms(
    rng: np.random.Generator, names: list[str], difficulty: int
) -> tuple[str | None, ...]:
    """Give forms their labels: a pair shares one, one is a decoy, or two traits taken together."""
    if difficulty == 0:
        alone, pair = ((0, 1), (2, 3)) if rng.random() < 0.5 else ((2, 3), (0, 1))
        named = {alone[0]: names[0], alone[1]: names[1], pair[0]: names[2], pair[1]: names[2]}
        return tuple(named[at] for at in range(4))
    if difficulty == 1:
        return tuple(None if at == 3 else names[int(at)] for at in rng.permutation(4))
    return names[0], names[1], names[1], names[0]


def _draw(rule: DetectRule, streams: Streams, rows: int) -> _Pictures:
    size = rule.height, rule.width
    rng = streams.rng("objects")
    count = rng.integers(1, rule.most + 1, rows)
    form = rng.integers(0, len(FORMS), (rows, rule.most))
    half = np.round(rng.uniform(*rule.half, (rows, rule.most, 2)), 2)
    # discs are as wide as they are high
    half[:, :, 1] = np.where(form % 2 == 0, half[:, :, 0], half[:, :, 1])
    places = shapes.scatter(
        rng, rows, slots=rule.most, size=size, margin=rule.half[1] + 1.5, apart=rule.apart
    )
    places = np.round(places, 2)
    bright = rng.uniform(0.8, 1.2, (rows, rule.most))
    seen = np.zeros((rows, *size))
    for slot in range(rule.most):
        for kind in range(len(FORMS)):
            there = np.flatnonzero((form[:, slot] == kind) & (count > slot))
            drawn = _object(kind, size, places[there, slot], half[there, slot])
            seen[there] = np.maximum(seen[there], bright[there, slot, None, None] * drawn)
    rng = streams.rng("nuisance")
    contrast = rng.uniform(*rule.contrast, rows)[:, None, None]
    longest = max(size)
    images = rng.uniform(85.0, 120.0, rows)[:, None, None] + contrast * seen
    images += rule.slope * textures.slopes(rng, rows, longest)[:, : size[0], : size[1]]
    if rule.scratches:
        marks = textures.strokes(rng, rows, longest, per_image=rule.scratches)
        images += 0.6 * contrast * marks[:, : size[0], : size[1]]
    images += rule.noise * rng.standard_normal((rows, *size))
    boxes = [
        _boxes(rule, form[row, :shown], places[row, :shown], half[row, :shown])
        for row, shown in enumerate(count)
    ]
    return _Pictures(textures.to_pixels(images), boxes)


def _object(
    kind: int, size: shapes.Size, spot: NDArray[np.float64], half: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Draw one object in each of n pictures: places and half sides of shape (n, 2)."""
    x, y, across, down = *spot.T, *half.T
    if kind % 2 == 0:
        outer = shapes.disc(size, x=x, y=y, radius=across)
        inner = shapes.disc(size, x=x, y=y, radius=across - 1.6)
    else:
        outer = shapes.box(size, x=x, y=y, half_width=across, half_height=down)
        inner = shapes.box(size, x=x, y=y, half_width=across - 1.6, half_height=down - 1.6)
    return outer - inner if kind >= 2 else outer


def _boxes(
    rule: DetectRule,
    form: NDArray[np.int64],
    places: NDArray[np.float64],
    half: NDArray[np.float64],
) -> str:
    """Write the boxes of one picture; a pixel is as wide as the distance of two middles."""
    reach = half + rule.margin
    corner, length = places - reach + 0.5, 2.0 * reach
    found = []
    for at in np.lexsort((places[:, 1], places[:, 0])):
        label = rule.label_of_form[int(form[at])]
        if label is not None:
            x, y = (round(float(value), 1) for value in corner[at])
            width, height = (round(float(value), 1) for value in length[at])
            found.append(Box(label, 1.0, x, y, width, height))
    return write(found)


FAMILIES.register(ImageDetect.name)(ImageDetect())
