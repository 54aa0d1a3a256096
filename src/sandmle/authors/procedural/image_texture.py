"""Small grey pictures: the label is in direction and spacing of fine lines taken together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_texture import image_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family
from sandmle.authors.procedural._image_skins import CLUTTER, SKINS, ImageSkin
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import textures
from sandmle.authors.toolkit.answers import answers_csv, row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.lexicon import draw_phonology, draw_words
from sandmle.authors.toolkit.png import png_bytes
from sandmle.core.draft import Reference, Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

NAME = "image/texture-v1"
TEST_ROWS = 500
SIDE = 32
_METRICS = {
    "f1": "f1_macro",
    "f_beta": "f1_macro",
    "auc": "balanced_accuracy",
    "mcc": "mcc",
    "error_rate": "error_rate",
}


@dataclass(frozen=True)
class _Pictures:
    pixels: NDArray[np.uint8]
    """Shape (rows, SIDE, SIDE)."""
    answers: NDArray[np.int64]
    """Index of each label, shape (rows,)."""


class ImageTexture(Family):
    """Image classification by orientation and frequency, with clutter and a lighting shortcut."""

    name = NAME
    modality = "image"
    task_type = "multiclass_classification"
    summary = "Classify small textures by line direction and spacing; train brightness misleads."
    metrics = ("accuracy", "f1_macro", "balanced_accuracy", "mcc", "error_rate")
    seeds = {  # noqa: RUF012 - declared ClassVar in the base
        "cassava-leaf-disease-classification": "colour and photographs; pretrained networks",
        "paddy-disease-classification": "colour and photographs; pretrained networks",
        "plant-seedlings-classification": "colour; 12 classes become 6",
        "inaturalist-2019-fgvc6": "1,010 species become a few; pretrained networks",
        "iwildcam-2019-fgvc6": "camera sites and empty frames; night and day",
        "iwildcam-2020-fgvc7": "camera sites, sequences of frames and satellite data",
        "herbarium-2020-fgvc7": "tens of thousands of species become a few",
        "herbarium-2021-fgvc8": "tens of thousands of species become a few",
        "herbarium-2022-fgvc9": "the taxonomy above the species; 15,501 classes become a few",
        "cdiscount-image-classification-challenge": "5,270 classes become a few",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw directions, spacings, which label each pair has, the nuisances and a domain."""
        rng = streams.rng("domain")
        skins = [skin for skin in SKINS if skin.sound or dna.modality != "audio"]
        skin = skins[int(rng.integers(len(skins)))]
        name_rng = streams.rng("place")
        sounds = draw_phonology(name_rng)
        place = draw_words(name_rng, sounds, pattern="CVCVC", count=1, taken=set())[0].capitalize()
        classes = int(np.clip(dna.n_classes or rng.integers(3, 7), 3, 6))
        labels = sorted(rng.choice(skin.labels, size=classes, replace=False).tolist())
        rule = _rule(streams.rng("rule"), labels, difficulty=difficulty)
        rule["metric"] = _METRICS.get(dna.metric_family, "accuracy")
        rule["train_rows"] = 200 if classes > 4 else int(rng.integers(16, 20)) * 10
        rule["skin"] = SKINS.index(skin)
        skills = ["frequency_domain_features", "interaction", "ignore_shortcut"]
        skills += ["background_removal"] if rule["strokes"] else []
        skills += ["distractor_rejection"] if rule["coarse_gain"] else []
        return Design(
            family=NAME,
            modality=self.modality,
            task_type=self.task_type,
            title=_pick(rng, skin.titles).format(place=place),
            domain=skin.domain,
            difficulty=difficulty,
            story=_story(streams.rng("story"), skin, place),
            rule=rule,
            skills=tuple(skills),
            traps=(
                Trap(
                    column="mean brightness of an image",
                    why="it goes with the label in the training images and with nothing in test",
                ),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule, skin = design.rule, SKINS[design.rule["skin"]]
        n_train = rule["train_rows"]
        ids = row_ids(streams.rng("ids"), n_train + TEST_ROWS, prefix=skin.id_prefix)
        train = _pictures(rule, streams.child("train"), n_train, shortcut=True)
        test = _pictures(rule, streams.child("test"), TEST_ROWS, shortcut=False)
        key, label, labels = skin.id_column, skin.label_column, rule["labels"]
        test_ids = ids[n_train:]
        images = {
            f"images/{name}.png": png_bytes(picture)
            for name, picture in zip(ids, [*train.pixels, *test.pixels], strict=True)
        }
        known = {key: ids[:n_train], label: [labels[i] for i in train.answers]}
        return Material(
            test_rows=TEST_ROWS,
            train_rows=n_train,
            public={
                **dict(sorted(images.items())),
                "train.csv": csv_bytes(known),
                "test.csv": csv_bytes({key: test_ids}),
                "sample_submission.csv": csv_bytes({key: test_ids, label: [labels[0]] * TEST_ROWS}),
            },
            answers=answers_csv(
                {key: test_ids, label: [labels[i] for i in test.answers]}, streams.rng("split")
            ),
            ladder=image_ladder(id_column=key, label_column=label),
            reference=Reference(
                kind="oracle",
                submission=csv_bytes({key: test_ids, label: [labels[i] for i in test.answers]}),
            ),
            files=(
                Note("train.csv", f"ids of the labelled pictures and their `{label}`"),
                Note("test.csv", "ids of the pictures to be labelled"),
                Note(
                    "images/",
                    f"all pictures, {SIDE} by {SIDE} pixels, 8-bit grey PNG, named by their id "
                    f"with the ending `.png`",
                ),
                Note("sample_submission.csv", "a valid submission that always gives one answer"),
            ),
            columns=(
                Note(key, "a number without meaning that names the picture"),
                Note(label, f"{skin.label_note}; the target, in `train.csv` only"),
            ),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Accuracy, or what the DNA asks for, on one label per picture."""
        skin = SKINS[design.rule["skin"]]
        target = Column(name=skin.label_column, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=skin.id_column, targets=(target,), rows=TEST_ROWS
            ),
        )


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _story(rng: np.random.Generator, skin: ImageSkin, place: str) -> str:
    first = [_pick(rng, skin.who), _pick(rng, skin.goal)]
    second = [_pick(rng, skin.shift), _pick(rng, CLUTTER)]
    return "\n\n".join(" ".join(part) for part in (first, second)).format(place=place)


def _rule(rng: np.random.Generator, labels: list[str], *, difficulty: int) -> dict[str, Any]:
    """Give every pair of direction and spacing a label, so that neither tells it alone."""
    classes = len(labels)
    directions = max(4, classes)
    first = float(rng.uniform(0, np.pi / directions))
    angles = first + np.arange(directions) * np.pi / directions
    cycles = np.array([4.0, 6.2, 9.4])[: 2 if difficulty == 0 else 3]
    steps = rng.permutation(np.arange(1, classes))[: len(cycles) - 1]
    shifts = [0, *steps.tolist()] if classes > 2 else [0, 1, 0][: len(cycles)]
    order = rng.permutation(classes)
    table = [[int(order[(i + s) % classes]) for s in shifts] for i in range(directions)]
    return {
        "labels": labels,
        "angles": rounded(angles).tolist(),
        "cycles": rounded(cycles * rng.uniform(0.95, 1.05)).tolist(),
        "label_of_direction_and_spacing": table,
        "angle_jitter": 0.1,
        "cycles_jitter": 0.06,
        "gain": [9.5, 14.5],
        "noise": 28.0,
        "slope_gain": 36.0,
        "strokes": 3 if difficulty >= 1 else 0,
        "stroke_gain": 45.0,
        "coarse_gain": 26.0 if difficulty >= 2 else 0.0,
        # well inside [0, 255]: clipped pixels would make some labels' pictures pack smaller
        "shortcut_step": round(60.0 / (classes - 1), 6),
        "shortcut_order": rng.permutation(classes).tolist(),
        "brightness_spread": 8.0,
    }


def _pictures(rule: Mapping[str, Any], streams: Streams, rows: int, *, shortcut: bool) -> _Pictures:
    """Draw pictures in which every label is equally frequent."""
    rng = streams.rng("pattern")
    classes = len(rule["labels"])
    table = np.array(rule["label_of_direction_and_spacing"])
    answers = rng.permutation(np.arange(rows) % classes)
    cells = [np.argwhere(table == label) for label in range(classes)]
    picks = rng.random(rows)
    chosen = np.array(
        [cells[c][int(u * len(cells[c]))] for c, u in zip(answers, picks, strict=True)]
    )
    angles = np.array(rule["angles"])[chosen[:, 0]] + rule["angle_jitter"] * rng.standard_normal(
        rows
    )
    cycles = np.array(rule["cycles"])[chosen[:, 1]]
    cycles = cycles * (1 + rule["cycles_jitter"] * rng.standard_normal(rows))
    phases = rng.uniform(0, 2 * np.pi, rows)
    gain = rng.uniform(rule["gain"][0], rule["gain"][1], rows)[:, None, None]
    images = gain * textures.gratings(SIDE, angles=angles, cycles=cycles, phases=phases)
    rng = streams.rng("nuisance")
    images += rule["slope_gain"] * textures.slopes(rng, rows, SIDE)
    images += rule["noise"] * rng.standard_normal(images.shape)
    if rule["strokes"]:
        marks = textures.strokes(rng, rows, SIDE, per_image=rule["strokes"])
        images += rule["stroke_gain"] * marks
    if rule["coarse_gain"]:
        images += rule["coarse_gain"] * textures.gratings(
            SIDE,
            angles=rng.uniform(0, np.pi, rows),
            cycles=rng.uniform(1.2, 2.6, rows),
            phases=rng.uniform(0, 2 * np.pi, rows),
        )
    rng = streams.rng("brightness")
    shown = answers if shortcut else rng.permutation(answers)
    rank = np.array(rule["shortcut_order"])[shown] - (classes - 1) / 2
    brightness = 128 + rule["shortcut_step"] * rank
    brightness = brightness + rule["brightness_spread"] * rng.standard_normal(rows)
    pixels = textures.to_pixels(images + brightness[:, None, None])
    return _Pictures(pixels=pixels, answers=answers)


FAMILIES.register(NAME)(ImageTexture())
