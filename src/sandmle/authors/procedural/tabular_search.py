"""Learning to rank: the candidates of a query, by features that mean something within a query only.

Hidden rule: relevance = linear terms - distance to a sweet spot + products of latents that are
standardised within each query. Every query moves (and stretches) each feature, and the place at
which the old system showed a candidate follows relevance in training only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_search import search_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]

FEATURES = 6
GRADE_CUTS = (-0.45, 0.25, 0.85, 1.45)
"""Where relevance with its noise passes to the next grade."""
NOISE = 0.3
MISSING = 0.05
_WHY = "the old order followed relevance on training queries only"
_SCALES = Defect("group_scales", skill="group_scaling")
_STRICT = Defect("strict_judges", skill="label_normalisation")


class SearchScene(Scene):
    """What is searched, by whom, and who judges it."""

    candidates: str
    """What is ranked, in the plural."""
    query: str
    query_text: str
    query_prefix: str
    kind: str
    kind_text: str
    kinds: tuple[str, str, str]
    position: str
    position_text: str
    target: str
    target_text: str
    fields: tuple[Field, ...]


class SearchRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    per_query: int
    fields: tuple[str, ...]
    """Latent i stands behind field i."""
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    sweet_of: int
    sweet_at: float
    sweet_weight: float
    kind_of: int
    kind_weights: tuple[float, float, float]
    """Weight of latent `kind_of` by the kind of a query."""
    centre: float
    scale: float
    """What brings the summed terms to mean 0 and spread 1."""
    offset_sd: float
    scale_sd: float
    strictness_sd: float
    position_noise: float
    missing: tuple[str, ...]
    numbered: bool
    """Whether queries are told by bare numbers."""
    numeric_kinds: bool
    """Whether kinds are written as numbers; a legend says what these mean."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    flat: tuple[int, ...]
    """Latents that are spread evenly."""
    side: SideTable


@dataclass(frozen=True)
class _Lists:
    """Candidates of one role."""

    query: list[str]
    table: dict[str, Any]
    grade: NDArray[np.int64]
    score: Floats


class TabularSearch(Family):
    """Rank what was found for a query."""

    name = "tabular/search-v1"
    modality = "tabular"
    task_type = "ranking"
    summary = "Rank candidates within queries that shift every feature; the old order is a trap."
    metrics = ("ndcg_at_k", "spearman")
    seeds = {
        "AI4Code": "the code and text of notebooks; cells become candidates with features",
        "google-quest-challenge": "the texts, and 29 of the 30 ratings",
        "h-and-m-personalized-fashion-recommendations": "purchase logs and pictures of articles",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rule and defects."""
        clothes = wardrobe_of("search", SearchScene)
        scene = clothes.draw(streams.rng("scene"))
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(streams.rng("rule"), scene, metric, difficulty)
        found = [defects.GROUP_OFFSETS, defects.SHORTCUT]
        found += [_SCALES, defects.MISSING_AT_RANDOM] if difficulty >= 1 else []
        found += [_STRICT] if difficulty >= 2 else []
        operations = (*grammar(rule.terms), "sweet_spot", "group_offset")
        skills = ["group_normalisation", "non_linear_terms"]
        skills += ["interactions"] if difficulty >= 1 else []
        skills += ["group_interaction"] if difficulty >= 2 else []
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=operations,
                defects=tuple(found),
                skills=tuple(skills),
                traps=(Trap(column=scene.position, why=_WHY),),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw queries and candidates, spoil them, and write files, ladder and oracle."""
        rule = SearchRule.model_validate(design.rule)
        scene = wardrobe_of("search", SearchScene).get(rule.skin)
        counts = [
            max(2, round(rows / rule.per_query)) for rows in (rule.train_rows, rule.test_rows)
        ]
        prefix = "" if rule.numbered else scene.query_prefix
        names = row_ids(streams.rng("queries"), sum(counts), prefix=prefix)
        train = _draw_lists(rule, scene, streams.child("train"), names[: counts[0]], old_order=True)
        test = _draw_lists(rule, scene, streams.child("test"), names[counts[0] :], old_order=False)
        rows = len(train.grade)
        ids = row_ids(streams.rng("ids"), rows + len(test.grade), prefix=scene.id_prefix)
        columns = {"ID": scene.id_column, "TARGET": scene.target, "QUERY": scene.query}
        return row_material(
            Rows(ids[:rows], {scene.target: train.grade}, train.table),
            Rows(
                ids[rows:], {scene.target: test.grade}, test.table, groups=(scene.query, test.query)
            ),
            sample={scene.target: 0},
            best={scene.target: test.score},
            ladder=search_ladder(
                names={**columns, "KIND": scene.kind}, fields=rule.fields, position=scene.position
            ),
            words=_words(rule, scene),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score within queries by NDCG, or all rows by rank correlation."""
        scene = wardrobe_of("search", SearchScene).get(design.rule["skin"])
        name = design.rule["metric"]
        params = {"k": 5} if name == "ndcg_at_k" else {}
        return Evaluation(
            metric=MetricSpec(name=name, params=params),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="number"),),
                rows=material.test_rows,
                group_column=scene.query,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, scene: SearchScene, metric: str, difficulty: int
) -> SearchRule:
    picked = sorted(rng.choice(len(scene.fields), size=FEATURES, replace=False))
    fields = tuple(scene.fields[int(index)].name for index in picked)
    loadings = col.draw_bundle(rng, FEATURES)
    flat = col.draw_flat(rng, FEATURES)
    places = [int(i) for i in rng.permutation(FEATURES)]
    terms = [
        Term(kind="linear", of=(place,), weight=weight)
        for place, weight in zip(places[1:4], weights(rng, 3, low=0.3, high=0.6), strict=True)
    ]
    if difficulty >= 1:
        weight = weights(rng, 1, low=0.6, high=0.75)[0]
        terms.append(Term(kind="product", of=(places[1], places[4]), weight=weight))
    tilt = float(rng.choice([-1.0, 1.0])) * (0.7 if difficulty >= 2 else 0.0)
    per_query = int(rng.integers(9, 13))
    names = [*fields, scene.kind, scene.position]
    taken = [*names, scene.query, scene.target]
    side = draw_side(rng, scene.domain, taken=taken, latents=FEATURES)
    names += side.names
    draft = SearchRule(
        skin=scene.key,
        metric=metric,
        train_rows=per_query * (200 // per_query),
        test_rows=per_query * 200,
        per_query=per_query,
        fields=fields,
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        terms=tuple(terms),
        sweet_of=places[0],
        sweet_at=round(float(rng.choice([-1.0, 1.0]) * rng.uniform(0.2, 0.6)), 4),
        sweet_weight=round(float(rng.uniform(1.1, 1.4)), 4),
        kind_of=places[5],
        kind_weights=(tilt, 0.0, -tilt),
        centre=0.0,
        scale=1.0,
        offset_sd=round(float(rng.uniform(1.2, 1.6)), 4),
        scale_sd=0.5 if difficulty >= 1 else 0.0,
        strictness_sd=0.6 if difficulty >= 2 else 0.0,
        position_noise=round(float(rng.uniform(0.5, 0.7)), 4),
        missing=tuple(sorted(fields[int(i)] for i in rng.permutation(FEATURES)[:2]))
        if difficulty >= 1
        else (),
        numbered=bool(rng.random() < 0.5),
        numeric_kinds=bool(rng.random() < 0.5),
        writing=col.draw_writing(rng, [scene.fields[int(i)] for i in picked], reach=6.0),
        flat=flat,
        side=side,
    )
    probe = _score(draft, col.probe(loadings, flat=flat), np.arange(2_000) % 3)
    return draft.model_copy(
        update={
            "centre": round(float(probe.mean()), 5),
            "scale": round(float(1 / probe.std()), 5),
        }
    )


def _score(rule: SearchRule, z: Floats, kind: NDArray[np.int64]) -> Floats:
    raw = total(rule.terms, z) - rule.sweet_weight * np.abs(z[:, rule.sweet_of] - rule.sweet_at)
    raw = raw + np.asarray(rule.kind_weights)[kind] * z[:, rule.kind_of]
    return rounded(rule.scale * (raw - rule.centre))


def _draw_lists(
    rule: SearchRule, scene: SearchScene, streams: Streams, names: list[str], *, old_order: bool
) -> _Lists:
    shape = (len(names), rule.per_query)
    rows = len(names) * rule.per_query
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings, flat=rule.flat).reshape(
        *shape, FEATURES
    )
    # an engineer sees ten candidates: the rule is about what can be recovered from those
    z = rounded((z - z.mean(axis=1, keepdims=True)) / z.std(axis=1, keepdims=True))
    kinds = streams.rng("kinds").integers(0, 3, size=len(names))
    kind = np.repeat(kinds, rule.per_query)
    score = _score(rule, z.reshape(rows, FEATURES), kind)
    noisy = rounded(score + NOISE * streams.rng("noise").standard_normal(rows))
    strict = rule.strictness_sd * streams.rng("judges").standard_normal(len(names))
    judged = noisy - np.repeat(strict, rule.per_query) if old_order else noisy
    order = _positions(rule, streams.rng("old"), noisy.reshape(shape), follows=old_order)
    shown = list(kind + 1) if rule.numeric_kinds else [scene.kinds[int(code)] for code in kind]
    table: dict[str, Any] = {scene.kind: shown, scene.position: order}
    table |= _features(rule, scene, streams, z)
    query = list(np.repeat(names, rule.per_query))
    return _Lists(
        query=query,
        table={scene.query: query, **{name: table[name] for name in rule.order}},
        grade=np.searchsorted(GRADE_CUTS, judged).astype(np.int64),
        score=score,
    )


def _positions(
    rule: SearchRule, rng: np.random.Generator, noisy: Floats, *, follows: bool
) -> NDArray[np.int64]:
    """Place candidates from 1 in each query: by relevance and noise, or by noise alone."""
    drawn = rng.standard_normal(noisy.shape)
    by = noisy + rule.position_noise * drawn if follows else drawn
    places = np.argsort(np.argsort(-rounded(by), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(places.reshape(-1) + 1, dtype=np.int64)


def _features(
    rule: SearchRule, scene: SearchScene, streams: Streams, z: Floats
) -> dict[str, list[str | None]]:
    """Move and stretch the latents of each query and write them as the scene's columns."""
    rng = streams.rng("moved")
    shape = (len(z), 1, FEATURES)
    moves = col.latents(rng, len(z), loadings=rule.loadings)[:, None, :]
    offset = rule.offset_sd * np.clip(moves, -2.5, 2.5)
    stretch = np.exp(rule.scale_sd * np.clip(rng.standard_normal(shape), -2.0, 2.0))
    seen = rounded(stretch * z + offset).reshape(-1, FEATURES)
    by_name = col.as_written(scene.fields, rule.writing)
    # what side columns lean on is moved like the features: they must not undo that
    lean = rounded(seen / np.sqrt(1.0 + rule.offset_sd**2))
    cells = rule.side.cells(streams.child("side"), lean)
    for index, name in enumerate(rule.fields):
        values = col.render(by_name[name], seen[:, index])
        if name in rule.missing:
            gone = defects.missing_at_random(
                streams.rng("missing", name), len(values), share=MISSING
            )
            values = defects.blanked(values, gone)
        cells[name] = col.as_cells(values, decimals=by_name[name].decimals)
    return cells


def _words(rule: SearchRule, scene: SearchScene) -> Words:
    written = col.as_written(scene.fields, rule.writing)
    texts = {name: field.text for name, field in written.items()} | rule.side.texts
    for name in rule.missing:
        texts[name] += "; empty where it is unknown"
    kinds = col.legend(scene.kinds) if rule.numeric_kinds else ", ".join(scene.kinds)
    texts[scene.kind] = f"{scene.kind_text}: {kinds}"
    texts[scene.position] = scene.position_text
    groups = "; the groups of the metric are its values" if rule.metric == "ndcg_at_k" else ""
    judged = f"the target: {scene.target_text}; only in `train.csv`"
    if rule.strictness_sd:
        judged += ", where each list was judged by one person"
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"{scene.candidates} with their grades: one line for each of the "
        f"{rule.per_query} {scene.candidates} of every `{scene.query}`",
        test=f"{scene.candidates} to be ranked, likewise {rule.per_query} for each "
        f"`{scene.query}`; no `{scene.query}` is in both files",
        sample="a valid submission that gives every line the score 0",
        columns=(
            Note(scene.query, scene.query_text + groups),
            *(Note(name, texts[name]) for name in rule.order),
            Note(scene.target, judged),
        ),
    )


FAMILIES.register(TabularSearch.name)(TabularSearch())
