"""Small grey pictures of bright and dark specks: is a certain pair among them?

Hidden rule: yes where a bright and a dark speck stand in one of the rule's relations, a shift in
pixels. All else, numbers of specks included, is the same with and without; decoys show a relation
the other way round, scratches cross the picture, and brightness goes with the answer in training.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_presence import presence_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects, sketches, textures, traits
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.core.draft import Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]

TEST_ROWS = 640
TRIES = 24
"""Layouts drawn for each picture; the first without accidental relations is taken."""
NEAR = 2.2
"""Pixels within which a pair counts as standing in a relation."""
_SHARES = {"none": 0.5, "mild": 0.3, "strong": 0.2}

REVERSED_PAIRS = defects.Defect("reversed_pairs", skill="directed_relations")
SCRATCHES = defects.Defect("scratches", skill="occlusion_handling")


class PresenceRule(Rule):
    """The hidden rule of one task, with its defects."""

    side: int
    share: float
    """Share of pictures with the answer yes."""
    relations: tuple[tuple[float, float], ...]
    """From the bright speck to the dark one, pixels right and down; any of them makes a yes."""
    jitter: float
    """Standard deviation of a relation in pixels."""
    grain: float
    """Standard deviation of the noise in grey levels."""
    specks: int
    """Bright specks in each picture, and as many dark ones."""
    widths: tuple[float, float]
    """Size of bright and dark specks in pixels."""
    reversed_share: float
    """Share of pictures in which a dark speck stands to a bright one as the rule asks of the
    opposite."""
    scratches: int
    shortcut_step: float
    """Grey levels by which brightness follows the answer in training."""


class ImagePresence(SkinnedFamily[sketches.AnswerScene, PresenceRule]):
    """Binary classification by a relation between specks, with decoys and a lighting shortcut."""

    name = "image/presence-v1"
    modality = "image"
    task_type = "binary_classification"
    summary = "Say whether two kinds of specks stand in a certain relation somewhere in a picture."
    metrics = ("roc_auc", "log_loss")
    skins = "presence"
    scene_type = sketches.AnswerScene
    rule_type = PresenceRule
    scene_stream = "domain"
    seeds = {
        "invasive-species-monitoring": "colour and photographs; pretrained networks",
        "statoil-iceberg-classifier-challenge": "two radar bands and the incidence angle",
        "alaska2-image-steganalysis": "colour and JPEG coefficients; marks are far fainter there",
        "rsna-breast-cancer-detection": "several large pictures for each patient, and their ages",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: sketches.AnswerScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> PresenceRule:
        """Draw relations, decoys and nuisances."""
        return PresenceRule(
            skin=scene.key,
            metric=metric,
            side=traits.side(dna, (20, 22, 24)),
            train_rows=200 if difficulty >= 2 else 10 * int(rng.integers(17, 21)),
            test_rows=TEST_ROWS,
            share=_SHARES[dna.imbalance],
            relations=_relations(rng, 2 if difficulty >= 2 else 1),
            # the logarithmic loss asks for sure answers, so pictures are clearer under it
            jitter=0.2 if metric == "log_loss" else (0.45, 0.45, 0.25)[difficulty],
            grain=4.0 if metric == "log_loss" else 8.0,
            specks=3,
            widths=(round(float(rng.uniform(0.9, 1.3)), 3), round(float(rng.uniform(0.9, 1.3)), 3)),
            reversed_share=0.7 if difficulty >= 1 else 0.0,
            scratches=1 if difficulty >= 2 else 0,
            shortcut_step=round(float(rng.uniform(8.0, 11.0)), 3),
        )

    def profile(self, rule: PresenceRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = [defects.SHORTCUT, defects.BACKGROUND]
        found += [REVERSED_PAIRS] if rule.reversed_share else []
        found += [SCRATCHES] if rule.scratches else []
        trap = Trap(
            column="mean brightness of a picture",
            why="it goes with the answer in training pictures and nowhere else",
        )
        return Profile(
            grammar=("interaction", "displacement", *(["or"] if difficulty >= 2 else [])),
            defects=tuple(found),
            skills=("translation_invariance", *(["several_causes"] if difficulty > 1 else [])),
            traps=(trap,),
        )

    def targets(self, rule: PresenceRule, scene: sketches.AnswerScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        return (Column(name=scene.target, kind="number", low=0.0, high=1.0),)

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule, scene = self.worn(design)
        train, _ = _shots(rule, scene, streams.child("train"), rule.train_rows, honest=False)
        test, answer = _shots(rule, scene, streams.child("test"), rule.test_rows, honest=True)
        return sketches.picture_material(
            scene,
            streams,
            shots=(train, test),
            container="npy",
            sample={scene.target: 0.5},
            best={scene.target: answer},
            ladder=lambda loader: presence_ladder(
                loader, id_column=scene.id_column, target=scene.target
            ),
            notes=(Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),),
        )


def _relations(rng: np.random.Generator, count: int) -> tuple[tuple[float, float], ...]:
    """Draw shifts that are neither alike nor opposite."""
    length, angle = rng.uniform(4.5, 7.5, count), rng.uniform(0, 2 * np.pi)
    turns = angle + np.arange(count) * rng.uniform(0.35, 0.65) * np.pi
    shifts = zip(length * np.cos(turns), length * np.sin(turns), strict=True)
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in shifts)


def _shots(
    rule: PresenceRule, scene: sketches.AnswerScene, streams: Streams, rows: int, *, honest: bool
) -> tuple[sketches.Shots, NDArray[np.int64]]:
    yes = (streams.rng("answers").random(rows) < rule.share).astype(np.int64)
    bright, dark = _layout(rule, streams.rng("places"), yes)
    rng, side = streams.rng("marks"), rule.side
    images = np.full((rows, side, side), 128.0)
    for slot in range(rule.specks):
        for places, sign, width in (
            (bright, 1.0, rule.widths[0]),
            (dark, -1.0, rule.widths[1]),
        ):
            strength = sign * rng.uniform(36.0, 66.0, rows)[:, None, None]
            images += strength * sketches.dots(side, places[:, slot], width=width)
    if rule.scratches:
        images += 20.0 * textures.strokes(
            streams.rng("scratches"), rows, side, per_image=rule.scratches
        )
    images += sketches.lighting(
        streams.rng("light"), rows, side, slope=50.0, blotch=18.0, grain=rule.grain
    )
    signal = (yes - rule.share) / np.sqrt(rule.share * (1.0 - rule.share))
    brightness = sketches.exposure(
        streams.rng("brightness"), signal, step=rule.shortcut_step, spread=6.0, honest=honest
    )
    pixels = textures.to_pixels(images + brightness[:, None, None])
    return sketches.Shots(pixels, {scene.target: yes}), yes


def _layout(
    rule: PresenceRule, rng: np.random.Generator, yes: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Place bright and dark specks, each of shape (rows, specks, 2).

    A layout must hold a relation exactly as often as the answer says, keep its specks apart and lie
    inside the picture; the first of the tries that does is taken.
    """
    rows, reach = len(yes), rule.side / 2 - 2.0
    shape = (rows, TRIES, rule.specks, 2)
    bright, dark = (reach * (2.0 * rng.random(shape) - 1.0) for _ in range(2))
    shifts = np.array(rule.relations)
    asked = shifts[rng.integers(0, len(shifts), rows)]
    off = rule.jitter * rng.standard_normal((2, rows, 2))
    planted = bright[:, :, 0] + (asked + off[0])[:, None]
    dark[:, :, 0] = np.where(yes[:, None, None] == 1, planted, dark[:, :, 0])
    turned = rng.random(rows) < rule.reversed_share
    opposite = bright[:, :, 1] - (asked + off[1])[:, None]
    dark[:, :, 1] = np.where(turned[:, None, None], opposite, dark[:, :, 1])
    between = dark[:, :, None, :, :] - bright[:, :, :, None, :]
    from_rule = np.stack([((between - shift) ** 2).sum(axis=-1) for shift in shifts]).min(axis=0)
    hits = (from_rule < NEAR**2).sum(axis=(2, 3))
    specks = np.concatenate([bright, dark], axis=2)
    gaps = ((specks[:, :, :, None] - specks[:, :, None]) ** 2).sum(axis=-1)
    crowded = (gaps < 2.8**2).sum(axis=(2, 3)) > 2 * rule.specks
    inside = np.abs(specks).max(axis=(2, 3)) < reach
    first = ((hits == yes[:, None]) & ~crowded & inside).argmax(axis=1)
    every = np.arange(rows)
    return rounded(bright[every, first]), rounded(dark[every, first])


FAMILIES.register(ImagePresence.name)(ImagePresence())
