"""Small grey pictures: the label is in direction and spacing of fine lines taken together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_texture import image_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.dealing import dealt
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.naming import invented_name, named
from sandmle.authors.toolkit.pictures import Packed, draw_container, pack
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, Wardrobe, wardrobe_of
from sandmle.authors.toolkit.traits import class_count, class_shares, side
from sandmle.core.draft import Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 540
SIDES = (28, 29, 30)
SCRATCHES = Defect("scratches", skill="distractor_rejection")
COARSE_PATTERN = Defect("coarse_pattern", skill="frequency_filtering")


class TextureScene(Scene):
    """What the pictures show; `{place}` is an invented name, `{side}` their side in pixels."""

    target: str
    target_text: str
    labels: tuple[str, ...]
    """At least six."""
    sound: bool = False
    """Whether the pictures show sound."""


@dataclass(frozen=True)
class _Pictures:
    pixels: NDArray[np.uint8]
    """Shape (rows, side, side)."""
    answers: NDArray[np.int64]
    """Index of each label, shape (rows,)."""


class ImageTexture(Family):
    """Image classification by orientation and frequency, with clutter and a lighting shortcut."""

    name = "image/texture-v2"
    modality = "image"
    task_type = "multiclass_classification"
    summary = "Classify small textures by line direction and spacing; train brightness misleads."
    metrics = ("accuracy", "f1_macro", "balanced_accuracy", "mcc", "error_rate")
    seeds = {
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
        clothes = wardrobe_of("texture", TextureScene)
        if dna.modality == "audio":
            clothes = Wardrobe(tuple(s for s in clothes.scenes if s.sound), clothes.closings)
        rng = streams.rng("domain")
        scene = clothes.draw(rng)
        classes = class_count(dna, rng, low=3, high=6)
        labels = sorted(rng.choice(scene.labels, size=classes, replace=False).tolist())
        rule = {
            "scene": scene.key,
            "metric": self.choose_metric(dna, streams.rng("metric")),
            "train_rows": 200 if classes > 4 else int(rng.integers(16, 20)) * 10,
            "test_rows": TEST_ROWS,
            "side": side(dna, SIDES),
            "container": draw_container(streams.rng("container")),
            "shares": class_shares(dna, streams.rng("shares"), classes),
            **_rule(streams.rng("rule"), labels, difficulty=difficulty),
        }
        names = {"place": invented_name(streams.rng("place")), "side": str(rule["side"])}
        told = named(clothes, scene, names)
        return self.tell(
            told,
            told.scenes[0],
            streams.rng("words"),
            rule=rule,
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule = design.rule
        scene = wardrobe_of("texture", TextureScene).get(rule["scene"])
        rows, labels = rule["train_rows"], rule["labels"]
        ids = row_ids(streams.rng("ids"), rows + rule["test_rows"], prefix=scene.id_prefix)
        train = _pictures(rule, streams.child("train"), rows, shortcut=True)
        test = _pictures(rule, streams.child("test"), rule["test_rows"], shortcut=False)
        packed = pack(
            train.pixels,
            test.pixels,
            ids=(ids[:rows], ids[rows:]),
            id_column=scene.id_column,
            container=rule["container"],
        )
        truth = {scene.target: [labels[i] for i in test.answers]}
        return row_material(
            Rows(ids[:rows], {scene.target: [labels[i] for i in train.answers]}),
            Rows(ids[rows:], truth),
            sample={scene.target: labels[0]},
            best=truth,
            ladder=image_ladder(
                id_column=scene.id_column, label_column=scene.target, loader=packed.loader
            ),
            words=_words(scene, packed),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Accuracy, or what the DNA asks for, on one label per picture."""
        scene = wardrobe_of("texture", TextureScene).get(design.rule["scene"])
        target = Column(name=scene.target, kind="label", labels=tuple(design.rule["labels"]))
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column, targets=(target,), rows=material.test_rows
            ),
        )


def _profile(rule: Mapping[str, Any]) -> Profile:
    found = [defects.SHORTCUT, defects.NOISE, defects.BACKGROUND]
    found += [SCRATCHES] if rule["strokes"] else []
    found += [COARSE_PATTERN] if rule["coarse_gain"] else []
    return Profile(
        grammar=("periodic", "interaction"),
        defects=tuple(found),
        skills=("frequency_domain_features",),
        traps=(
            Trap(
                column="mean brightness of an image",
                why="it goes with the label in the training images and with nothing in test",
            ),
        ),
    )


def _words(scene: TextureScene, packed: Packed) -> Words:
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"ids of the labelled pictures and their `{scene.target}`",
        test="ids of the pictures to be labelled",
        sample="a valid submission that always gives one answer",
        columns=(Note(scene.target, f"{scene.target_text}; the target, in `train.csv` only"),),
        files=packed.notes,
        attached=packed.files,
    )


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
    """Draw pictures, labels in their shares; with the shortcut, brightness goes with them."""
    rng = streams.rng("pattern")
    classes, pixels = len(rule["labels"]), rule["side"]
    table = np.array(rule["label_of_direction_and_spacing"])
    answers = dealt(rng, rows, shares=rule["shares"])
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
    images = gain * textures.gratings(pixels, angles=angles, cycles=cycles, phases=phases)
    rng = streams.rng("nuisance")
    images += rule["slope_gain"] * textures.slopes(rng, rows, pixels)
    images += rule["noise"] * rng.standard_normal(images.shape)
    if rule["strokes"]:
        marks = textures.strokes(rng, rows, pixels, per_image=rule["strokes"])
        images += rule["stroke_gain"] * marks
    if rule["coarse_gain"]:
        images += rule["coarse_gain"] * textures.gratings(
            pixels,
            angles=rng.uniform(0, np.pi, rows),
            cycles=rng.uniform(1.2, 2.6, rows),
            phases=rng.uniform(0, 2 * np.pi, rows),
        )
    rng = streams.rng("brightness")
    shown = answers if shortcut else rng.permutation(answers)
    rank = np.array(rule["shortcut_order"])[shown] - (classes - 1) / 2
    brightness = 128 + rule["shortcut_step"] * rank
    brightness = brightness + rule["brightness_spread"] * rng.standard_normal(rows)
    images += brightness[:, None, None]
    return _Pictures(pixels=textures.to_pixels(images), answers=answers)


FAMILIES.register(ImageTexture.name)(ImageTexture())
