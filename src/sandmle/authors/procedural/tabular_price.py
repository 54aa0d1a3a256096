"""Tabular regression on amounts: mixed units, and cells that are missing because of their value.

Hidden rule: log amount = additive terms + products + effect of a many-valued label + noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_price import price_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Category, Measure, Skin, wardrobe
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 1_000
WHOLE = 1_000.0
"""Typical amount from which amounts are written without decimals."""
OTHER_UNIT_SHARE = 0.45
"""Near one half: alignment by unit needs both sides, and ignoring units costs most."""
DEVIATIONS = {"rmsle": (0.65, 0.85), "mae": (0.65, 0.85), "rmse": (0.45, 0.55)}
"""Standard deviation of the log amount; under RMSE, a long tail would leave all to a few rows."""


class PriceRule(Record):
    """The hidden rule of one price task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    fields: tuple[str, ...]
    """Numeric columns; latent i + 2 stands behind field i, latents 0 and 1 behind the measures."""
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    label_shares: tuple[float, ...]
    label_effects: tuple[float, ...]
    source_shares: tuple[float, ...]
    base: float
    scale: float
    """Standard deviation of the log amount per unit of the summed terms."""
    noise_sd: float
    unit_in_cell: bool
    silent_sources: tuple[int, ...]
    """Sources that write the second measure in its other unit without saying so."""
    vanishing: dict[str, float]
    """Latent value of each column above which cells tend to be empty."""
    coded: tuple[str, ...]
    """Columns where an empty cell reads -1 instead."""
    messy_share: float
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    flat: tuple[int, ...]
    """Latents that are spread evenly."""
    side: SideTable


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, and the amounts as drawn and as expected."""

    table: dict[str, Any]
    amount: NDArray[np.float64]
    expected: NDArray[np.float64]


class TabularPrice(Family):
    """Predict an amount from a sheet that several parties filled in."""

    name = "tabular/price-v2"
    modality = "tabular"
    task_type = "regression"
    summary = "An amount from a sheet: mixed units, cells missing because of their value, labels."
    metrics = ("rmsle", "rmse", "mae")
    seeds = {
        "icecube-neutrinos-in-deep-ice": "thousands of pulses each; two angles become one amount",
        "champs-scalar-coupling": "molecules; the types of coupling become labels",
        "petfinder-pawpularity-score": "the photographs; what their metadata says becomes columns",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose skin, metric, rule and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe("price")
        skin = clothes.draw(rng)
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(rng, skin, difficulty, metric=metric)
        return self.tell(
            clothes,
            skin,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw rows, spoil them, and write files, answers, ladder and oracle."""
        rule = PriceRule.model_validate(design.rule)
        skin = wardrobe("price").get(rule.skin)
        train = _draw_rows(rule, skin, streams.child("train"), rule.train_rows)
        test = _draw_rows(rule, skin, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=skin.id_prefix)
        return row_material(
            Rows(ids[: rule.train_rows], {skin.target: train.amount}, train.table),
            Rows(ids[rule.train_rows :], {skin.target: test.amount}, test.table),
            sample={skin.target: float(np.median(train.amount.round()))},
            best={skin.target: test.expected},
            ladder=price_ladder(skin, metric=rule.metric, side=rule.side.names),
            words=_words(rule, skin, streams.rng("phrases")),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score by the rule's metric; amounts are not negative."""
        skin = wardrobe("price").get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=skin.id_column,
                targets=(Column(name=skin.target, kind="number", low=0.0),),
                rows=material.test_rows,
            ),
        )


def _profile(rule: PriceRule) -> Profile:
    found = [defects.MIXED_UNITS, defects.MISSING_BY_VALUE, defects.MANY_LABELS]
    found += [defects.UNITS_IN_TEXT, defects.TYPOS] if rule.unit_in_cell else []
    found += [defects.SILENT_UNITS, defects.SENTINEL_CODES] if rule.silent_sources else []
    return Profile(
        grammar=("multiplicative", *grammar(rule.terms), "label_effect"),
        defects=tuple(found),
        skills=("log_target", "interactions"),
    )


def _draw_rule(rng: np.random.Generator, skin: Skin, difficulty: int, *, metric: str) -> PriceRule:
    count = 5
    picked = sorted(rng.choice(len(skin.fields), size=count, replace=False))
    fields = tuple(skin.fields[int(index)].name for index in picked)
    loadings = col.draw_bundle(rng, count + 2)
    flat = col.draw_flat(rng, count + 2)
    terms = _draw_terms(rng, count + 2, difficulty)
    labels, sources = skin.categories
    effects = np.round(rng.standard_normal(len(labels.values)) * 0.55, 5)
    shares = col.draw_shares(rng, len(labels.values))
    probe = total(terms, col.probe(loadings, flat=flat))
    spread = float(np.sqrt(np.var(probe) + np.var(effects)))
    low, high = DEVIATIONS[metric]
    deviation = rng.uniform(low, high)
    vanishing = rng.choice(len(fields), size=1 + min(difficulty, 1), replace=False)
    at = {fields[int(i)]: round(float(rng.uniform(0.75, 1.0)), 3) for i in sorted(vanishing)}
    silent = rng.permutation(len(sources.values))[: len(sources.values) // 2]
    names = [*fields, *(m.name for m in skin.measures), labels.name, sources.name]
    if difficulty == 0:
        names.append(unit_column(skin.measures[0]))
    side = draw_side(rng, skin.domain, taken=[*names, skin.target], latents=count + 2)
    names += side.names
    return PriceRule(
        skin=skin.key,
        metric=metric,
        train_rows=int(rng.integers(140, 201)),
        test_rows=TEST_ROWS,
        fields=fields,
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        terms=terms,
        label_shares=tuple(shares),
        label_effects=tuple(float(effect) for effect in effects),
        source_shares=tuple(col.draw_shares(rng, len(sources.values))),
        base=round(float(np.log(skin.centre)), 5),
        scale=round(float(deviation / spread), 5),
        noise_sd=round(float(rng.uniform(0.12, 0.18)), 5),
        unit_in_cell=difficulty >= 1,
        silent_sources=tuple(sorted(int(i) for i in silent)) if difficulty >= 2 else (),
        vanishing=at,
        coded=(sorted(at)[0],) if difficulty >= 2 else (),
        messy_share=0.3 if difficulty >= 1 else 0.0,
        writing=col.draw_writing(rng, [skin.fields[int(i)] for i in picked]),
        flat=flat,
        side=side,
    )


def _draw_terms(rng: np.random.Generator, count: int, difficulty: int) -> tuple[Term, ...]:
    """Draw strong effects of both measures, weaker ones of the fields, bends and products."""
    strong = weights(rng, 2, low=0.5, high=0.65)
    weak = weights(rng, count - 2, low=0.12, high=0.42)
    terms = [Term(kind="linear", of=(i,), weight=w) for i, w in enumerate([*strong, *weak])]
    fields = [int(i) for i in rng.permutation(np.arange(2, count))]
    bend = weights(rng, 1, low=0.2, high=0.3)[0]
    kinked = rng.random() < 0.5
    terms.append(Term(kind="hinge" if kinked else "square", of=(fields[0],), weight=bend))
    pairs = [(0, fields[1]), (fields[2], fields[3]), (1, fields[4])][: 1 + difficulty]
    size = 0.45 / np.sqrt(len(pairs))
    for pair, weight in zip(pairs, weights(rng, len(pairs), low=size, high=size), strict=True):
        terms.append(Term(kind="product", of=pair, weight=weight))
    return tuple(terms)


def unit_column(measure: Measure) -> str:
    """Return the name of the column that holds a measure's unit."""
    return f"{measure.name}_unit"


def _draw_rows(rule: PriceRule, skin: Skin, streams: Streams, rows: int) -> _Rows:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings, flat=rule.flat)
    label = col.draw_labels(streams.rng("labels"), rows, shares=rule.label_shares)
    source = col.draw_labels(streams.rng("sources"), rows, shares=rule.source_shares)
    effect = np.asarray(rule.label_effects)[label]
    mean = rounded(rule.base + rule.scale * (total(rule.terms, z) + effect))
    noise = rule.noise_sd * streams.rng("noise").standard_normal(rows)
    # of a log-normal amount: the mean for RMSE; for RMSLE and MAE the median
    shift = rule.noise_sd**2 / 2 if rule.metric == "rmse" else 0.0
    table: dict[str, Any] = {}
    labels, sources = skin.categories
    words = [labels.values[code] for code in label]
    table[labels.name] = defects.messy(streams.rng("messy"), words, share=rule.messy_share)
    table[sources.name] = [sources.values[code] for code in source]
    _add_measures(table, rule, skin, streams.rng("units"), z, source)
    by_name = col.as_written(skin.fields, rule.writing)
    for index, name in enumerate(rule.fields):
        field = by_name[name]
        values = col.render(field, z[:, index + 2])
        if name in rule.vanishing:
            missing = defects.missing_by_value(
                streams.rng("missing", name), z[:, index + 2], at=rule.vanishing[name]
            )
            values = defects.blanked(values, missing, code=-1.0 if name in rule.coded else None)
        table[name] = col.as_cells(values, decimals=field.decimals)
    table |= rule.side.cells(streams.child("side"), z)
    return _Rows(
        table={name: table[name] for name in rule.order},
        amount=np.round(rounded(np.exp(mean + noise)), 0 if skin.centre >= WHOLE else 2),
        expected=rounded(np.exp(mean + shift)),
    )


def _add_measures(
    table: dict[str, Any],
    rule: PriceRule,
    skin: Skin,
    rng: np.random.Generator,
    z: NDArray[np.float64],
    source: NDArray[np.int64],
) -> None:
    """Write both measures: the first in two named units, the second silently so by source."""
    first, second = skin.measures
    other = rng.random(len(z)) < OTHER_UNIT_SHARE
    values = _in_units(first, z[:, 0], other)
    units = [first.other_unit if flag else first.unit for flag in other]
    if rule.unit_in_cell:
        table[first.name] = defects.with_unit(values, units)
    else:
        table[first.name], table[unit_column(first)] = values, units
    table[second.name] = _in_units(second, z[:, 1], np.isin(source, rule.silent_sources))


def _in_units(
    measure: Measure, latent: NDArray[np.float64], other: NDArray[np.bool_]
) -> list[str | None]:
    own = col.render(measure, latent)
    mixed = defects.in_other_unit(own, other, factor=measure.factor, decimals=measure.decimals)
    return col.as_cells(mixed, decimals=measure.decimals)


def _words(rule: PriceRule, skin: Skin, rng: np.random.Generator) -> Words:
    known = (
        f"past {skin.rows} with `{skin.target}`",
        f"{skin.rows} whose outcome is known",
        f"the {skin.rows} to learn from",
    )
    asked = (
        f"{skin.rows} without `{skin.target}`",
        f"the {skin.rows} that you predict",
        f"{skin.rows} whose outcome is kept back",
    )
    return Words(
        id_column=skin.id_column,
        id_text=skin.id_text,
        train=str(rng.choice(known)),
        test=str(rng.choice(asked)),
        sample="a valid submission with the same amount everywhere",
        columns=_column_notes(rule, skin),
    )


def _column_notes(rule: PriceRule, skin: Skin) -> tuple[Note, ...]:
    first, second = skin.measures
    labels, sources = skin.categories
    both = f"{first.unit} or {first.other_unit}"
    written = col.as_written(skin.fields, rule.writing)
    texts = {name: field.text for name, field in written.items()} | rule.side.texts
    for name in rule.vanishing:
        texts[name] += "; not every sheet has it" if name in rule.coded else "; may be empty"
    if rule.unit_in_cell:
        texts[first.name] = f"{first.text}, as written on the sheet ({both})"
    else:
        texts[first.name] = f"{first.text}, in the unit given beside it"
        texts[unit_column(first)] = f"unit of `{first.name}`: {both}"
    texts[second.name] = (
        f"{second.text}; the form asks for {second.unit}"
        if rule.silent_sources
        else f"{second.text}, {second.unit}"
    )
    texts[labels.name] = _label_text(labels, typed=rule.messy_share > 0)
    texts[sources.name] = _label_text(sources, typed=False)
    return (
        *(Note(name, texts[name]) for name in rule.order),
        Note(skin.target, f"the target: {skin.target_text}; only in `train.csv`"),
    )


def _label_text(category: Category, *, typed: bool) -> str:
    return f"{category.text}, typed by hand" if typed else category.text


FAMILIES.register(TabularPrice.name)(TabularPrice())
