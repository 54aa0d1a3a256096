"""Regression on small pictures: two kinds of bright objects count, each with its own weight.

Hidden rule: y = w0 * discs + w1 * rods. Lighting falls off across a picture, contrast changes from
picture to picture, rings are clutter that adds nothing, and objects touch on the highest level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_count import count_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import defects, pictures, shapes, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 420
SIDE = 32
"""700 pictures of this side are 0.7 MB."""


class CountScene(Scene):
    """A domain whose pictures add up to a number."""

    target: str
    target_text: str
    what: str
    """What one picture shows."""


class CountRule(Rule):
    """The hidden rule of one task, with its defects."""

    disc_weight: float
    rod_weight: float
    most_discs: int
    most_rods: int
    most_rings: int
    """Clutter; 0 for none."""
    apart: float
    """Pixels that middles of objects keep between them where there is room."""
    gain: tuple[float, float]
    """Grey levels of an object over its ground, drawn for each picture."""
    slope: float
    """Grey levels by which the lighting changes from edge to edge."""
    noise: float
    scratches: int
    """Thin lines over each picture."""


@dataclass(frozen=True)
class _Pictures:
    pixels: NDArray[np.uint8]
    """Shape (n, SIDE, SIDE)."""
    total: NDArray[np.float64]
    """Shape (n,)."""


class ImageCount(SkinnedFamily[CountScene, CountRule]):
    """Predict the weighted number of objects in a picture."""

    name = "image/count-v1"
    modality = "image"
    task_type = "regression"
    summary = (
        "Sum two kinds of objects with unknown weights; a third kind and the lighting mislead."
    )
    metrics = ("rmse", "mae")
    skins = "image_count"
    scene_type = CountScene
    rule_type = CountRule
    scene_stream = "scene"
    seeds = {
        "petfinder-pawpularity-score": "photographs of pets, the table beside them, pretraining",
        "kuzushiji-recognition": "places and names of characters: objects are only added up",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: CountScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> CountRule:
        """Draw weights, counts and nuisances."""
        light = float(rng.uniform(0.8, 1.6))
        heavy = light * float(rng.uniform(2.4, 3.6))
        first, second = (light, heavy) if rng.random() < 0.5 else (heavy, light)
        return CountRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(16, 21)) * 10,
            test_rows=TEST_ROWS,
            disc_weight=round(first, 3),
            rod_weight=round(second, 3),
            most_discs=int(rng.integers(4, 6)),
            most_rods=4,
            most_rings=3 if difficulty >= 1 else 0,
            apart=8.5 if difficulty < 2 else 7.5,
            gain=(45.0, 75.0),
            slope=round(float(rng.uniform(60.0, 90.0)), 2),
            noise=8.0,
            scratches=1 if difficulty >= 2 else 0,
        )

    def profile(self, rule: CountRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        faults = (
            (defects.BACKGROUND, defects.NOISE),
            (defects.CLUTTER,),
            (defects.OCCLUSION, SCRATCHES),
        )
        return Profile(
            grammar=("additive", "count"),
            defects=tuple(fault for level in faults[: difficulty + 1] for fault in level),
            skills=("connected_components", "shape_features"),
        )

    def targets(self, rule: CountRule, scene: CountScene) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""
        return (Column(name=scene.target, kind="number", low=0.0),)

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test, and write the files."""
        rule, scene = self.worn(design)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        known, asked = ids[: rule.train_rows], ids[rule.train_rows :]
        train = _draw(rule, streams.child("train"), rule.train_rows)
        test = _draw(rule, streams.child("test"), rule.test_rows)
        packed = pictures.pack(
            train.pixels,
            test.pixels,
            ids=(known, asked),
            id_column=scene.id_column,
            container="npy",
            what=scene.what,
        )
        return row_material(
            Rows(known, {scene.target: train.total}),
            Rows(asked, {scene.target: test.total}),
            sample={scene.target: float(np.median(train.total))},
            best={scene.target: test.total},
            ladder=count_ladder(
                packed.loader, id_column=scene.id_column, target=scene.target, metric=rule.metric
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"ids of the labelled pictures and their `{scene.target}`",
                test="ids of the pictures to be labelled",
                sample="a valid submission that gives every picture the same number",
                columns=(
                    Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
                ),
                files=packed.notes,
                attached=packed.files,
            ),
            rng=streams.rng("split"),
        )


SCRATCHES = defects.Defect("scratches", skill="line_rejection")


def _draw(rule: CountRule, streams: Streams, rows: int) -> _Pictures:
    """Draw how many objects of each kind there are, then the objects, then what disturbs."""
    rng = streams.rng("counts")
    most = (rule.most_discs, rule.most_rods, rule.most_rings)
    counts = np.stack([rng.integers(0, top + 1, rows) for top in most], axis=1)
    rng = streams.rng("places")
    places = shapes.scatter(
        rng, rows, slots=sum(most), size=(SIDE, SIDE), margin=3.0, apart=rule.apart
    )
    order = rng.permuted(np.tile(np.arange(sum(most)), (rows, 1)), axis=1)
    seen = np.zeros((rows, SIDE, SIDE))
    slot = 0
    rng = streams.rng("shapes")
    for kind, top in enumerate(most):
        for number in range(top):
            there = np.flatnonzero(counts[:, kind] > number)
            spot = places[there, order[there, slot]]
            drawn = _object(rng, kind, spot)
            # the brighter of two objects hides the other: sums would tell how many they are
            seen[there] = np.maximum(seen[there], drawn)
            slot += 1
    rng = streams.rng("nuisance")
    gain = rng.uniform(*rule.gain, rows)[:, None, None]
    images = rng.uniform(70.0, 120.0, rows)[:, None, None] + gain * seen
    images += rule.slope * textures.slopes(rng, rows, SIDE)
    if rule.scratches:
        images += 0.3 * gain * textures.strokes(rng, rows, SIDE, per_image=rule.scratches)
    images += rule.noise * rng.standard_normal(images.shape)
    total = rule.disc_weight * counts[:, 0] + rule.rod_weight * counts[:, 1]
    return _Pictures(textures.to_pixels(images), rounded(total))


def _object(rng: np.random.Generator, kind: int, spot: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draw one object of a kind in each of n pictures, at places of shape (n, 2)."""
    count, size = len(spot), (SIDE, SIDE)
    x, y = spot[:, 0], spot[:, 1]
    bright = rng.uniform(0.8, 1.2, count)[:, None, None]
    if kind == 0:
        return bright * shapes.disc(size, x=x, y=y, radius=rng.uniform(1.5, 2.2, count))
    if kind == 1:
        return bright * shapes.rod(
            size,
            x=x,
            y=y,
            angle=rng.uniform(0.0, np.pi, count),
            half_length=rng.uniform(2.0, 2.8, count),
            half_width=np.full(count, 0.8),
        )
    radius = rng.uniform(2.2, 2.7, count)
    return bright * shapes.ring(size, x=x, y=y, radius=radius, half_width=np.full(count, 0.5))


FAMILIES.register(ImageCount.name)(ImageCount())
