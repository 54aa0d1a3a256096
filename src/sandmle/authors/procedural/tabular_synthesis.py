"""Generation: submit fresh rows that look like the training table, without copies of it.

Hidden rule: a mixture of three normal clouds in a latent space, warped column by column; the hidden
answers are as many rows of the same source.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_synthesis import synthesis_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.metrics.kernel_distance import near_radius
from sandmle.seeds.dna import TaskDNA

SMALL_SAMPLE = defects.Defect("small_sample", skill="density_estimation")
SENTINEL = -99.0
FRESH = 4_000
"""Rows from which it is measured how near fresh rows come to known ones."""

Floats = NDArray[np.float64]


class SynthesisScene(Scene):
    """A table of numbers."""

    rows: str
    """What the rows are, as a plural."""
    fields: tuple[Field, ...]


class SynthesisRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    fields: tuple[str, ...]
    shares: tuple[float, ...]
    centres: tuple[tuple[float, ...], ...]
    roots: tuple[tuple[tuple[float, ...], ...], ...]
    """Lower triangular factor of each cloud's covariance."""
    coded: float
    """Share of training cells that hold a sentinel code."""
    repeated: float
    """Share of training rows that are repeats of a few others."""


class TabularSynthesis(Family):
    """Write rows that could have come from the same source."""

    name = "tabular/synthesis-v1"
    modality = "tabular"
    task_type = "generation"
    summary = "Submit fresh rows like a small table; kernel distance with a price on copies."
    metrics = ("kernel_distance",)
    seeds = {
        "playground-series-s3e18": "the targets; only the law of the features is asked for",
        "spaceship-titanic": "labels of columns and the target; numbers alone are generated",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, clouds and what is wrong with the table."""
        clothes = wardrobe_of("synthesis", SynthesisScene)
        rng = streams.rng("rule")
        scene = clothes.draw(rng)
        rule = _draw_rule(rng, scene, difficulty, metric=self.choose_metric(dna, rng))
        found = (SMALL_SAMPLE, defects.SENTINEL_CODES, defects.DUPLICATES)
        profile = Profile(
            grammar=("bend", "correlation", "mixture"),
            defects=found[: difficulty + 1],
            skills=("multimodality", "memorisation_avoidance"),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=profile,
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the table, as many hidden rows, and as many again for the reference."""
        rule = SynthesisRule.model_validate(design.rule)
        scene = wardrobe_of("synthesis", SynthesisScene).get(rule.skin)
        train = _spoilt(rule, scene, streams, _rows(rule, scene, streams.rng("train"), "train"))
        hidden = _rows(rule, scene, streams.rng("hidden"), "test")
        other = _even_rows(rule, scene, streams.rng("reference"))
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        usual = np.median(_kept(train), axis=0)
        return row_material(
            Rows(ids[: rule.train_rows], _columns(rule, scene, train)),
            Rows(ids[rule.train_rows :], _columns(rule, scene, hidden)),
            sample={name: float(value) for name, value in zip(rule.fields, usual, strict=True)},
            best=_columns(rule, scene, other),
            ladder=synthesis_ladder(id_column=scene.id_column, columns=rule.fields),
            words=_words(rule, scene),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score by kernel distance; copies are told by the training table."""
        rule = SynthesisRule.model_validate(design.rule)
        scene = wardrobe_of("synthesis", SynthesisScene).get(rule.skin)
        known = _kept(_read(material.public["train.csv"], rule.fields))
        fresh = _rows(rule, scene, np.random.Generator(np.random.PCG64(1)), FRESH)
        radius = float(rounded(near_radius(fresh, known), digits=3))
        return Evaluation(
            metric=MetricSpec(name=rule.metric, params={"known": known.tolist(), "radius": radius}),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=tuple(Column(name=name, kind="number") for name in rule.fields),
                rows=material.test_rows,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, scene: SynthesisScene, difficulty: int, *, metric: str
) -> SynthesisRule:
    width = 3
    picked = sorted(int(i) for i in rng.permutation(len(scene.fields))[:width])
    shares = rng.permutation([0.5, 0.3, 0.2])
    # three clouds at the corners of a triangle that lies askew in the space of the columns
    corners = rng.permutation(np.array([[-1.2, -0.9, 0.8], [1.2, -0.6, -1.1], [0.1, 1.4, 0.3]]))
    signs = rng.choice([-1.0, 1.0], size=width)
    centres = (corners + rng.uniform(-0.2, 0.2, (3, width)))[:, rng.permutation(width)] * signs
    roots = []
    for _ in range(3):
        lower = np.diag(rng.uniform(0.25, 0.45, width))
        lower[np.tril_indices(width, -1)] = rng.uniform(0.15, 0.35, 3) * rng.choice([-1, 1], 3)
        roots.append(tuple(tuple(round(float(v), 5) for v in row) for row in lower))
    return SynthesisRule(
        skin=scene.key,
        metric=metric,
        # what is lost to codes and repeats is made up for
        train_rows=int(rng.integers(115, 141)) + 10 * difficulty,
        test_rows=1000,
        fields=tuple(scene.fields[i].name for i in picked),
        shares=tuple(float(share) for share in shares),
        centres=tuple(tuple(round(float(v), 5) for v in row) for row in centres),
        roots=tuple(roots),
        coded=0.04 if difficulty >= 1 else 0.0,
        repeated=0.2 if difficulty >= 2 else 0.0,
    )


def _rows(
    rule: SynthesisRule, scene: SynthesisScene, rng: np.random.Generator, count: int | str
) -> Floats:
    """Draw rows of the source, shape (n, columns)."""
    if isinstance(count, str):
        count = rule.train_rows if count == "train" else rule.test_rows
    cloud = col.draw_labels(rng, count, shares=rule.shares)
    return _rendered(rule, scene, cloud, rng.standard_normal((count, len(rule.fields))))


def _even_rows(rule: SynthesisRule, scene: SynthesisScene, rng: np.random.Generator) -> Floats:
    """Draw rows with every cloud's share kept and its normal draws spread evenly: less luck."""
    places = (np.arange(rule.test_rows) + 0.5) / rule.test_rows
    cloud = np.searchsorted(np.cumsum(rule.shares)[:-1], places)
    noise = np.empty((rule.test_rows, len(rule.fields)))
    for code in range(len(rule.shares)):
        rows = np.flatnonzero(cloud == code)
        for column in range(noise.shape[1]):
            noise[rows, column] = _normal_scores(len(rows))[rng.permutation(len(rows))]
    order = rng.permutation(rule.test_rows)
    return _rendered(rule, scene, cloud[order], noise[order])


def _normal_scores(count: int) -> Floats:
    law = NormalDist()
    return rounded([law.inv_cdf((place + 0.5) / count) for place in range(count)])


def _rendered(
    rule: SynthesisRule, scene: SynthesisScene, cloud: NDArray[np.int64], noise: Floats
) -> Floats:
    roots = np.array(rule.roots)[cloud]
    # explicit sums instead of a matrix product: BLAS libraries differ in their last bits
    z = rounded(np.array(rule.centres)[cloud] + (roots * noise[:, None, :]).sum(axis=2))
    by_name = {field.name: field for field in scene.fields}
    return np.stack([col.render(by_name[n], z[:, i]) for i, n in enumerate(rule.fields)], axis=1)


def _spoilt(rule: SynthesisRule, scene: SynthesisScene, streams: Streams, rows: Floats) -> Floats:
    """Repeat a few rows, and lose some cells."""
    rng = streams.rng("defects")
    again = rng.permutation(len(rows))[: round(rule.repeated * len(rows))]
    few = rng.permutation(np.setdiff1d(np.arange(len(rows)), again))[:6]
    rows = rows.copy()
    rows[again] = rows[few[np.arange(len(again)) % len(few)]]
    lost = defects.missing_at_random(rng, rows.size, share=rule.coded).reshape(rows.shape)
    return np.where(lost, SENTINEL, rows)


def _kept(rows: Floats) -> Floats:
    """Return the rows without a code, each once, in the order of their values."""
    return np.unique(rows[(rows != SENTINEL).all(axis=1)], axis=0)


def _read(table: bytes, fields: tuple[str, ...]) -> Floats:
    header, *lines = (line.split(",") for line in table.decode().splitlines())
    places = [header.index(name) for name in fields]
    return np.array([[float(line[place]) for place in places] for line in lines])


def _columns(rule: SynthesisRule, scene: SynthesisScene, rows: Floats) -> dict[str, Any]:
    decimals = {field.name: field.decimals for field in scene.fields}
    return {
        name: col.as_cells(rows[:, i], decimals=decimals[name])
        for i, name in enumerate(rule.fields)
    }


def _words(rule: SynthesisRule, scene: SynthesisScene) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    code = f"; {SENTINEL:g} in `train.csv` where it is missing" if rule.coded else ""
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"{scene.rows} of the source",
        test=f"numbers for the {scene.rows} that you write; they say nothing else",
        sample="a valid submission in which all rows are the same",
        columns=tuple(Note(name, f"{texts[name]}{code}") for name in rule.fields),
    )


FAMILIES.register(TabularSynthesis.name)(TabularSynthesis())
