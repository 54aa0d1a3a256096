"""Restoration of small pictures of strokes; a row of the answers is one line of a test picture.

Hidden rule: seen = 255 * (clean / 255) ** gamma * contrast + offset, darkened by stains, with
noise. Specks, then scratches and lines with an offset of their own, come with difficulty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_denoise import denoise_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects, pictures, shapes, textures
from sandmle.authors.toolkit.answers import answers_csv, row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.core.draft import Reference
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_PICTURES = 120
SIDE = 20
ASKED = 6
"""Lines of each test picture that are to be restored; all of them would make long submissions."""
PLACES = tuple(f"x{place:02d}" for place in range(SIDE))
"""Columns of a submission: one for each pixel of a line."""
GREY = 128
"""What the sample submission says everywhere."""
STAINS = defects.Defect("stains", skill="background_removal")
CONTRAST = defects.Defect("contrast_loss", skill="tone_calibration")
SALT = defects.Defect("salt_and_pepper", skill="rank_filters")
SCRATCHES = defects.Defect("scratches", skill="inpainting")
BANDING = defects.Defect("banding", skill="line_correction")


class DenoiseScene(Scene):
    """A domain whose pictures have come down damaged."""

    unit: str
    """Column of `test.csv` that says to which picture a line belongs."""
    what: str
    """What one picture shows."""
    clean_text: str
    """What its restored version is."""


class DenoiseRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    """Pictures of the hidden test; each has `ASKED` rows of answers."""
    paper: float
    ink: float
    strokes: int
    faintest: float
    """Share of the ink's darkness that the faintest stroke has."""
    gamma: float
    contrast: float
    offset: float
    stain: float
    """Share of the light that the darkest stains take away."""
    noise: float
    salt: float
    """Share of pixels that are black or white."""
    scratches: int
    banding: float
    """Spread of the offsets of lines in grey levels."""


@dataclass(frozen=True)
class _Pairs:
    seen: NDArray[np.uint8]
    """Shape (n, SIDE, SIDE)."""
    clean: NDArray[np.uint8]


class ImageDenoise(Family):
    """Restore the clean picture behind a damaged one."""

    name = "image/denoise-v1"
    modality = "image"
    task_type = "reconstruction"
    summary = "Restore stroke pictures from stains, lost contrast, specks, scratches and banding."
    metrics = ("rmse", "mae")
    seeds = {
        "alaska2-image-steganalysis": "JPEG and hidden messages: what was added is to be removed",
        "vesuvius-challenge-ink-detection": "volumes and layers: ink is restored in grey levels",
        "google-research-identify-contrails-reduce-global-warming": "sequences of infrared bands",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, tones and defects."""
        clothes = wardrobe_of("image_denoise", DenoiseScene)
        scene = clothes.draw(streams.rng("scene"))
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(streams.rng("rule"), scene.key, metric, difficulty)
        faults = ((STAINS, CONTRAST, defects.NOISE), (SALT,), (SCRATCHES, BANDING))
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("multiplicative", "power", "additive"),
                defects=tuple(fault for level in faults[: difficulty + 1] for fault in level),
                skills=("patch_regression",),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw clean pictures, damage them, and write the files."""
        rule = DenoiseRule.model_validate(design.rule)
        scene = wardrobe_of("image_denoise", DenoiseScene).get(rule.skin)
        train = _draw(rule, streams.child("train"), rule.train_rows)
        test = _draw(rule, streams.child("test"), rule.test_rows)
        picture, line = _asked(streams.rng("asked"), rule.test_rows)
        rows = len(picture)
        ids: dict[str, Sequence[Any] | NDArray[Any]] = {
            scene.id_column: row_ids(streams.rng("ids"), rows, prefix=scene.id_prefix)
        }
        truth = test.clean[picture, line]
        answers = {**ids, **{name: truth[:, place] for place, name in enumerate(PLACES)}}
        grey = np.full(rows, GREY)
        return Material(
            train_rows=rule.train_rows,
            test_rows=rows,
            public={
                "train_images.npy": pictures.npy_bytes(train.seen),
                "train_clean.npy": pictures.npy_bytes(train.clean),
                "test_images.npy": pictures.npy_bytes(test.seen),
                "test.csv": csv_bytes({**ids, scene.unit: picture, "line": line}),
                "sample_submission.csv": csv_bytes({**ids, **dict.fromkeys(PLACES, grey)}),
            },
            answers=answers_csv(
                {**answers, scene.unit: picture}, streams.rng("split"), groups=list(picture)
            ),
            ladder=denoise_ladder(id_column=scene.id_column, unit=scene.unit, metric=rule.metric),
            reference=Reference(kind="oracle", submission=csv_bytes(answers)),
            files=_file_notes(rule, scene),
            columns=(
                Note(scene.id_column, scene.id_text),
                Note(scene.unit, f"which {scene.what}: its place in `test_images.npy`, from 0"),
                Note("line", f"line of pixels of that picture, from 0 at the top to {SIDE - 1}"),
                Note(
                    "x*",
                    f"the targets: grey level of the {scene.clean_text}, 0 for black and 255 for "
                    f"white, at each place of the line, from `{PLACES[0]}` at the left to "
                    f"`{PLACES[-1]}` at the right",
                ),
            ),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """RMSE or MAE over all pixels."""
        scene = wardrobe_of("image_denoise", DenoiseScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=tuple(
                    Column(name=name, kind="number", low=0.0, high=255.0) for name in PLACES
                ),
                rows=material.test_rows,
                group_column=scene.unit,
            ),
        )


def _file_notes(rule: DenoiseRule, scene: DenoiseScene) -> tuple[Note, ...]:
    shape = f"{SIDE} x {SIDE}, 8-bit grey, line by line from the top"
    return (
        Note(
            "train_images.npy",
            f"one {scene.what} for each {scene.clean_text} of `train_clean.npy`, in the same "
            f"order: a NumPy array of {rule.train_rows} x {shape}",
        ),
        Note(
            "train_clean.npy",
            f"the {scene.clean_text} of each {scene.what}, in the same form and order",
        ),
        Note(
            "test_images.npy",
            f"one {scene.what} for each `{scene.unit}` of `test.csv`, in that order: a NumPy array "
            f"of {rule.test_rows} x {shape}",
        ),
        Note(
            "test.csv",
            f"the lines of pixels that are asked for: {ASKED} of each picture of "
            "`test_images.npy`, drawn at random and in no particular order; each is a test sample",
        ),
        Note("sample_submission.csv", "a valid submission that is grey all over"),
    )


def _asked(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Choose `ASKED` lines of each picture; return pictures and lines, shape (rows,)."""
    lines = rng.random((count, SIDE)).argsort(axis=1, kind="stable")[:, :ASKED]
    # neighbouring lines are alike: in the order of the pictures, rows would tell of each other
    order = rng.permutation(count * ASKED)
    return order // ASKED, lines.ravel()[order]


def _draw_rule(rng: np.random.Generator, skin: str, metric: str, difficulty: int) -> DenoiseRule:
    return DenoiseRule(
        skin=skin,
        metric=metric,
        train_rows=int(rng.integers(9, 13)) * 10,
        test_rows=TEST_PICTURES,
        paper=round(float(rng.uniform(205.0, 235.0)), 1),
        ink=round(float(rng.uniform(20.0, 60.0)), 1),
        strokes=int(rng.integers(4, 6)),
        faintest=round(float(rng.uniform(0.6, 0.75)), 3),
        gamma=round(float(rng.choice([0.8, 1.3])), 2),
        contrast=round(float(rng.uniform(0.65, 0.8)), 3),
        offset=round(float(rng.uniform(20.0, 50.0)), 1),
        stain=round(float(rng.uniform(0.6, 0.7)), 3),
        noise=3.0,
        salt=0.0 if difficulty < 1 else 0.05,
        scratches=0 if difficulty < 2 else 1,
        banding=0.0 if difficulty < 2 else 14.0,
    )


def _draw(rule: DenoiseRule, streams: Streams, rows: int) -> _Pairs:
    size = SIDE, SIDE
    rng = streams.rng("strokes")
    ink = np.zeros((rows, *size))
    for _ in range(rule.strokes):
        mark = shapes.rod(
            size,
            x=rng.uniform(2.0, SIDE - 3.0, rows),
            y=rng.uniform(2.0, SIDE - 3.0, rows),
            angle=rng.uniform(0.0, np.pi, rows),
            half_length=rng.uniform(3.0, 6.0, rows),
            half_width=rng.uniform(1.0, 1.7, rows),
        )
        ink = np.maximum(ink, mark * rng.uniform(rule.faintest, 1.0, rows)[:, None, None])
    clean = textures.to_pixels(rule.paper + (rule.ink - rule.paper) * ink)
    rng = streams.rng("damage")
    seen = 255.0 * (clean / 255.0) ** rule.gamma * rule.contrast + rule.offset
    seen = seen * (1.0 - rule.stain * _stains(rng, rows))
    if rule.scratches:
        seen += 40.0 * textures.strokes(rng, rows, SIDE, per_image=rule.scratches)
    seen += rule.banding * rng.standard_normal((rows, SIDE, 1))
    seen += rule.noise * rng.standard_normal(seen.shape)
    speck = rng.random(seen.shape)
    seen = np.where(speck < rule.salt / 2, 0.0, np.where(speck > 1 - rule.salt / 2, 255.0, seen))
    return _Pairs(textures.to_pixels(seen), clean)


def _stains(rng: np.random.Generator, rows: int) -> NDArray[np.float64]:
    """Draw two soft spots in each picture, from 0 to 1."""
    axis = np.arange(SIDE, dtype=np.float64)
    field = np.zeros((rows, SIDE, SIDE))
    for _ in range(2):
        x, y = rng.uniform(0, SIDE, (2, rows, 1, 1))
        wide = rng.uniform(4.0, 8.0, (rows, 1, 1))
        away = (axis[None, None, :] - x) ** 2 + (axis[None, :, None] - y) ** 2
        field = np.maximum(field, rng.uniform(0.5, 1.0, (rows, 1, 1)) * np.exp(-away / wide**2))
    return field


FAMILIES.register(ImageDenoise.name)(ImageDenoise())
