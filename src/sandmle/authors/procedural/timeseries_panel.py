"""Many short daily series that share a rhythm: log level, trend, weekday, planned events, AR(1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.timeseries_panel import series_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family
from sandmle.authors.procedural._panel_skins import GAPS, SKINS, UNITS, PanelSkin
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.answers import answers_csv, row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.lexicon import draw_phonology, draw_words
from sandmle.core.draft import Reference
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

NAME = "timeseries/panel-v1"
HISTORY_DAYS = 42
HORIZON_DAYS = 14
_METRICS = {"mae": "mae", "laplace_ll": "mae", "haversine": "mae"}

Panel = NDArray[np.float64]
"""Shape (series, days)."""


@dataclass(frozen=True)
class _Counts:
    recorded: NDArray[np.int64]
    """What was written down, shape (series, days)."""
    events: NDArray[np.int64]
    expected: Panel
    """What the hidden rule says, given the history up to the last training day."""
    kinds: NDArray[np.int64]
    """Index of the kind of each series."""
    sizes: NDArray[np.int64]
    """A fact about each series that has nothing to do with its counts."""


class TimeseriesPanel(Family):
    """Panel forecasting two weeks ahead with known future events."""

    name = NAME
    modality = "timeseries"
    task_type = "forecasting"
    summary = "Forecast many short daily series with trend, weekdays, planned events and AR noise."
    metrics = ("rmsle", "mae")
    seeds = {  # noqa: RUF012 - declared ClassVar in the base
        "osic-pulmonary-fibrosis-progression": "the scans and the confidence of each forecast",
        "ventilator-pressure-prediction": "80 steps of a breath become days",
        "smartphone-decimeter-2022": "satellite signals; positions become one level per place",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw the rhythm, what disturbs the record, and a domain."""
        rng = streams.rng("domain")
        skin = SKINS[int(rng.integers(len(SKINS)))]
        name_rng = streams.rng("place")
        sounds = draw_phonology(name_rng)
        place = draw_words(name_rng, sounds, pattern="CVCVC", count=1, taken=set())[0].capitalize()
        rule = _rule(streams.rng("rule"), difficulty=difficulty)
        rule["metric"] = _METRICS.get(dna.metric_family, "rmsle")
        rule["skin"] = SKINS.index(skin)
        skills = ["log_target", "pooled_seasonality", "known_future_covariate", "trend_shrinkage"]
        skills += ["mask_failed_records", "group_interaction"] if rule["failed_share"] else []
        skills += ["unit_repair", "lagged_covariate"] if rule["old_unit_share"] else []
        return Design(
            family=NAME,
            modality=self.modality,
            task_type=self.task_type,
            title=_pick(rng, skin.titles).format(place=place),
            domain=skin.domain,
            difficulty=difficulty,
            story=_story(streams.rng("story"), skin, rule, place),
            rule=rule,
            skills=tuple(skills),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the series; their history is given, the two weeks after it are the hidden test."""
        rule, skin = design.rule, SKINS[design.rule["skin"]]
        counts = _counts(rule, streams)
        series = rule["series"]
        sites = np.array(row_ids(streams.rng("sites"), series, prefix=skin.site_prefix))
        days = HISTORY_DAYS + HORIZON_DAYS
        at, day = np.divmod(np.arange(series * days), days)
        # rows in random order: sorted ones would put alike counts side by side
        order = streams.rng("order").permutation(len(at))
        known = order[day[order] < HISTORY_DAYS]
        asked = order[day[order] >= HISTORY_DAYS]

        def rows(chosen: NDArray[np.int64]) -> dict[str, Any]:
            return {
                skin.site: sites[at[chosen]],
                "day": day[chosen] + 1,
                skin.event: counts.events[at[chosen], day[chosen]],
            }

        ids = row_ids(streams.rng("ids"), len(asked))
        truth = counts.recorded[at[asked], day[asked]]
        expected = counts.expected[at[asked], day[asked]]
        test_sites = sites[at[asked]]
        kinds = [skin.kinds[kind] for kind in counts.kinds]
        return Material(
            test_rows=len(ids),
            train_rows=series,
            public={
                "train.csv": csv_bytes(
                    {**rows(known), skin.target: counts.recorded[at[known], day[known]]}
                ),
                "test.csv": csv_bytes({"id": ids, **rows(asked)}),
                skin.table: csv_bytes(
                    {skin.site: sites, skin.kind: kinds, skin.size: counts.sizes}
                ),
                "sample_submission.csv": csv_bytes({"id": ids, skin.target: [0] * len(ids)}),
            },
            answers=answers_csv(
                {"id": ids, skin.target: truth, skin.site: test_sites},
                streams.rng("split"),
                groups=test_sites.tolist(),
            ),
            ladder=series_ladder(
                {
                    "id": "id",
                    "site": skin.site,
                    "event": skin.event,
                    "kind": skin.kind,
                    "target": skin.target,
                    "table": skin.table,
                }
            ),
            reference=Reference(
                kind="oracle", submission=csv_bytes({"id": ids, skin.target: rounded(expected)})
            ),
            files=(
                Note(
                    "train.csv",
                    f"the history: one line for each of the {series} {skin.sites} and each of "
                    f"{HISTORY_DAYS} days, in random order; a training sample is the history of "
                    f"one `{skin.site}`",
                ),
                Note(
                    "test.csv",
                    f"the same {skin.sites} on the {HORIZON_DAYS} days after that; a test sample "
                    "is one line",
                ),
                Note(skin.table, f"what is known about each `{skin.site}`"),
                Note("sample_submission.csv", "a valid submission that forecasts nothing but 0"),
            ),
            columns=(
                Note("id", "a number without meaning that names a line of `test.csv`"),
                Note(skin.site, f"which of the {skin.sites}"),
                Note("day", "number of the day; day 1 was a Monday, and no day is left out"),
                Note(skin.event, skin.event_note),
                Note(skin.kind, "one of " + ", ".join(skin.kinds)),
                Note(skin.size, skin.size_note),
                Note(skin.target, f"{skin.target_note}; the target, in `train.csv` only"),
            ),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """RMSLE, or MAE where the DNA asks for absolute errors; split and graded by series."""
        skin = SKINS[design.rule["skin"]]
        target = Column(name=skin.target, kind="number", low=0.0, high=1e7)
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column="id",
                targets=(target,),
                rows=design.rule["series"] * HORIZON_DAYS,
                group_column=skin.site,
            ),
        )


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _story(rng: np.random.Generator, skin: PanelSkin, rule: Mapping[str, Any], place: str) -> str:
    first = [_pick(rng, skin.who), _pick(rng, skin.goal)]
    second = [_pick(rng, GAPS)] if rule["failed_share"] else []
    second += [_pick(rng, UNITS)] if rule["old_unit_share"] else []
    parts = [" ".join(part) for part in (first, second) if part]
    return "\n\n".join(parts).format(place=place, sites=skin.sites)


def _rule(rng: np.random.Generator, *, difficulty: int) -> dict[str, Any]:
    """Draw the rhythm; all effects are on the log scale."""
    weekday = rng.standard_normal(7)
    weekday = 0.42 * (weekday - weekday.mean()) / weekday.std()
    own = rng.standard_normal((3, 7)) * (0.25 if difficulty else 0.0)
    event = rng.choice([-1.0, 1.0], p=[0.2, 0.8]) * rng.uniform(0.55, 0.8)
    event_own = rng.uniform(-0.35, 0.35, 3) if difficulty else np.zeros(3)
    return {
        "series": int(rng.integers(61, 69)),
        "base": float(rounded(rng.uniform(4.2, 5.4))),
        "level_spread": 0.42,
        "trend_spread_per_fortnight": 0.15,
        "weekday": rounded(weekday).tolist(),
        "weekday_of_kind": rounded(own).tolist(),
        "event_effect_of_kind": rounded(event + event_own).tolist(),
        "day_after_effect": float(rounded(-0.45 * event)) if difficulty >= 2 else 0.0,
        "event_share": 0.3,
        "autocorrelation": float(rounded(rng.uniform(0.75, 0.88))),
        "innovation": 0.09,
        "noise": 0.07,
        "failed_share": float(rounded(rng.uniform(0.04, 0.07))) if difficulty >= 1 else 0.0,
        "old_unit_share": 0.3 if difficulty >= 2 else 0.0,
        "old_unit_factor": int(rng.choice([6, 10, 12])) if difficulty >= 2 else 1,
    }


def _counts(rule: Mapping[str, Any], streams: Streams) -> _Counts:
    """Draw all series over history and horizon."""
    series, days = rule["series"], HISTORY_DAYS + HORIZON_DAYS
    rng = streams.rng("series")
    kinds = rng.permutation(np.arange(series) % 3)
    level = rule["base"] + rule["level_spread"] * rng.standard_normal(series)
    slope = rule["trend_spread_per_fortnight"] * rng.standard_normal(series) / HORIZON_DAYS
    sizes = np.rint(np.exp(rng.normal(2.3, 0.4, series))).astype(np.int64) + 2
    events = _events(streams.rng("events"), series, days, share=rule["event_share"])
    time = np.arange(days, dtype=np.float64)
    weekday = np.array(rule["weekday"]) + np.array(rule["weekday_of_kind"])[kinds]
    mean = level[:, None] + slope[:, None] * (time - HISTORY_DAYS / 2)
    mean = mean + weekday[:, np.arange(days) % 7]
    mean = mean + np.array(rule["event_effect_of_kind"])[kinds][:, None] * events
    before = np.hstack([np.zeros((series, 1)), events[:, :-1]])
    mean = mean + rule["day_after_effect"] * before
    drift = _drift(streams.rng("drift"), rule, series, days)
    noise = rule["noise"] * streams.rng("noise").standard_normal((series, days))
    counted = np.rint(rounded(np.exp(mean + drift + noise)))
    ahead = np.maximum(time - (HISTORY_DAYS - 1), 0.0)
    left = drift[:, HISTORY_DAYS - 1 : HISTORY_DAYS] * rule["autocorrelation"] ** ahead
    recorded = _spoil(streams.rng("spoil"), rule, counted)
    return _Counts(
        recorded=recorded.astype(np.int64),
        events=events,
        expected=np.exp(mean + left),
        kinds=kinds,
        sizes=sizes,
    )


def _events(rng: np.random.Generator, series: int, days: int, *, share: float) -> NDArray[np.int64]:
    """Plan events of one to three days that cover about `share` of all days."""
    starts = rng.random((series, days)) < share / 2
    lengths = rng.integers(1, 4, (series, days))
    planned = np.zeros((series, days), dtype=np.int64)
    for ago in range(3):
        running = (starts & (lengths > ago))[:, : days - ago]
        planned[:, ago:] |= running.astype(np.int64)
    return planned


def _drift(rng: np.random.Generator, rule: Mapping[str, Any], series: int, days: int) -> Panel:
    """Draw stationary AR(1) paths."""
    rho = rule["autocorrelation"]
    shocks = rule["innovation"] * rng.standard_normal((series, days))
    path = np.zeros((series, days))
    path[:, 0] = shocks[:, 0] / np.sqrt(1 - rho**2)
    for t in range(1, days):
        path[:, t] = rho * path[:, t - 1] + shocks[:, t]
    return path


def _spoil(rng: np.random.Generator, rule: Mapping[str, Any], counted: Panel) -> Panel:
    """Put failures, recorded as 0, and an old unit into the history."""
    recorded = counted.copy()
    series = len(counted)
    change = rng.integers(10, HISTORY_DAYS - 10, series)
    changed = rng.random(series) < rule["old_unit_share"]
    old = changed[:, None] & (np.arange(counted.shape[1]) < change[:, None])
    recorded[old] *= rule["old_unit_factor"]
    past = np.arange(counted.shape[1]) < HISTORY_DAYS
    recorded[past & (rng.random(counted.shape) < rule["failed_share"])] = 0
    return recorded


FAMILIES.register(NAME)(TimeseriesPanel())
