"""Grades that people gave, predicted from answers on a scale: uneven steps, graders, no answers.

Hidden rule: score = value of each answer's step + numbers + products + the grader's leniency; the
grade is the score, with noise, between uneven cut points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_ordinal import ordinal_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects, traits
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import GROUP_OFFSETS, SENTINEL_CODES, TYPOS, Defect
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

UNEVEN_STEPS = Defect("uneven_steps", skill="step_encoding")
STEPS = 7
NO_ANSWER = 99
ASKED = 5
"""Questions that a task shows."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Question(Record):
    """A column that is answered on the scale."""

    name: str
    text: str


class OrdinalScene(Scene):
    """A domain in which somebody gives grades."""

    rows: str
    target: str
    target_text: str
    grader: str
    grader_text: str
    graders: tuple[str, ...]
    questions: tuple[Question, ...]
    fields: tuple[Field, ...]


class OrdinalRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    questions: tuple[str, ...]
    edges: tuple[tuple[float, ...], ...]
    """Cuts of the latent behind each question into its steps."""
    values: tuple[tuple[float, ...], ...]
    """What each step of a question is worth, and last what no answer is worth."""
    unanswered: tuple[float, ...]
    """Share of rows without an answer, by question."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    """Over the values of the questions, then the latents of the fields."""
    scale: float
    graders: tuple[str, ...]
    leniency: tuple[float, ...]
    noise_sd: float
    cuts: tuple[float, ...]
    """Scores that part the grades 1, 2, ..., rising."""
    messy_share: float
    numeric_graders: bool
    """Whether graders are told by number."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    side: SideTable


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, grades, and scores without noise."""

    table: dict[str, Any]
    grade: Integers
    score: Floats


class TabularOrdinal(Family):
    """Predict a grade from a questionnaire, whoever gave it."""

    name = "tabular/ordinal-v1"
    modality = "tabular"
    task_type = "ordinal_classification"
    summary = "A grade from answers on a scale: uneven steps and cut points, graders, no answers."
    metrics = ("qwk", "accuracy")
    seeds = {
        "google-quest-challenge": "the texts and 29 of 30 ratings; raters and scales stay",
        "movie-review-sentiment-analysis-kernels-only": "phrases; five ordered labels stay",
        "petfinder-pawpularity-score": "photographs; a rating from form fields stays",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rule and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe_of("ordinal", OrdinalScene)
        scene = clothes.draw(rng)
        rule = _draw_rule(rng, dna, scene, difficulty, metric=self.choose_metric(dna, rng))
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=(*grammar(rule.terms), "group_offset", "cut_points"),
                defects=(SENTINEL_CODES, GROUP_OFFSETS, UNEVEN_STEPS, TYPOS)[: 2 + difficulty],
                skills=("cut_points", "interactions"),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw rows, let people grade them, and write files, answers, ladder and oracle."""
        rule = OrdinalRule.model_validate(design.rule)
        scene = wardrobe_of("ordinal", OrdinalScene).get(rule.skin)
        train = _draw_rows(rule, scene, streams.child("train"), rule.train_rows)
        test = _draw_rows(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        common = int(np.bincount(train.grade).argmax())
        return row_material(
            Rows(ids[: rule.train_rows], {scene.target: train.grade}, train.table),
            Rows(ids[rule.train_rows :], {scene.target: test.grade}, test.table),
            sample={scene.target: common},
            best={scene.target: best_grades(rule, test.score)},
            ladder=ordinal_ladder(
                scene,
                questions=list(rule.questions),
                metric=rule.metric,
                side=rule.side.names,
                coded=[scene.grader] if rule.numeric_graders else [],
            ),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=f"{scene.rows} with their grade",
                test=f"{scene.rows} whose grade you predict",
                sample="a valid submission with the commonest grade everywhere",
                columns=_notes(rule, scene),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score whole grades."""
        rule = OrdinalRule.model_validate(design.rule)
        scene = wardrobe_of("ordinal", OrdinalScene).get(rule.skin)
        highest = float(len(rule.cuts) + 1)
        return Evaluation(
            metric=MetricSpec(name=rule.metric),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="integer", low=1.0, high=highest),),
                rows=material.test_rows,
            ),
        )


def best_grades(rule: OrdinalRule, score: Floats) -> Integers:
    """Return the grades that the metric rewards best on average, given scores without noise.

    For the accuracy that is the likeliest grade. For the kappa, scores are cut where the expected
    kappa over these rows is highest among cut points pulled together by one factor.
    """
    edges = np.concatenate([[-np.inf], rule.cuts, [np.inf]])
    far = (edges[None, :] - score[:, None]) / (rule.noise_sd * math.sqrt(2.0))
    below = np.array([math.erf(value) for value in far.ravel()]).reshape(far.shape)
    chance = 0.5 * np.diff(below, axis=1)
    if rule.metric == "accuracy":
        return np.asarray(np.round(chance, 6).argmax(axis=1) + 1, dtype=np.int64)
    grades = np.arange(1, len(edges))
    middle = float(np.median(score))
    mean = chance @ grades
    spread = float((chance @ grades**2).mean() - mean.mean() ** 2)
    found = []
    for pull in np.linspace(0.6, 1.1, 11):
        cuts = middle + pull * (np.asarray(rule.cuts) - middle)
        given = np.searchsorted(cuts, score) + 1
        miss = float((chance * (given[:, None] - grades[None, :]) ** 2).sum(axis=1).mean())
        shift = float(given.mean() - mean.mean())
        kappa = 1.0 - miss / (spread + float(given.var()) + shift**2)
        found.append((-round(kappa, 6), float(pull), given))
    return np.asarray(min(found, key=lambda item: item[:2])[2], dtype=np.int64)


def _draw_rule(
    rng: np.random.Generator, dna: TaskDNA, scene: OrdinalScene, difficulty: int, *, metric: str
) -> OrdinalRule:
    picked = sorted(rng.choice(len(scene.questions), size=ASKED, replace=False))
    width = ASKED + len(scene.fields)
    graders = tuple(sorted(str(name) for name in rng.permutation(scene.graders)[:6]))
    leniency = rng.permutation(np.linspace(-1.0, 1.0, 6)) * rng.uniform(0.8, 0.95)
    shares = np.array(traits.class_shares(dna, rng, traits.class_count(dna, rng, low=4, high=6)))
    shares = shares * rng.uniform(0.6, 1.5, size=len(shares))
    shares = np.clip(shares / shares.sum(), 0.06, None)
    edges = [_edges(rng) for _ in range(ASKED)]
    frame: dict[str, Any] = {
        "skin": scene.key,
        "metric": metric,
        "train_rows": int(rng.integers(180, 201)),
        "test_rows": 1_000 if metric == "qwk" else 1_600,
        "questions": tuple(scene.questions[int(i)].name for i in picked),
        "edges": tuple(edges),
        "values": tuple(_values(rng, uneven=difficulty >= 1) for _ in range(ASKED)),
        "unanswered": tuple(round(float(x), 4) for x in rng.uniform(0.06, 0.14, size=ASKED)),
        "loadings": tuple(tuple(row) for row in col.draw_bundle(rng, width)),
        "terms": _draw_terms(rng, width, difficulty),
        "scale": 1.0,
        "graders": graders,
        "leniency": tuple(round(float(value), 5) for value in leniency),
        "noise_sd": round(float(rng.uniform(0.3, 0.38)), 5),
        "cuts": (0.0,),
        "messy_share": 0.35 if difficulty >= 2 else 0.0,
        "numeric_graders": bool(difficulty < 2 and rng.random() < 0.5),
        "writing": col.draw_writing(rng, scene.fields),
        "side": draw_side(
            rng,
            scene.domain,
            taken=[
                scene.target,
                scene.grader,
                *(question.name for question in scene.questions),
                *(field.name for field in scene.fields),
            ],
            latents=width,
        ),
    }
    # a rule is scaled on rows that no task holds, always the same
    probe = Streams(0)
    inputs, _ = _inputs(OrdinalRule(**frame), probe, 4_000)
    known = total(frame["terms"], inputs)
    frame["scale"] = round(float(1.0 / np.std(known)), 5)
    people = probe.rng("graders").integers(0, 6, size=len(known))
    noise = frame["noise_sd"] * probe.rng("noise").standard_normal(len(known))
    seen = frame["scale"] * known + np.asarray(frame["leniency"])[people] + noise
    at = np.quantile(seen, np.cumsum(shares / shares.sum())[:-1])
    frame["cuts"] = tuple(round(float(value), 4) for value in at)
    return OrdinalRule(**frame)


def _edges(rng: np.random.Generator) -> tuple[float, ...]:
    """Draw how a latent is cut into steps; some questions are answered high by most."""
    shares = np.exp(rng.uniform(-0.35, 0.35) * np.arange(STEPS)) * rng.uniform(0.7, 1.3, size=STEPS)
    below = np.cumsum(shares / shares.sum())[:-1]
    return tuple(round(NormalDist().inv_cdf(float(value)), 4) for value in below)


def _values(rng: np.random.Generator, *, uneven: bool) -> tuple[float, ...]:
    """Draw what steps are worth: rising, by equal or very unequal steps, and what silence is."""
    rise = np.ones(STEPS - 1)
    if uneven:
        rise[:] = 0.15
        rise[rng.choice(STEPS - 3, size=1)[0] + 1] = 3.0
        rise = rise * rng.uniform(0.8, 1.2, size=STEPS - 1)
    values = np.concatenate([[0.0], np.cumsum(rise)])
    values = (values - values.mean()) / values.std()
    silence = rng.choice([-1.0, 1.0]) * rng.uniform(1.2, 1.7)
    return tuple(round(float(value), 4) for value in [*values, silence])


def _draw_terms(rng: np.random.Generator, width: int, difficulty: int) -> tuple[Term, ...]:
    """Draw like effects of all questions, weaker ones of the numbers, and products of questions."""
    strong = weights(rng, ASKED, low=0.4, high=0.6)
    weak = weights(rng, width - ASKED, low=0.2, high=0.4)
    terms = [Term(kind="linear", of=(i,), weight=w) for i, w in enumerate([*strong, *weak])]
    places = [int(i) for i in rng.permutation(ASKED)]
    pairs = [(places[0], ASKED), (places[1], places[2])][: 1 + difficulty // 2]
    size = 0.5 / np.sqrt(len(pairs))
    for pair, weight in zip(pairs, weights(rng, len(pairs), low=size, high=size), strict=True):
        terms.append(Term(kind="product", of=pair, weight=weight))
    return tuple(terms)


def _inputs(rule: OrdinalRule, streams: Streams, rows: int) -> tuple[Floats, Integers]:
    """Draw what the terms work on, and the steps that were ticked: 1 to 7, and 99 for none."""
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    steps = np.zeros((rows, ASKED), dtype=np.int64)
    inputs = z.copy()
    for place in range(ASKED):
        step = np.searchsorted(np.asarray(rule.edges[place]), z[:, place])
        silent = defects.missing_at_random(
            streams.rng("silent", place), rows, share=rule.unanswered[place]
        )
        inputs[:, place] = np.asarray(rule.values[place])[np.where(silent, STEPS, step)]
        steps[:, place] = np.where(silent, NO_ANSWER, step + 1)
    return inputs, steps


def _draw_rows(rule: OrdinalRule, scene: OrdinalScene, streams: Streams, rows: int) -> _Rows:
    inputs, steps = _inputs(rule, streams, rows)
    people = streams.rng("graders").integers(0, len(rule.graders), size=rows)
    score = rounded(rule.scale * total(rule.terms, inputs) + np.asarray(rule.leniency)[people])
    noise = rule.noise_sd * streams.rng("noise").standard_normal(rows)
    names = [rule.graders[int(code)] for code in people]
    table: dict[str, Any] = {
        scene.grader: defects.messy(streams.rng("messy"), names, share=rule.messy_share)
    }
    if rule.numeric_graders:
        table[scene.grader] = col.as_codes(names, scene.graders)
    table.update(zip(rule.questions, steps.T, strict=True))
    written = col.as_written(scene.fields, rule.writing)
    for place, field in enumerate(written.values()):
        values = col.render(field, inputs[:, ASKED + place])
        table[field.name] = col.as_cells(values, decimals=field.decimals)
    table |= rule.side.cells(streams.child("side"), inputs)
    grade = np.searchsorted(np.asarray(rule.cuts), rounded(score + noise)) + 1
    return _Rows(table, grade.astype(np.int64), score)


def _notes(rule: OrdinalRule, scene: OrdinalScene) -> tuple[Note, ...]:
    texts = {question.name: question.text for question in scene.questions}
    typed = ", typed by hand" if rule.messy_share > 0 else ""
    typed = ", by number" if rule.numeric_graders else typed
    scale = f"1 (lowest) to {STEPS} (highest), {NO_ANSWER} for no answer"
    highest = len(rule.cuts) + 1
    return (
        Note(scene.grader, f"{scene.grader_text}{typed}"),
        *(Note(name, f"{texts[name]}: {scale}") for name in rule.questions),
        *(
            Note(name, field.text)
            for name, field in col.as_written(scene.fields, rule.writing).items()
        ),
        *(Note(name, text) for name, text in rule.side.texts.items()),
        Note(
            scene.target,
            f"the target: {scene.target_text}, 1 (lowest) to {highest} (highest); "
            "only in `train.csv`",
        ),
    )


FAMILIES.register(TabularOrdinal.name)(TabularOrdinal())
