"""Binary classification with few positives, which no single column gives away.

Hidden rule: risk = a quadratic shape in two latents (saddle, outskirts, mismatch ...) + additive
terms; a label may switch the shape off. Columns live on scales from thousandths to thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_imbalanced import imbalanced_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Skin, wardrobe
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 6_000
"""So many that the graded share of them is about 4,000: F1 rests on the few positives alone."""
PROBE_ROWS = 5_000
SENTINEL = -999.0
MIXED_SCALES = Defect("mixed_scales", skill="feature_scaling")
RATES = {"none": (0.13, 0.16), "mild": (0.14, 0.17), "strong": (0.12, 0.14)}
"""Share of positives by the DNA's imbalance."""
SHAPES = {
    "outskirts": (0.8, 0.8, 0.0),
    "saddle": (0.0, 0.0, 1.1),
    "crossed": (0.0, 0.0, -1.1),
    "mismatch": (0.6, 0.6, -0.85),
    "twisted": (0.35, -0.35, 1.0),
}
"""Weights of both squares and of the product; the rare rows lie where the form is large."""


class Risk(Record):
    """How risky a row is: gate times shape, plus plain terms, plus lift."""

    shape_terms: tuple[Term, ...]
    plain_terms: tuple[Term, ...]
    gates: tuple[float, ...]
    """By how much each label of the first category turns the shape up."""
    lifts: tuple[float, ...]
    """What each label of the first category adds."""

    def of(self, z: NDArray[np.float64], code: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the risk of rows with latents (n, k) and label codes (n,), shape (n,)."""
        gate, lift = np.asarray(self.gates)[code], np.asarray(self.lifts)[code]
        return np.asarray(gate * total(self.shape_terms, z) + total(self.plain_terms, z) + lift)


class ImbalancedRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    train_rows: int
    test_rows: int
    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    shapes: tuple[str, ...]
    risk: Risk
    threshold: float
    slope: float
    """Logit per unit of risk."""
    metric: str
    cut: float
    """Chance above which marking a row pays under the metric."""
    coded: tuple[str, ...]
    """Columns where some cells hold a sentinel code."""
    saturated: dict[str, float]
    """Columns whose sensor saturates, by the latent value where it does."""
    messy_share: float
    labelled: tuple[str, ...]
    """Columns of labels."""
    numeric_labels: tuple[str, ...]
    """Columns of labels that are written as numbers; a legend says what these mean."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    flat: tuple[int, ...]
    """Latents that are spread evenly."""
    side: SideTable


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, the labels and their true chances."""

    table: dict[str, Any]
    label: NDArray[np.int64]
    chance: NDArray[np.float64]


class TabularImbalanced(Family):
    """Mark the few rows of a rare kind."""

    name = "tabular/imbalanced-v2"
    modality = "tabular"
    task_type = "binary_classification"
    summary = "Decisions where one row in seven is positive, in a shape that two columns show."
    metrics = ("f1", "mcc")
    seeds = {
        "nfl-player-contact-detection": "video; tracking becomes one row for each pair",
        "rsna-breast-cancer-detection": "the mammograms; one in fifty becomes one in seven",
        "playground-series-s3e18": "the second target; decisions instead of probabilities",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose skin, metric, shape of the risk, and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe("imbalanced")
        skin = clothes.draw(rng)
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(rng, skin, difficulty, metric=metric, rate=RATES[dna.imbalance])
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
        rule = ImbalancedRule.model_validate(design.rule)
        skin = wardrobe("imbalanced").get(rule.skin)
        train = _draw_rows(rule, skin, streams.child("train"), rule.train_rows)
        test = _draw_rows(rule, skin, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=skin.id_prefix)
        return row_material(
            Rows(ids[: rule.train_rows], {skin.target: train.label}, train.table),
            Rows(ids[rule.train_rows :], {skin.target: test.label}, test.table),
            sample={skin.target: 0},
            best={skin.target: (test.chance > rule.cut).astype(np.int64)},
            ladder=imbalanced_ladder(
                skin, metric=rule.metric, side=rule.side.names, coded=rule.numeric_labels
            ),
            words=_words(rule, skin, streams.rng("phrases")),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score by F1 of the rare class, or by MCC; submissions are decisions."""
        skin = wardrobe("imbalanced").get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=skin.id_column,
                targets=(Column(name=skin.target, kind="label", labels=("0", "1")),),
                rows=material.test_rows,
            ),
        )


def _profile(rule: ImbalancedRule) -> Profile:
    found, skills = [defects.IMBALANCE, MIXED_SCALES], ["nonlinear_features"]
    if rule.coded:
        found += [defects.SENTINEL_CODES]
        skills += ["label_interactions"]
    if rule.saturated:
        found += [defects.TYPOS, defects.CLIPPED]
        skills += ["two_mechanisms"]
    terms = (*rule.risk.shape_terms, *rule.risk.plain_terms)
    gate = ("gate",) if min(rule.risk.gates) < 1 else ()
    return Profile((*grammar(terms), *gate), tuple(found), tuple(skills))


def _draw_rule(
    rng: np.random.Generator,
    skin: Skin,
    difficulty: int,
    *,
    metric: str,
    rate: tuple[float, float],
) -> ImbalancedRule:
    count = 7
    picked = sorted(rng.choice(len(skin.fields), size=count, replace=False))
    fields = tuple(skin.fields[int(index)].name for index in picked)
    # where the two latents of a shape nearly agree, one column would tell the shape
    loadings = col.draw_bundle(rng, count, highest=0.55)
    places = [int(i) for i in rng.permutation(count)]
    # squares of evenly spread latents stay small: a shape of those has corners, but no outskirts
    flat = tuple(i for i in col.draw_flat(rng, count) if i not in places[:4])
    shapes = tuple(
        str(s) for s in rng.choice(sorted(SHAPES), size=1 + (difficulty == 2), replace=False)
    )
    shape_terms = tuple(
        term
        for index, shape in enumerate(shapes)
        for term in _shape(shape, (places[2 * index], places[2 * index + 1]), (1.0, 0.6)[index])
    )
    linear = weights(rng, 3, low=0.15, high=0.3)
    plain = tuple(
        Term(kind="linear", of=(i,), weight=w)
        for i, w in zip((places[0], places[4], places[5]), linear, strict=True)
    )
    gates, lifts = _draw_gates(rng, len(skin.categories[0].values), difficulty)
    risk = Risk(shape_terms=shape_terms, plain_terms=plain, gates=gates, lifts=lifts)
    threshold, slope, cut = _calibrate(
        rng,
        risk,
        col.probe(loadings, rows=PROBE_ROWS, flat=flat),
        rate=float(rng.uniform(*rate)),
        metric=metric,
    )
    first, second = skin.categories
    labelled = (first.name, second.name) if rng.random() < 0.5 else (first.name,)
    names = [*fields, *labelled]
    side = draw_side(rng, skin.domain, taken=[*names, skin.target], latents=count)
    names += side.names
    return ImbalancedRule(
        skin=skin.key,
        train_rows=int(rng.integers(185, 201)),
        test_rows=TEST_ROWS,
        fields=fields,
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        shapes=shapes,
        risk=risk,
        threshold=threshold,
        slope=slope,
        metric=metric,
        cut=cut,
        coded=(fields[places[1]], fields[places[4]]) if difficulty >= 1 else (),
        saturated={fields[places[5]]: 1.2, fields[places[3]]: 1.6} if difficulty >= 2 else {},
        messy_share=0.3 if difficulty >= 2 else 0.0,
        labelled=labelled,
        numeric_labels=labelled if difficulty < 2 and rng.random() < 0.5 else (),
        writing=col.draw_writing(rng, [skin.fields[int(i)] for i in picked]),
        flat=flat,
        side=side,
    )


def _shape(shape: str, pair: tuple[int, int], weight: float) -> tuple[Term, ...]:
    """Return the terms of a quadratic shape; a straight line through it tells next to nothing."""
    first, second, both = SHAPES[shape]
    terms = (
        Term(kind="square", of=pair[:1], weight=round(first * weight, 5)),
        Term(kind="square", of=pair[1:], weight=round(second * weight, 5)),
        Term(kind="product", of=pair, weight=round(both * weight, 5)),
    )
    return tuple(term for term in terms if term.weight != 0)


def _draw_gates(
    rng: np.random.Generator, labels: int, difficulty: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Draw how labels of the first category switch and lift the risk; level 0 only lifts."""
    lifts = tuple(round(float(lift), 5) for lift in 0.2 * rng.standard_normal(labels))
    if difficulty == 0:
        return (1.0,) * labels, lifts
    gates = np.ones(labels)
    gates[int(rng.integers(labels))] = 0.0
    return tuple(float(gate) for gate in gates), lifts


def _calibrate(
    rng: np.random.Generator, risk: Risk, z: NDArray[np.float64], *, rate: float, metric: str
) -> tuple[float, float, float]:
    """Return threshold and slope for a share of positives and a wanted oracle, and the best cut."""
    values = risk.of(z, np.arange(len(z)) % len(risk.gates))
    wanted = rng.uniform(0.84, 0.9)
    threshold = float(np.quantile(values, 1.0 - rate))
    chance = np.zeros(0)
    for slope in np.geomspace(1.0, 60.0, 60):
        chance = 1.0 / (1.0 + np.exp(-slope * (values - threshold)))
        if _best_cut(chance, metric="f1")[0] >= wanted:
            break
    cut = _best_cut(chance, metric=metric)[1]
    return round(threshold, 5), round(float(slope), 5), round(cut, 3)


def _best_cut(chance: NDArray[np.float64], *, metric: str) -> tuple[float, float]:
    """Return the best expected F1 or MCC of marking all rows above a cut, and that cut."""
    cuts = [0.2 + 0.02 * step for step in range(20)]
    rows, wanted = len(chance), float(chance.sum())
    scores = []
    for cut in cuts:
        hits, taken = float(chance[chance > cut].sum()), int((chance > cut).sum())
        if metric == "f1":
            scores.append(2 * hits / (taken + wanted))
        else:
            spread = np.sqrt(taken * (rows - taken) * wanted * (rows - wanted))
            scores.append((hits * rows - taken * wanted) / max(float(spread), 1e-9))
    best = int(np.argmax(scores))
    return scores[best], cuts[best]


def _draw_rows(rule: ImbalancedRule, skin: Skin, streams: Streams, rows: int) -> _Rows:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings, flat=rule.flat)
    first, second = skin.categories
    code = streams.rng("labels").integers(0, len(first.values), size=rows)
    other = streams.rng("other labels").integers(0, len(second.values), size=rows)
    risk = rule.risk.of(z, code)
    chance = rounded(1.0 / (1.0 + np.exp(-rule.slope * (risk - rule.threshold))))
    label = (streams.rng("outcomes").random(rows) < chance).astype(np.int64)
    spelt = defects.messy(
        streams.rng("messy"), [first.values[int(i)] for i in code], share=rule.messy_share
    )
    table: dict[str, Any] = {
        first.name: spelt,
        second.name: [second.values[int(i)] for i in other],
    }
    for category in skin.categories:
        if category.name in rule.numeric_labels:
            table[category.name] = col.as_codes(table[category.name], category.values)
    by_name = col.as_written(skin.fields, rule.writing)
    for index, name in enumerate(rule.fields):
        top = rule.saturated.get(name, np.inf)
        values = col.render(by_name[name], defects.clipped(z[:, index], low=-np.inf, high=top))
        if name in rule.coded:
            gone = defects.missing_at_random(streams.rng("missing", name), rows, share=0.07)
            values = defects.blanked(values, gone, code=SENTINEL)
        table[name] = col.as_cells(values, decimals=by_name[name].decimals)
    table |= rule.side.cells(streams.child("side"), z)
    return _Rows({name: table[name] for name in rule.order}, label, chance)


def _words(rule: ImbalancedRule, skin: Skin, rng: np.random.Generator) -> Words:
    known = (
        f"{skin.rows} that were checked, with the result",
        f"the labelled sample of {skin.rows}",
        f"{skin.rows} with `{skin.target}`",
    )
    asked = (
        f"{skin.rows} for which you decide",
        f"{skin.rows} that nobody has checked",
        f"new {skin.rows}, without `{skin.target}`",
    )
    return Words(
        id_column=skin.id_column,
        id_text=skin.id_text,
        train=str(rng.choice(known)),
        test=str(rng.choice(asked)),
        sample="a valid submission that marks nothing",
        columns=_column_notes(rule, skin),
    )


def _column_notes(rule: ImbalancedRule, skin: Skin) -> tuple[Note, ...]:
    written = col.as_written(skin.fields, rule.writing)
    texts = {name: field.text for name, field in written.items()} | rule.side.texts
    for name in rule.coded:
        texts[name] += f"; {SENTINEL:g} where it was not recorded"
    for name in rule.saturated:
        texts[name] += "; large values are written as an upper limit"
    for category in skin.categories:
        texts[category.name] = category.text
        if category.name in rule.numeric_labels:
            texts[category.name] += f": {col.legend(category.values)}"
    if rule.messy_share > 0:
        texts[skin.categories[0].name] += ", typed by hand"
    return (
        *(Note(name, texts[name]) for name in rule.order),
        Note(skin.target, f"the target: {skin.target_text}; only in `train.csv`"),
    )


FAMILIES.register(TabularImbalanced.name)(TabularImbalanced())
