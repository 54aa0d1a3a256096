"""Small grey pictures of one object: by how many degrees is it turned?

Hidden rule: the object, a bar with marks that tell head from tail, is drawn in a frame of its own
and turned by the answer plus a quarter turn or several. Specks, a scratch and, at the last level,
negatives stand in the way; where the object looks alike both ways round, angles have period 180.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_pose import pose_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects, sketches, textures, traits
from sandmle.authors.toolkit.pictures import Container, draw_container
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]

TEST_ROWS = 300
TILT = 60.0
"""Largest angle to either side where the object is never upside down, in degrees."""

_POINTING = {0.0: "to the right", 90.0: "down", 180.0: "to the left", 270.0: "up"}
_LYING = {0.0: "level", 90.0: "upright"}

NEGATIVES = defects.Defect("negatives", skill="polarity_invariance")
OFF_CENTRE = defects.Defect("off_centre", skill="centring")


class PoseScene(sketches.AnswerScene):
    """One domain, with what may stand on its head unnoticed."""

    symmetric: bool = False
    """Whether the object may look alike both ways round."""


class Part(Record):
    """A piece of the object in its own frame, whose first axis is the object's direction."""

    kind: Literal["dot", "bar"]
    along: float
    """Place along the direction, in pixels from the middle."""
    beside: float
    angle: float
    """Of a bar against the direction, in radians."""
    half: float
    width: float
    strength: float
    """Grey levels."""


class PoseRule(Rule):
    """The hidden rule of one task, with its defects."""

    container: Container
    side: int
    parts: tuple[Part, ...]
    offset: float
    """Degrees between the answer and the direction of the object's frame."""
    period: int
    clockwise: bool
    tilted: bool
    """Whether angles stay within `TILT` of zero."""
    wander: float
    """Pixels by which the object may stand off the middle, right or down."""
    specks: int
    scratches: int
    negative_share: float


class ImagePose(SkinnedFamily[PoseScene, PoseRule]):
    """Regression of an angle: it comes round, the object moves, and head looks like tail."""

    name = "image/pose-v1"
    modality = "image"
    task_type = "regression"
    summary = "Tell by how many degrees an object in a picture is turned."
    metrics = ("angular_error", "mae")
    skins = "pose"
    scene_type = PoseScene
    rule_type = PoseRule
    scene_stream = "domain"
    seeds = {
        "icecube-neutrinos-in-deep-ice": "two angles from pulses in thousands of sensors",
        "3d-object-detection-for-autonomous-vehicles": "boxes and places in point clouds; only the "
        "heading is left",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: PoseScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> PoseRule:
        """Draw object, convention of angles and nuisances."""
        tilted = metric == "mae"
        alike = rng.random() < 0.4 and scene.symmetric and not tilted
        return PoseRule(
            skin=scene.key,
            metric=metric,
            container=draw_container(rng),
            side=traits.side(dna, (24, 24, 28)),
            train_rows=10 * int(rng.integers(12, 17)),
            test_rows=TEST_ROWS,
            parts=_draw_parts(rng, alike=alike),
            offset=0.0 if tilted else float(rng.choice(list(_POINTING))),
            period=180 if alike else 360,
            clockwise=bool(rng.random() < 0.5),
            tilted=tilted,
            wander=3.0,
            specks=(1, 3, 3)[difficulty],
            scratches=1 if difficulty >= 2 else 0,
            negative_share=0.5 if difficulty >= 2 else 0.0,
        )

    def profile(self, rule: PoseRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = [defects.BACKGROUND, defects.NOISE, OFF_CENTRE]
        found += [defects.CLUTTER] if difficulty >= 1 else []
        found += [defects.OCCLUSION, NEGATIVES] if difficulty >= 2 else []
        return Profile(
            grammar=("rotation", "translation", *(["sign"] if difficulty >= 2 else [])),
            defects=tuple(found),
            skills=("rotation_augmentation", "periodic_target"),
        )

    def targets(self, rule: PoseRule, scene: PoseScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        low, high = (-90.0, 90.0) if rule.tilted else (0.0, float(rule.period))
        return (Column(name=scene.target, kind="number", low=low, high=high),)

    def metric_params(
        self, rule: PoseRule, scene: PoseScene, material: Material
    ) -> Mapping[str, Any]:
        """Angles come round after one period."""
        return {"period": float(rule.period)} if rule.metric == "angular_error" else {}

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule, scene = self.worn(design)
        train, _ = _shots(rule, scene, streams.child("train"), rule.train_rows)
        test, angle = _shots(rule, scene, streams.child("test"), rule.test_rows)
        return sketches.picture_material(
            scene,
            streams,
            shots=(train, test),
            container=rule.container,
            sample={scene.target: 0.0},
            best={scene.target: angle},
            ladder=lambda loader: pose_ladder(
                loader,
                id_column=scene.id_column,
                target=scene.target,
                period=rule.period,
                clockwise=rule.clockwise,
            ),
            notes=(Note(scene.target, _convention(rule, scene)),),
        )


def _convention(rule: PoseRule, scene: sketches.AnswerScene) -> str:
    sense = "clockwise" if rule.clockwise else "counter-clockwise"
    span = f"from {-TILT:g} to {TILT:g}" if rule.tilted else f"from 0 up to {rule.period}"
    text = f"the target: {scene.target_text} in degrees, {span}, growing {sense}"
    if rule.period == 180:
        return (
            f"{text}; at 0 the object lies {_LYING[rule.offset % 180]}; both ends are alike, so 0 "
            "and 180 are the same; only in `train.csv`"
        )
    text += f"; at 0 the object points {_POINTING[rule.offset]}"
    if not rule.tilted:
        text += "; 0 and 360 are the same"
    return f"{text}; only in `train.csv`"


def _draw_parts(rng: np.random.Generator, *, alike: bool) -> tuple[Part, ...]:
    """Draw a body with a mark at its head and one beside its tail; or the same at both ends."""

    def near(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 3)

    half, side = near(4.8, 6.0), float(rng.choice([-1.0, 1.0]))
    body = Part(kind="bar", along=0, beside=0, angle=0, half=half, width=1.1, strength=52)
    head = Part(
        kind="dot",
        along=round(half * near(0.75, 1.0), 3),
        beside=0.0 if alike else near(-1.0, 1.0),
        angle=0.0,
        half=0.0,
        width=near(1.4, 1.8),
        strength=48.0,
    )
    if alike:
        tail = head.model_copy(update={"along": -head.along})
        return body, head, tail
    fin = Part(
        kind="bar",
        along=-round(half * near(0.2, 0.8), 3),
        beside=side * near(1.8, 2.6),
        angle=near(0.3, 2.8),
        half=near(1.6, 2.4),
        width=0.9,
        strength=52.0,
    )
    return body, head, fin


def _shots(
    rule: PoseRule, scene: sketches.AnswerScene, streams: Streams, rows: int
) -> tuple[sketches.Shots, Floats]:
    rng = streams.rng("angles")
    low, high = (-TILT, TILT) if rule.tilted else (0.0, float(rule.period))
    answer = np.round(rng.uniform(low, high - 0.1, rows), 1)
    sense = 1.0 if rule.clockwise else -1.0
    angle = np.radians(sense * answer + rule.offset)
    rng, side = streams.rng("object"), rule.side
    place = rng.uniform(-rule.wander, rule.wander, (rows, 2))
    size = rng.uniform(0.9, 1.1, rows)
    images = np.zeros((rows, side, side))
    for part in rule.parts:
        right = part.along * np.cos(angle) - part.beside * np.sin(angle)
        down = part.along * np.sin(angle) + part.beside * np.cos(angle)
        at = place + size[:, None] * np.stack([right, down], axis=1)
        if part.kind == "dot":
            drawn = sketches.dots(side, at, width=part.width)
        else:
            drawn = sketches.bars(
                side, at, angle=angle + part.angle, half=size * part.half, width=part.width
            )
        images += part.strength * drawn
    sign = np.where(rng.random(rows) < rule.negative_share, -1.0, 1.0)
    images *= (sign * rng.uniform(0.7, 1.1, rows))[:, None, None]
    images += _nuisances(rule, streams, rows)
    return sketches.Shots(textures.to_pixels(images + 128.0), {scene.target: answer}), answer


def _nuisances(rule: PoseRule, streams: Streams, rows: int) -> Floats:
    rng, side = streams.rng("specks"), rule.side
    images = sketches.lighting(streams.rng("light"), rows, side, slope=50.0, blotch=15.0, grain=9.0)
    places = sketches.cells(rng, rows, slots=rule.specks, side=side, cell=6)
    for slot in range(rule.specks):
        strength = rng.choice([-1.0, 1.0], rows) * rng.uniform(30.0, 50.0, rows)
        images += strength[:, None, None] * sketches.dots(side, places[:, slot], width=1.1)
    if rule.scratches:
        images += 26.0 * textures.strokes(
            streams.rng("scratches"), rows, side, per_image=rule.scratches
        )
    return np.asarray(images)


FAMILIES.register(ImagePose.name)(ImagePose())
