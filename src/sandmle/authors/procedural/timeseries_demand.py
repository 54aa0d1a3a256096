"""Intermittent demand: counts with rhythm and plans, sales that end where the stock ends.

Hidden rule: demand is negative binomial; its log mean = level of the item + weekday (+ by category)
+ planned event (+ by category, + the day after). What was sold is what was wanted only on days with
stock.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.timeseries_demand import demand_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.answers import answers_csv, row_ids
from sandmle.authors.toolkit.counts import count_quantiles, draw_counts, run_out
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.core.draft import Reference
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HISTORY = 28
HORIZON = 14
QUANTILES = (0.1, 0.5, 0.9)
_STOCK_OUTS = Defect("stock_outs", skill="censoring_mask")
_PARTIAL = Defect("partial_stock_outs", skill="censored_likelihood")
_CLOSED = Defect("closed_days", skill="day_outliers")


class DemandScene(Scene):
    """What is wanted now and then, and what its columns are called."""

    item: str
    item_text: str
    item_prefix: str
    items: str
    kind: str
    kinds: tuple[str, str, str]
    event: str
    event_text: str
    out: str
    out_text: str
    target: str
    target_text: str
    wanted: str
    """What is to be forecast: the demand, whatever the stock."""


class DemandRule(Record):
    """The hidden rule of one task, with its defects; effects are on the log scale."""

    skin: str
    metric: str
    train_rows: int
    """Items, each with a history."""
    test_rows: int
    base: float
    level_sd: float
    weekday: tuple[float, ...]
    weekday_of_kind: tuple[tuple[float, ...], ...]
    event_sd: float
    """Spread of the items' own response to an event."""
    slope_sd: float
    """Spread of the change of an item's level over the whole time."""
    event: tuple[float, float, float]
    """Effect of a planned event, by kind."""
    day_after: float
    event_share: float
    shape: float
    """Shape of the negative binomial: variance = mean + mean^2 / shape."""
    out_share: float
    """Chance that a spell without stock begins on a quiet day."""
    out_by_demand: float
    """Further chance on a day of high demand."""
    partial: bool
    """Whether the first day of a spell still sells what was left."""
    closed: tuple[int, ...]


@dataclass(frozen=True)
class _Panel:
    """All items over history and horizon, shapes (items, days)."""

    kind: Ints
    events: Ints
    mean: Floats
    wanted: Ints
    sold: Ints
    out: Ints


class TimeseriesDemand(Family):
    """Forecast quantiles of a demand that stock-outs hide."""

    name = "timeseries/demand-v1"
    modality = "timeseries"
    task_type = "forecasting"
    summary = "Forecast intermittent demand two weeks ahead from sales that stock-outs cut off."
    metrics = ("pinball", "mae")
    seeds = {
        "h-and-m-personalized-fashion-recommendations": "who buys what; only counts by day remain",
        "osic-pulmonary-fibrosis-progression": "scans and patients; intervals become quantiles",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rhythm and what hides the demand."""
        clothes = wardrobe_of("demand", DemandScene)
        scene = clothes.draw(streams.rng("scene"))
        metric = self.choose_metric(dna, streams.rng("metric"))
        rule = _draw_rule(streams.rng("rule"), scene, metric, difficulty)
        found = [_STOCK_OUTS]
        found += [_PARTIAL] if difficulty >= 1 else []
        found += [_CLOSED] if difficulty >= 2 else []
        operations = ["count_noise", "additive", "periodic"]
        operations += ["interaction"] if difficulty >= 1 else []
        operations += ["lag"] if difficulty >= 2 else []
        skills = ["quantile_forecasts", "pooled_seasonality", "known_future_covariate"]
        skills += ["group_interaction"] if difficulty >= 1 else []
        skills += ["lagged_covariate"] if difficulty >= 2 else []
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(tuple(operations), tuple(found), tuple(skills)),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw demand and stock, write the history and the days to come, ladder and oracle."""
        rule = DemandRule.model_validate(design.rule)
        scene = wardrobe_of("demand", DemandScene).get(rule.skin)
        panel = _draw_panel(rule, streams)
        count = len(panel.kind)
        names = np.array(row_ids(streams.rng("items"), count, prefix=scene.item_prefix))
        item, day = (part.reshape(-1) for part in np.indices((count, HORIZON)))
        order = streams.rng("lines").permutation(len(item))
        item, day = item[order], day[order] + HISTORY
        rows = len(item)
        ids = [str(number) for number in streams.rng("ids").permutation(rows) + 1]
        keyed = {scene.id_column: ids}
        columns, levels = _forecast_columns(rule.metric, scene)
        best = count_quantiles(panel.mean[item, day], rule.shape, levels)
        truth = dict.fromkeys(columns, panel.wanted[item, day])
        past = np.indices((count, HISTORY)).reshape(2, -1)
        facts = f"{scene.items}.csv"
        placeholders = {"ID": scene.id_column, "ITEM": scene.item, "EVENT": scene.event}
        placeholders |= {"OUT": scene.out, "KIND": scene.kind, "TARGET": scene.target}
        return Material(
            train_rows=count,
            test_rows=rows,
            public={
                "train.csv": csv_bytes(
                    {
                        scene.item: names[past[0]],
                        "day": past[1] + 1,
                        scene.event: panel.events[past[0], past[1]],
                        scene.out: panel.out[past[0], past[1]],
                        scene.target: panel.sold[past[0], past[1]],
                    }
                ),
                "test.csv": csv_bytes(
                    {
                        **keyed,
                        scene.item: names[item],
                        "day": day + 1,
                        scene.event: panel.events[item, day],
                    }
                ),
                facts: csv_bytes(
                    {scene.item: names, scene.kind: [scene.kinds[int(k)] for k in panel.kind]}
                ),
                "sample_submission.csv": csv_bytes({**keyed, **{c: [0] * rows for c in columns}}),
            },
            answers=answers_csv(
                {**keyed, **truth, scene.item: names[item]},
                streams.rng("split"),
                groups=names[item].tolist(),
            ),
            ladder=demand_ladder(
                {**placeholders, "FILE_OF_ITEMS": facts}, levels=levels, columns=columns
            ),
            reference=Reference(
                kind="oracle",
                submission=csv_bytes(
                    {**keyed, **{name: best[:, k] for k, name in enumerate(columns)}}
                ),
            ),
            files=(
                Note(
                    "train.csv",
                    f"the last {HISTORY} days of each of the {count} {scene.items}, one line for "
                    "each day; a training sample is one of these series",
                ),
                Note(
                    "test.csv",
                    f"the same {scene.items} on the {HORIZON} days after that; a test sample is "
                    "one line",
                ),
                Note(facts, f"what kind of thing each `{scene.item}` is"),
                Note("sample_submission.csv", "a valid submission that forecasts nothing but 0"),
            ),
            columns=_notes(rule, scene),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score quantiles by pinball loss, or medians by MAE; whole items are public or private."""
        scene = wardrobe_of("demand", DemandScene).get(design.rule["skin"])
        columns, levels = _forecast_columns(design.rule["metric"], scene)
        params = {"quantiles": list(levels)} if len(levels) > 1 else {}
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"], params=params),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=tuple(Column(name=n, kind="number", low=0.0, high=1e6) for n in columns),
                rows=material.test_rows,
                group_column=scene.item,
            ),
        )

    def resized(self, design: Design, *, train: float = 1.0, test: float = 1.0) -> Design:
        """Return the design with other numbers of items; every item is in train and test."""
        return super().resized(design, train=max(train, test), test=max(train, test))


def _forecast_columns(metric: str, scene: DemandScene) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return the columns of a submission and the quantile that is best in each."""
    if metric == "mae":
        return (scene.target,), (0.5,)
    return tuple(f"{scene.target}_q{round(100 * level)}" for level in QUANTILES), QUANTILES


def _draw_rule(
    rng: np.random.Generator, scene: DemandScene, metric: str, difficulty: int
) -> DemandRule:
    week = rng.standard_normal(7)
    week = 0.5 * (week - week.mean()) / week.std()
    own = rng.standard_normal((3, 7)) * (0.35 if difficulty else 0.0)
    event = rng.uniform(0.7, 1.0) + (rng.uniform(-0.5, 0.5, size=3) if difficulty else np.zeros(3))
    items = int(rng.integers(184, 199))
    closed = rng.choice(np.arange(3, HISTORY - 3), size=3, replace=False)
    return DemandRule(
        skin=scene.key,
        metric=metric,
        train_rows=items,
        test_rows=items * HORIZON,
        base=round(float(rng.uniform(0.6, 1.0)), 4),
        level_sd=0.4,
        weekday=_numbers(week),
        weekday_of_kind=tuple(_numbers(row) for row in own),
        event_sd=0.15,
        slope_sd=0.2,
        event=(_numbers(event)[0], _numbers(event)[1], _numbers(event)[2])
        if difficulty
        else (round(float(event[0]), 5),) * 3,
        day_after=-0.5 if difficulty >= 2 else 0.0,
        event_share=0.25,
        shape=round(float(rng.uniform(4.0, 8.0)), 4),
        out_share=0.09 if difficulty == 0 else 0.05,
        out_by_demand=0.0 if difficulty == 0 else 0.25,
        partial=difficulty >= 1,
        closed=tuple(sorted(int(day) for day in closed)) if difficulty >= 2 else (),
    )


def _numbers(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def _draw_panel(rule: DemandRule, streams: Streams) -> _Panel:
    """Draw demand over history and horizon, then what the stock let be sold."""
    shape = (rule.train_rows, HISTORY + HORIZON)
    kind = streams.rng("kinds").permutation(np.arange(shape[0]) % 3)
    level = rule.base + rule.level_sd * streams.rng("levels").standard_normal(shape[0])
    events = (streams.rng("events").random(shape) < rule.event_share).astype(np.int64)
    after = np.hstack([np.zeros((shape[0], 1), dtype=np.int64), events[:, :-1]])
    weekday = np.asarray(rule.weekday) + np.asarray(rule.weekday_of_kind)[kind]
    log_mean = level[:, None] + weekday[:, np.arange(1, shape[1] + 1) % 7]
    own = streams.rng("own").standard_normal((2, shape[0], 1))
    response = np.asarray(rule.event)[kind][:, None] + rule.event_sd * own[0]
    time = np.arange(shape[1]) / shape[1] - 0.5
    log_mean = log_mean + response * events + rule.day_after * after + rule.slope_sd * own[1] * time
    mean = rounded(np.exp(log_mean))
    wanted = draw_counts(mean.reshape(-1), rule.shape, streams.rng("demand").random(mean.size))
    wanted = wanted.reshape(shape)
    high = wanted > np.maximum(1.4 * mean, 1.0)
    begins = rounded(rule.out_share + rule.out_by_demand * high)
    out, sold = run_out(streams.rng("stock"), wanted, begins=begins, partial=rule.partial)
    sold[:, list(rule.closed)] = 0
    out[:, list(rule.closed)] = 0
    return _Panel(kind, events, mean, wanted, sold, out)


def _notes(rule: DemandRule, scene: DemandScene) -> tuple[Note, ...]:
    columns, levels = _forecast_columns(rule.metric, scene)
    told = [
        Note(scene.id_column, scene.id_text),
        Note(scene.item, scene.item_text),
        Note("day", "number of the day; day 1 was a Monday"),
        Note(scene.event, scene.event_text),
        Note(scene.out, f"{scene.out_text}; only in `train.csv`"),
        Note(scene.kind, "one of " + ", ".join(scene.kinds)),
    ]
    if rule.metric == "mae":
        text = f"{scene.target_text}, in `train.csv`; to be forecast are the {scene.wanted}"
        return (*told, Note(scene.target, text))
    told.append(Note(scene.target, f"{scene.target_text}, in `train.csv`"))
    told += [
        Note(name, f"to be forecast: the {round(100 * level)} % quantile of the {scene.wanted}")
        for name, level in zip(columns, levels, strict=True)
    ]
    return tuple(told)


FAMILIES.register(TimeseriesDemand.name)(TimeseriesDemand())
