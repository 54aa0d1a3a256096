"""Several outcomes per row that share what drives them, on scales of their own.

Hidden rule: two drivers, sums and products of latents, feed every outcome; the second outcome also
follows the first one, by a slope that a column changes. Outcomes are plain, logarithmic or shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_targets import targets_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import (
    MISSING_BY_VALUE,
    MIXED_UNITS,
    SENTINEL_CODES,
    UNITS_IN_TEXT,
)
from sandmle.authors.toolkit.domains import Category, Field, Measure
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

OTHER_UNIT_SHARE = 0.45
NO_READING = -1.0
# nodes and weights of a mean over the standard normal distribution, exact to degree 9
_NODES = (-2.8569700139, -1.3556261799, 0.0, 1.3556261799, 2.8569700139)
_WEIGHTS = (0.0112574113, 0.2220759220, 0.5333333333, 0.2220759220, 0.0112574113)

Floats = NDArray[np.float64]


class TargetsScene(Scene):
    """A domain in which several things are measured afterwards."""

    rows: str
    fields: tuple[Field, ...]
    measure: Measure
    category: Category
    outcomes: tuple[Field, Field, Field, Field]


class TargetsRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    outcomes: int
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    drivers: tuple[tuple[Term, ...], tuple[Term, ...]]
    """Over the latents of the fields, then that of the measure."""
    scales: tuple[float, float]
    mixture: tuple[tuple[float, float], ...]
    """How much of each driver each outcome takes."""
    follow: float
    """How much of the first outcome the second one takes."""
    bent_by: int
    """Latent that changes this."""
    bend: float
    noise_sd: float
    unit_in_cell: bool
    vanishing: dict[str, float]
    """Latent value of each column above which cells tend to be empty."""
    coded: bool


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, outcomes as measured and as expected."""

    table: dict[str, Any]
    truth: dict[str, Floats]
    expected: dict[str, Floats]


class TabularTargets(Family):
    """Predict several outcomes of a row at once."""

    name = "tabular/targets-v1"
    modality = "tabular"
    task_type = "multi_target_regression"
    summary = "Two to four outcomes with common drivers, on scales of their own; one follows one."
    metrics = ("mcrmse", "r2")
    seeds = {
        "icecube-neutrinos-in-deep-ice": "pulses of each sensor; sums over sensors stay",
        "google-quest-challenge": "the texts; several ratings of one thing stay",
        "stanford-covid-vaccine": "sequences and positions; four measured rates stay",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rule and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe_of("targets", TargetsScene)
        scene = clothes.draw(rng)
        rule = _draw_rule(rng, dna, scene, difficulty, metric=self.choose_metric(dna, rng))
        present = (MISSING_BY_VALUE, MIXED_UNITS, UNITS_IN_TEXT, SENTINEL_CODES)[: 2 + difficulty]
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=(*grammar([*rule.drivers[0], *rule.drivers[1]]), "chain", "link"),
                defects=present,
                skills=("target_transforms", "target_chains", "interactions"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw rows, spoil them, and write files, answers, ladder and oracle."""
        rule = TargetsRule.model_validate(design.rule)
        scene = wardrobe_of("targets", TargetsScene).get(rule.skin)
        train = _draw_rows(rule, scene, streams.child("train"), rule.train_rows)
        test = _draw_rows(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        decimals = {outcome.name: outcome.decimals for outcome in scene.outcomes}
        return row_material(
            Rows(ids[: rule.train_rows], train.truth, train.table),
            Rows(ids[rule.train_rows :], test.truth, test.table),
            sample={
                name: float(np.round(np.mean(values), decimals[name]))
                for name, values in train.truth.items()
            },
            best=test.expected,
            ladder=targets_ladder(scene, targets=list(train.truth)),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"{scene.rows} with all outcomes",
                test=f"{scene.rows} whose outcomes you predict",
                sample="a valid submission with the mean of each outcome",
                columns=_notes(rule, scene),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score all outcomes together."""
        scene = wardrobe_of("targets", TargetsScene).get(design.rule["skin"])
        used = scene.outcomes[: design.rule["outcomes"]]
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=tuple(Column(name=outcome.name, kind="number") for outcome in used),
                rows=material.test_rows,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, dna: TaskDNA, scene: TargetsScene, difficulty: int, *, metric: str
) -> TargetsRule:
    count = len(scene.fields) + 1
    loadings = col.draw_loadings(rng, count)
    places = [int(i) for i in rng.permutation(count)]
    drivers = tuple(_draw_driver(rng, count, places[2 * k :], difficulty) for k in range(2))
    probe = col.probe(loadings)
    names = [field.name for field in scene.fields] + [scene.measure.name, scene.category.name]
    if difficulty == 0:
        names.append(unit_column(scene))
    # a code under zero cannot be missed on a column whose values are all positive
    positive = [i for i, field in enumerate(scene.fields) if field.shape == "lognormal"]
    vanishing = [scene.fields[int(i)].name for i in sorted(rng.permutation(positive)[:2])]
    turn = rng.uniform(0.15, 0.85, size=4) * np.pi / 2 + np.array([0, 0.5, 1.0, 0.5]) * np.pi
    return TargetsRule(
        skin=scene.key,
        metric=metric,
        train_rows=int(rng.integers(170, 201)),
        test_rows=1_000,
        outcomes=int(np.clip(dna.n_targets, 2, 4)),
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        drivers=(drivers[0], drivers[1]),
        scales=(_unit(drivers[0], probe), _unit(drivers[1], probe)),
        mixture=tuple((round(float(np.cos(a)), 5), round(float(np.sin(a)), 5)) for a in turn),
        follow=round(float(rng.uniform(0.5, 0.6)), 5),
        bent_by=places[-1],
        bend=round(float(rng.uniform(0.35, 0.5)), 5),
        noise_sd=round(float(rng.uniform(0.22, 0.3)), 5),
        unit_in_cell=difficulty >= 1,
        vanishing={name: round(float(rng.uniform(0.8, 1.1)), 3) for name in vanishing},
        coded=difficulty >= 2,
    )


def _draw_driver(
    rng: np.random.Generator, count: int, places: list[int], difficulty: int
) -> tuple[Term, ...]:
    """Draw linear effects of all latents, the measure's the strongest, and one or two products."""
    linear = [*weights(rng, count - 1, low=0.15, high=0.45), *weights(rng, 1, low=0.5, high=0.6)]
    terms = [Term(kind="linear", of=(i,), weight=w) for i, w in enumerate(linear)]
    pairs = [(places[0], places[1]), (places[1], places[2])][: 1 + (difficulty >= 1)]
    size = 0.6 / np.sqrt(len(pairs))
    for pair, weight in zip(pairs, weights(rng, len(pairs), low=size, high=size), strict=True):
        terms.append(Term(kind="product", of=pair, weight=weight))
    return tuple(terms)


def _unit(terms: tuple[Term, ...], probe: Floats) -> float:
    return round(float(1.0 / np.std(total(terms, probe))), 5)


def unit_column(scene: TargetsScene) -> str:
    """Return the name of the column that holds the measure's unit."""
    return f"{scene.measure.name}_unit"


def _draw_rows(rule: TargetsRule, scene: TargetsScene, streams: Streams, rows: int) -> _Rows:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    means, noises = _latent_outcomes(rule, streams.rng("noise"), z)
    used = scene.outcomes[: rule.outcomes]
    truth, expected = {}, {}
    for outcome, mean, noise in zip(used, means, noises, strict=True):
        truth[outcome.name] = col.render(outcome, rounded(mean + noise))
        # the same noise at every row: its spread is that of the sample, taken from the rule
        spread = _noise_spread(rule, outcome is scene.outcomes[1], z)
        parts = [
            weight * _exact(outcome, mean + node * spread)
            for node, weight in zip(_NODES, _WEIGHTS, strict=True)
        ]
        expected[outcome.name] = rounded(np.sum(parts, axis=0))
    table = _table(rule, scene, streams, z)
    return _Rows({name: table[name] for name in rule.order}, truth, expected)


def _latent_outcomes(
    rule: TargetsRule, rng: np.random.Generator, z: Floats
) -> tuple[list[Floats], list[Floats]]:
    """Return means and noises of all outcomes on the latent scale, each of shape (n,)."""
    driver = [
        scale * total(terms, z) for scale, terms in zip(rule.scales, rule.drivers, strict=True)
    ]
    means, noises = [], []
    for first, second in rule.mixture[: rule.outcomes]:
        means.append(first * driver[0] + second * driver[1])
        noises.append(rule.noise_sd * rng.standard_normal(len(z)))
    slope = _slope(rule, z)
    means[1] = 0.7 * means[1] + slope * means[0]
    noises[1] = noises[1] + slope * noises[0]
    return [rounded(mean) for mean in means], noises


def _slope(rule: TargetsRule, z: Floats) -> Floats:
    """How steeply the second outcome follows the first one on each row, shape (n,)."""
    return np.asarray(rule.follow + rule.bend * z[:, rule.bent_by])


def _noise_spread(rule: TargetsRule, follows: bool, z: Floats) -> Floats:
    slope = _slope(rule, z) if follows else np.zeros(len(z))
    return np.asarray(rule.noise_sd * np.sqrt(1.0 + slope**2))


def _exact(outcome: Field, latent: Floats) -> Floats:
    """Write a latent on the scale of an outcome, without rounding to its decimals."""
    return col.render(outcome.model_copy(update={"decimals": 5}), latent)


def _table(rule: TargetsRule, scene: TargetsScene, streams: Streams, z: Floats) -> dict[str, Any]:
    rows = len(z)
    table: dict[str, Any] = {}
    for place, field in enumerate(scene.fields):
        values = col.render(field, z[:, place])
        if field.name in rule.vanishing:
            missing = defects.missing_by_value(
                streams.rng("missing", field.name), z[:, place], at=rule.vanishing[field.name]
            )
            values = defects.blanked(values, missing, code=NO_READING if rule.coded else None)
        table[field.name] = col.as_cells(values, decimals=field.decimals)
    measure = scene.measure
    other = streams.rng("units").random(rows) < OTHER_UNIT_SHARE
    values = defects.in_other_unit(
        col.render(measure, z[:, -1]), other, factor=measure.factor, decimals=measure.decimals
    )
    cells = col.as_cells(values, decimals=measure.decimals)
    units = [measure.other_unit if flag else measure.unit for flag in other]
    if rule.unit_in_cell:
        table[measure.name] = defects.with_unit(cells, units)
    else:
        table[measure.name], table[unit_column(scene)] = cells, units
    code = streams.rng("labels").integers(0, len(scene.category.values), size=rows)
    table[scene.category.name] = [scene.category.values[int(value)] for value in code]
    return table


def _notes(rule: TargetsRule, scene: TargetsScene) -> tuple[Note, ...]:
    texts = {field.name: field.text for field in scene.fields}
    for name in rule.vanishing:
        texts[name] += f"; {NO_READING:g} if not read" if rule.coded else "; may be empty"
    measure = scene.measure
    both = f"{measure.unit} or {measure.other_unit}"
    texts[scene.category.name] = scene.category.text
    texts[measure.name] = f"{measure.text}, in the unit given beside it"
    texts[unit_column(scene)] = f"unit of `{measure.name}`: {both}"
    if rule.unit_in_cell:
        texts[measure.name] = f"{measure.text}, with its unit ({both})"
    return (
        *(Note(name, texts[name]) for name in rule.order),
        *(
            Note(outcome.name, f"a target: {outcome.text}; only in `train.csv`")
            for outcome in scene.outcomes[: rule.outcomes]
        ),
    )


FAMILIES.register(TabularTargets.name)(TabularTargets())
