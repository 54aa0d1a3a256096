"""Small stacks of slices: does a thin tube run through them, or are there only specks?

Hidden rule: yes where the speck in each slice lies near the one before, so that they form a winding
tube. For a no, the same tube is drawn with its slices shuffled, so that no slice by itself, nor all
of them on top of each other, says anything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_volumes import volumes_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects, sketches, textures
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.core.draft import Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]

TEST_ROWS = 360
_SHARES = {"none": 0.5, "mild": 0.4, "strong": 0.3}

STRAIGHT_TUBES = defects.Defect("straight_tubes", skill="distractor_rejection")
MISSING_SLICES = defects.Defect("missing_slices", skill="gap_bridging")


class VolumesRule(Rule):
    """The hidden rule of one task, with its defects."""

    depth: int
    side: int
    share: float
    """Share of stacks with the answer yes."""
    stride: float
    """Pixels by which the tube moves from slice to slice."""
    winding: float
    """Radians by which it may turn at each slice, either way."""
    sign: int
    """1 for tubes brighter than their surroundings, -1 for darker ones."""
    straight_share: float
    """Share of stacks with another tube that runs straight through, whatever the answer."""
    missing: int
    """Slices in which the tube is not to be seen."""
    grain: float
    """Standard deviation of the noise in grey levels."""
    specks: float
    """Share of the slices with a speck that stands for nothing."""
    shortcut_step: float
    """Grey levels by which brightness follows the answer in training."""


class ImageVolumes(SkinnedFamily[sketches.AnswerScene, VolumesRule]):
    """Binary classification of stacks by what goes on from slice to slice."""

    name = "image/volumes-v1"
    modality = "image"
    task_type = "binary_classification"
    summary = "Say whether the specks in a stack of slices form a winding tube."
    metrics = ("roc_auc", "log_loss")
    skins = "volumes"
    scene_type = sketches.AnswerScene
    rule_type = VolumesRule
    scene_stream = "domain"
    seeds = {
        "rsna-miccai-brain-tumor-radiogenomic-classification": "four kinds of scan for each "
        "patient; hundreds of slices become a few",
        "rsna-2022-cervical-spine-fracture-detection": "one answer for each vertebra; hundreds of "
        "slices become a few",
        "uw-madison-gi-tract-image-segmentation": "masks of organs become one answer",
        "vesuvius-challenge-ink-detection": "masks of ink over large fragments become one answer",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: sketches.AnswerScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> VolumesRule:
        """Draw tube and nuisances."""
        # the logarithmic loss asks for sure answers, so tubes are plainer under it
        clear = metric == "log_loss"
        return VolumesRule(
            skin=scene.key,
            metric=metric,
            depth=8,
            side=11,
            train_rows=10 * int(rng.integers(15, 18)),
            test_rows=TEST_ROWS,
            share=_SHARES[dna.imbalance],
            stride=round(float(rng.uniform(0.8, 0.9) if clear else rng.uniform(1.0, 1.3)), 3),
            winding=round(float(rng.uniform(0.7, 1.1)), 3),
            sign=1 if rng.random() < 0.6 else -1,
            straight_share=0.5 if difficulty >= 1 else 0.0,
            missing=1 if difficulty >= 2 else 0,
            grain=4.0 if clear else 8.0,
            specks=0.15 if clear else (0.5, 0.5, 0.3)[difficulty],
            shortcut_step=round(float(rng.uniform(8.0, 11.0)), 3),
        )

    def profile(self, rule: VolumesRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = [defects.SHORTCUT, defects.BACKGROUND]
        found += [STRAIGHT_TUBES] if difficulty >= 1 else []
        found += [MISSING_SLICES] if difficulty >= 2 else []
        trap = Trap(
            column="mean brightness of a stack",
            why="it goes with the answer in training stacks and nowhere else",
        )
        return Profile(
            grammar=("continuity", "translation", *(["gap"] if difficulty >= 2 else [])),
            defects=tuple(found),
            skills=("volume_features", "path_search"),
            traps=(trap,),
        )

    def targets(self, rule: VolumesRule, scene: sketches.AnswerScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        return (Column(name=scene.target, kind="number", low=0.0, high=1.0),)

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the stacks of train and test."""
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
            ladder=lambda loader: volumes_ladder(
                loader, id_column=scene.id_column, target=scene.target
            ),
            notes=(Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),),
        )


def _shots(
    rule: VolumesRule, scene: sketches.AnswerScene, streams: Streams, rows: int, *, honest: bool
) -> tuple[sketches.Shots, NDArray[np.int64]]:
    yes = (streams.rng("answers").random(rows) < rule.share).astype(np.int64)
    marks = _tubes(rule, streams.rng("tubes"), yes) + _distractors(
        rule, streams.rng("distractors"), rows
    )
    volumes = 110.0 + rule.sign * marks
    volumes += 40.0 * textures.slopes(streams.rng("light"), rows, rule.side)[:, None]
    rng = streams.rng("grain")
    volumes += 6.0 * rng.standard_normal((rows, rule.depth, 1, 1))
    volumes += rule.grain * rng.standard_normal(volumes.shape)
    signal = (yes - rule.share) / np.sqrt(rule.share * (1.0 - rule.share))
    brightness = sketches.exposure(
        streams.rng("brightness"), signal, step=rule.shortcut_step, spread=6.0, honest=honest
    )
    pixels = textures.to_pixels(volumes + brightness[:, None, None, None])
    return sketches.Shots(pixels, {scene.target: yes}), yes


def _tubes(rule: VolumesRule, rng: np.random.Generator, yes: NDArray[np.int64]) -> Floats:
    """Draw a speck in each slice, in order for a yes and with slices shuffled for a no."""
    rows, depth = len(yes), rule.depth
    places = _walks(rule, rng, rows)
    shuffled = rng.random((rows, depth)).argsort(axis=1, kind="stable")
    order = np.where(yes[:, None] == 1, np.arange(depth), shuffled)
    places = np.take_along_axis(places, order[:, :, None], axis=1)
    strength = np.repeat(rng.uniform(42.0, 62.0, (rows, 1)), depth, axis=1)
    hidden = rng.random((rows, depth)).argsort(axis=1, kind="stable")[:, : rule.missing]
    np.put_along_axis(strength, hidden, 0.0, axis=1)
    drawn = [sketches.dots(rule.side, places[:, z], width=1.0) for z in range(depth)]
    return np.asarray(strength[:, :, None, None] * np.stack(drawn, axis=1))


def _walks(rule: VolumesRule, rng: np.random.Generator, rows: int) -> Floats:
    """Draw winding ways that turn away from the border, shape (rows, depth, 2)."""
    reach = (rule.side - 1) / 2 - 1.0
    at = rng.uniform(-reach + 0.5, reach - 0.5, (rows, 2))
    heading = rng.uniform(0, 2 * np.pi, rows)
    places = [at]
    for _ in range(rule.depth - 1):
        heading = heading + rng.uniform(-rule.winding, rule.winding, rows)
        step = rule.stride * np.stack([np.cos(heading), np.sin(heading)], axis=1)
        moved = at + step
        outside = (np.abs(rounded(moved)) > reach).any(axis=1)
        heading = np.where(outside, heading + 0.6 * np.pi, heading)
        at = np.clip(moved, -reach, reach)
        places.append(at)
    return np.stack(places, axis=1)


def _distractors(rule: VolumesRule, rng: np.random.Generator, rows: int) -> Floats:
    """Draw tubes that run straight through some stacks, and specks in some slices."""
    reach = (rule.side - 1) / 2 - 1.0
    start, lean = rng.uniform(-reach, reach, (rows, 2)), rng.uniform(-0.12, 0.12, (rows, 2))
    straight = (rng.random(rows) < rule.straight_share) * rng.uniform(42.0, 62.0, rows)
    slices = []
    for z in range(rule.depth):
        through = sketches.dots(rule.side, start + lean * (z - rule.depth / 2), width=1.0)
        speck = sketches.dots(rule.side, rng.uniform(-reach, reach, (rows, 2)), width=1.0)
        shown = (rng.random(rows) < rule.specks) * rng.uniform(42.0, 62.0, rows)
        slices.append(straight[:, None, None] * through + shown[:, None, None] * speck)
    return np.stack(slices, axis=1)


FAMILIES.register(ImageVolumes.name)(ImageVolumes())
