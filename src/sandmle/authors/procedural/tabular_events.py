"""Binary outcomes of entities with a log of events that runs past each entity's own cut-off.

Hidden rule: logit = recency, net count and views in a window before the cut-off, net money, the
entity's attributes, and products of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_events import events_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import DUPLICATES, Defect
from sandmle.authors.toolkit.domains import Category, Field
from sandmle.authors.toolkit.eventlog import (
    FIRST_DAY,
    HISTORY,
    PLUS,
    VIEW,
    EventLog,
    draw_log,
    log_csv,
    summaries,
)
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

FUTURE_ROWS = Defect("future_rows", skill="time_cut_off")
REVERSALS = Defect("reversals", skill="netting")
MIXED_DATES = Defect("mixed_dates", skill="date_parsing")

FUTURE = 45
"""Days after it that the log of training entities covers."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class EventsScene(Scene):
    """A domain with entities and the log of what happened to them."""

    rows: str
    target: str
    target_text: str
    cut_off: str
    cut_text: str
    when: str
    when_text: str
    kind: str
    kinds: tuple[str, str, str]
    """What adds an amount, what takes one back, and what has no amount."""
    kinds_text: str
    amount: str
    amount_text: str
    amount_centre: float
    fields: tuple[Field, ...]
    categories: tuple[Category, Category]


class EventsRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    window: int
    """Days before the cut-off in which net count and views are taken."""
    terms: tuple[Term, ...]
    """Over the standardised columns of `summaries`, then the first two fields' latents, then the
    first category's effect."""
    middles: tuple[float, ...]
    spreads: tuple[float, ...]
    """Of the columns of `summaries`."""
    effects: tuple[float, ...]
    """Of the first category's values."""
    slope: float
    intercept: float
    leak: float
    """More events that a positive outcome brings after the cut-off, on average."""
    reversed_share: float
    doubled_share: float
    """Entities whose log lines were imported twice."""
    mixed_dates: bool
    labelled: int
    """How many of the categories the table has; the first one matters."""
    loadings: tuple[tuple[float, ...], ...]
    """Of the fields."""
    numeric_labels: bool
    """Whether labels are written as numbers; a legend says what these mean."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    side: SideTable


@dataclass(frozen=True)
class _Entities:
    """Entities of one role with their log."""

    table: dict[str, Any]
    cut: Integers
    log: EventLog
    label: Integers
    chance: Floats


class TabularEvents(Family):
    """Predict what follows a date from a log of what came before it."""

    name = "tabular/events-v1"
    modality = "tabular"
    task_type = "binary_classification"
    summary = "An outcome after each entity's own cut-off, from an event log that runs past it."
    metrics = ("log_loss", "roc_auc")
    seeds = {
        "h-and-m-personalized-fashion-recommendations": "articles; the log of purchases stays",
        "spaceship-titanic": "one table; bills of a passenger become lines of a log",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rule and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe_of("events", EventsScene)
        scene = clothes.draw(rng)
        metric = self.choose_metric(dna, rng)
        rule = _draw_rule(rng, scene, difficulty, metric=metric)
        defects = (FUTURE_ROWS, REVERSALS, DUPLICATES, MIXED_DATES)[: 2 + difficulty]
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("window", "recency", *grammar(rule.terms)),
                defects=defects,
                skills=("aggregation", "interactions"),
                traps=(Trap(column="events after the cut-off", why="test has no such events"),),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw entities and events, spoil the log, and write files, answers, ladder and oracle."""
        rule = EventsRule.model_validate(design.rule)
        scene = wardrobe_of("events", EventsScene).get(rule.skin)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        train = _draw_entities(rule, scene, streams.child("train"), rule.train_rows)
        test = _draw_entities(rule, scene, streams.child("test"), rule.test_rows)
        later = _later(rule, scene, streams.rng("later"), train.label)
        shifted = test.log.owner + rule.train_rows
        log = train.log.joined(
            later, EventLog(shifted, test.log.ago, test.log.kind, test.log.amount)
        )
        cut = np.concatenate([train.cut, test.cut])
        words = Words(
            id_column=scene.id_column,
            id_text=scene.id_text,
            train=f"{scene.rows} whose outcome is known",
            test=f"the {scene.rows} that you predict",
            sample="a valid submission that gives everybody one half",
            columns=_notes(rule, scene),
            files=(
                Note(
                    "events.csv",
                    f"the log of the {scene.rows} of both files, one line per entry, in no order; "
                    f"for those of `test.csv` it ends on their `{scene.cut_off}`",
                ),
            ),
            attached={
                "events.csv": log_csv(
                    streams.child("log"),
                    log,
                    cut=cut,
                    ids=ids,
                    header=(scene.id_column, scene.when, scene.kind, scene.amount),
                    kinds=scene.kinds,
                    doubled=rule.doubled_share,
                    mixed_dates=rule.mixed_dates,
                )
            },
        )
        return row_material(
            Rows(ids[: rule.train_rows], {scene.target: train.label}, train.table),
            Rows(ids[rule.train_rows :], {scene.target: test.label}, test.table),
            sample={scene.target: 0.5},
            best={scene.target: test.chance},
            ladder=events_ladder(
                scene,
                side=rule.side.names,
                coded=[c.name for c in scene.categories[: rule.labelled]]
                if rule.numeric_labels
                else [],
            ),
            words=words,
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score chances of the positive outcome."""
        scene = wardrobe_of("events", EventsScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="number", low=0.0, high=1.0),),
                rows=material.test_rows,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, scene: EventsScene, difficulty: int, *, metric: str
) -> EventsRule:
    window = (30, 45, 60)[int(rng.integers(3))]
    effects = rng.permutation([1.4, -0.7, -0.7]) + rng.uniform(-0.1, 0.1, size=3)
    frame: dict[str, Any] = {
        "skin": scene.key,
        "metric": metric,
        "train_rows": int(rng.integers(180, 201)),
        "test_rows": 2_800,
        "window": window,
        "terms": _draw_terms(rng, difficulty),
        "middles": (0.0,) * 4,
        "spreads": (1.0,) * 4,
        "effects": tuple(round(float(value), 5) for value in effects),
        "slope": 1.0,
        "intercept": 0.0,
        "leak": round(float(rng.uniform(1.6, 2.2)), 5),
        "reversed_share": round(float(rng.uniform(0.25, 0.35)), 5),
        "doubled_share": 0.35 if difficulty >= 1 else 0.0,
        "mixed_dates": difficulty >= 2,
        "labelled": 1 + int(rng.integers(2)),
        "loadings": tuple(tuple(row) for row in col.draw_bundle(rng, len(scene.fields))),
        "numeric_labels": bool(rng.random() < 0.5),
        "writing": col.draw_writing(rng, scene.fields),
        "side": draw_side(rng, scene.domain, taken=_taken(scene), latents=len(scene.fields)),
    }
    slope = float(rng.uniform(2.6, 3.2))
    rate = float(rng.uniform(-0.7, 0.3))
    # a rule is scaled on entities that no task holds, always the same
    probe = Streams(0)
    draft = EventsRule(**frame)
    log = draw_log(
        probe.rng("log"), 2_000, centre=scene.amount_centre, reversed_share=draft.reversed_share
    )
    raw = summaries(log, 2_000, window=window, centre=scene.amount_centre)
    middles, spreads = raw.mean(axis=0), raw.std(axis=0)
    frame["middles"] = tuple(round(float(value), 5) for value in middles)
    frame["spreads"] = tuple(round(float(value), 5) for value in spreads)
    z = np.clip(probe.rng("fields").standard_normal((2_000, 2)), -3, 3)
    code = probe.rng("labels").integers(0, 3, size=2_000)
    known = total(draft.terms, _inputs(EventsRule(**frame), raw, z, code))
    frame["slope"] = round(float(slope / np.std(known)), 5)
    frame["intercept"] = round(float(rate - frame["slope"] * np.median(known)), 5)
    return EventsRule(**frame)


def _taken(scene: EventsScene) -> list[str]:
    """Return all names of columns in any file."""
    own = (scene.target, scene.cut_off, scene.when, scene.kind, scene.amount)
    fields, labels = scene.fields, scene.categories
    return [*own, *(field.name for field in fields), *(label.name for label in labels)]


def _draw_terms(rng: np.random.Generator, difficulty: int) -> tuple[Term, ...]:
    """Draw effects of all inputs and products that join the log with the entity's attributes."""
    sizes = (0.9, 0.9, 0.6, 0.6, 0.35, 0.3)
    signs = weights(rng, len(sizes), low=0.85, high=1.15)
    terms = [
        Term(kind="linear", of=(i,), weight=round(size * sign, 5))
        for i, (size, sign) in enumerate(zip(sizes, signs, strict=True))
    ]
    terms.append(Term(kind="linear", of=(6,), weight=0.35))
    pairs = [(0, 6), (1, 4)][: 1 + difficulty]
    size = (0.8, 0.65, 0.65)[difficulty]
    for pair, weight in zip(pairs, weights(rng, len(pairs), low=size, high=size), strict=True):
        terms.append(Term(kind="product", of=pair, weight=weight))
    return tuple(terms)


def _inputs(rule: EventsRule, raw: Floats, z: Floats, code: Integers) -> Floats:
    """Join what the terms work on: summaries of the log, fields, effect of the category."""
    summed = (raw - np.asarray(rule.middles)) / np.asarray(rule.spreads)
    return np.column_stack([summed, z[:, :2], np.asarray(rule.effects)[code]])


def _draw_entities(rule: EventsRule, scene: EventsScene, streams: Streams, rows: int) -> _Entities:
    log = draw_log(
        streams.rng("log"), rows, centre=scene.amount_centre, reversed_share=rule.reversed_share
    )
    z = col.latents(streams.rng("fields"), rows, loadings=rule.loadings)
    codes = [
        streams.rng("labels", place).integers(0, len(category.values), size=rows)
        for place, category in enumerate(scene.categories)
    ]
    cut = streams.rng("cut").integers(HISTORY, HISTORY + 300, size=rows)
    raw = summaries(log, rows, window=rule.window, centre=scene.amount_centre)
    inputs = _inputs(rule, raw, z, codes[0])
    logit = rule.intercept + rule.slope * total(rule.terms, inputs)
    chance = rounded(1.0 / (1.0 + np.exp(-logit)))
    table: dict[str, Any] = {scene.cut_off: (FIRST_DAY + cut).astype(str).tolist()}
    written = col.as_written(scene.fields, rule.writing)
    for field, column in zip(written.values(), z.T, strict=True):
        table[field.name] = col.as_cells(col.render(field, column), decimals=field.decimals)
    labelled = scene.categories[: rule.labelled]
    for category, code in zip(labelled, codes, strict=False):
        words = [category.values[int(value)] for value in code]
        table[category.name] = (
            col.as_codes(words, category.values) if rule.numeric_labels else words
        )
    table |= rule.side.cells(streams.child("side"), z)
    return _Entities(
        table=table,
        cut=cut,
        log=log,
        label=(streams.rng("outcomes").random(rows) < chance).astype(np.int64),
        chance=chance,
    )


def _later(
    rule: EventsRule, scene: EventsScene, rng: np.random.Generator, label: Integers
) -> EventLog:
    """Draw what the log of training entities holds after the cut-off: more if it came true."""
    owner = np.repeat(np.arange(len(label)), rng.poisson(0.4 + rule.leak * label))
    kind = np.where(rng.random(len(owner)) < 0.7, PLUS, VIEW)
    amount = np.round(
        rounded(scene.amount_centre * np.exp(0.8 * rng.standard_normal(len(owner)))), 2
    )
    ago = -rng.integers(1, FUTURE + 1, size=len(owner))
    return EventLog(owner, ago, kind, np.where(kind == PLUS, amount, np.nan))


def _notes(rule: EventsRule, scene: EventsScene) -> tuple[Note, ...]:
    form = "as the office wrote it, day before month" if rule.mixed_dates else "year-month-day"
    return (
        Note(scene.cut_off, scene.cut_text),
        *(
            Note(name, field.text)
            for name, field in col.as_written(scene.fields, rule.writing).items()
        ),
        *(
            Note(
                category.name,
                f"{category.text}: {col.legend(category.values)}"
                if rule.numeric_labels
                else category.text,
            )
            for category in scene.categories[: rule.labelled]
        ),
        *(Note(name, text) for name, text in rule.side.texts.items()),
        Note(scene.when, f"in `events.csv`: {scene.when_text}, {form}"),
        Note(scene.kind, f"in `events.csv`: {scene.kinds_text}"),
        Note(scene.amount, f"in `events.csv`: {scene.amount_text}"),
        Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
    )


FAMILIES.register(TabularEvents.name)(TabularEvents())
