"""Small grey pictures with several kinds of marks: which of them are there?

Hidden rule: each label is one kind of mark somewhere in the picture. In training, labels come
together because the pictures were not chosen at random; in test each comes by itself.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_multilabel import multilabel_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects, sketches, textures, traits
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]
Kind = Literal["ring", "cross", "level_bar", "steep_bar", "pair", "hole"]

TEST_ROWS = 360
_CUTS = {"none": 0.15, "mild": 0.3, "strong": 0.5}

CO_OCCURRENCE = defects.Defect("co_occurrence", skill="label_decorrelation")


class Mark(Record):
    """A label of a scene."""

    name: str
    text: str


class MarkScene(sketches.PictureScene):
    """One domain, with what may be seen in its pictures."""

    marks: tuple[Mark, ...]


class MultilabelRule(Rule):
    """The hidden rule of one task, with its defects."""

    side: int
    labels: tuple[str, ...]
    kinds: tuple[Kind, ...]
    """What stands for each label."""
    cut: float
    """Value of a standard normal latent from which on a label is there."""
    together: float
    """Correlation of what is behind two labels, in training."""
    contrast: tuple[float, float]
    """Least and largest strength of a mark in grey levels."""
    specks: int
    """Small dots that stand for nothing."""
    scratches: int
    shortcut_step: float
    """Grey levels by which brightness follows the number of labels in training."""


class ImageMultilabel(SkinnedFamily[MarkScene, MultilabelRule]):
    """Multi-label classification by marks that come together in training only."""

    name = "image/multilabel-v1"
    modality = "image"
    task_type = "multilabel_classification"
    summary = "List the kinds of marks in a picture; in training, kinds come together."
    metrics = ("f1_micro", "roc_auc_columnwise")
    skins = "multilabel"
    scene_type = MarkScene
    rule_type = MultilabelRule
    scene_stream = "domain"
    seeds = {
        "plant-pathology-2021-fgvc8": "colour and photographs; labels in one cell of text",
        "imet-2020-fgvc7": "thousands of attributes become a few",
        "rsna-2022-cervical-spine-fracture-detection": "stacks of slices; one answer for each "
        "vertebra and one for the neck as a whole",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: MarkScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> MultilabelRule:
        """Draw labels, what stands for them, and nuisances."""
        count = traits.class_count(dna, rng, low=3, high=4)
        labels = sorted(rng.choice(len(scene.marks), size=count, replace=False).tolist())
        kinds = rng.choice(np.array(get_args(Kind)), size=count, replace=False).tolist()
        return MultilabelRule(
            skin=scene.key,
            metric=metric,
            side=28,
            train_rows=10 * int(rng.integers(17, 21)),
            test_rows=TEST_ROWS,
            labels=tuple(scene.marks[i].name for i in labels),
            kinds=tuple(kinds),
            cut=_CUTS[dna.imbalance],
            together=round(float(rng.uniform(0.45, 0.65)), 3),
            contrast=(48.0, 66.0),
            specks=(0, 2, 2)[difficulty],
            scratches=1 if difficulty >= 2 else 0,
            shortcut_step=6.0 if difficulty >= 2 else 0.0,
        )

    def profile(self, rule: MultilabelRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = [CO_OCCURRENCE, defects.BACKGROUND]
        found += [defects.CLUTTER] if difficulty >= 1 else []
        found += [defects.SHORTCUT, defects.OCCLUSION] if difficulty >= 2 else []
        trap = Trap(
            column="mean brightness of a picture",
            why="it goes with the number of labels in training pictures and nowhere else",
        )
        return Profile(
            grammar=("presence", "translation"),
            defects=tuple(found),
            skills=("filter_banks", "several_labels"),
            traps=(trap,) if difficulty >= 2 else (),
        )

    def targets(self, rule: MultilabelRule, scene: MarkScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        if rule.metric == "f1_micro":
            return tuple(Column(name=n, kind="label", labels=("0", "1")) for n in rule.labels)
        return tuple(Column(name=n, kind="number", low=0.0, high=1.0) for n in rule.labels)

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule, scene = self.worn(design)
        train = _shots(rule, streams.child("train"), rule.train_rows, honest=False)
        test = _shots(rule, streams.child("test"), rule.test_rows, honest=True)
        texts = {mark.name: mark.text for mark in scene.marks}
        decisions = rule.metric == "f1_micro"
        return sketches.picture_material(
            scene,
            streams,
            shots=(train, test),
            container="npy",
            sample=dict.fromkeys(rule.labels, 1 if decisions else 0.5),
            best=test.truth,
            ladder=lambda loader: multilabel_ladder(
                loader, id_column=scene.id_column, labels=rule.labels, decisions=decisions
            ),
            notes=tuple(
                Note(
                    name,
                    f"a target: 1 if the {scene.what} shows {texts[name]}, else 0; "
                    "only in `train.csv`",
                )
                for name in rule.labels
            ),
        )


def _shots(rule: MultilabelRule, streams: Streams, rows: int, *, honest: bool) -> sketches.Shots:
    shown = _labels(rule, streams.rng("labels"), rows, together=0.0 if honest else rule.together)
    rng, side = streams.rng("marks"), rule.side
    places = sketches.cells(rng, rows, slots=len(rule.kinds) + rule.specks, side=side, cell=7)
    images = np.full((rows, side, side), 128.0)
    for label, kind in enumerate(rule.kinds):
        strength = shown[:, label] * rng.uniform(*rule.contrast, rows)
        images += strength[:, None, None] * _drawn(kind, side, places[:, label], rng)
    for speck in range(rule.specks):
        strength = rng.integers(0, 2, rows) * rng.uniform(*rule.contrast, rows)
        at = places[:, len(rule.kinds) + speck]
        images += strength[:, None, None] * sketches.dots(side, at, width=0.9)
    if rule.scratches:
        images += 18.0 * textures.strokes(
            streams.rng("scratches"), rows, side, per_image=rule.scratches
        )
    images += sketches.lighting(
        streams.rng("light"), rows, side, slope=50.0, blotch=15.0, grain=7.0
    )
    number = shown.sum(axis=1) - shown.sum() / rows
    brightness = sketches.exposure(
        streams.rng("brightness"), number, step=rule.shortcut_step, spread=8.0, honest=honest
    )
    pixels = textures.to_pixels(images + brightness[:, None, None])
    return sketches.Shots(pixels, {name: shown[:, i] for i, name in enumerate(rule.labels)})


def _labels(
    rule: MultilabelRule, rng: np.random.Generator, rows: int, *, together: float
) -> NDArray[np.int64]:
    """Draw labels whose latents have a common part, shape (n, k)."""
    common, own = rng.standard_normal((rows, 1)), rng.standard_normal((rows, len(rule.labels)))
    latent = rounded(np.sqrt(together) * common + np.sqrt(1.0 - together) * own)
    return (latent > rule.cut).astype(np.int64)


def _drawn(kind: Kind, side: int, at: Floats, rng: np.random.Generator) -> Floats:
    rows = len(at)
    size, tilt = rng.uniform(0.9, 1.1, rows), rng.uniform(-0.2, 0.2, rows)

    def bar(angle: float, half: float) -> Floats:
        return sketches.bars(side, at, angle=tilt + angle, half=half * size, width=0.75)

    if kind == "ring":
        return sketches.rings(side, at, radius=2.5 * size, width=0.75)
    if kind == "cross":
        return np.maximum(bar(0.0, 2.3), bar(np.pi / 2, 2.3))
    if kind == "level_bar":
        return bar(0.0, 2.8)
    if kind == "steep_bar":
        return bar(np.pi / 2, 2.8)
    if kind == "hole":
        return -sketches.dots(side, at, width=1.5 * size)
    apart = 2.0 * size[:, None] * np.stack([np.cos(tilt), np.sin(tilt)], axis=1)
    first, second = (sketches.dots(side, at + sign * apart, width=0.95) for sign in (1, -1))
    return np.maximum(first, second)


FAMILIES.register(ImageMultilabel.name)(ImageMultilabel())
