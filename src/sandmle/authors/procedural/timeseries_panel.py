"""Many short daily series that share a rhythm: log level, trend, weekday, planned events, AR(1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.timeseries_panel import series_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.defects import SILENT_UNITS, Defect
from sandmle.authors.toolkit.naming import invented_name, named
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, pick, wardrobe_of
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

HISTORY_DAYS = 42
HORIZON_DAYS = 14
LASTING_ERRORS = Defect("lasting_errors", skill="residual_carry_over")
FAILED_RECORDS = Defect("failed_records", skill="mask_failed_records")
GAPS = (
    "Now and then the record failed, and the history shows a 0 for the day. The days to be "
    "forecast were recorded without a failure.",
    "A 0 in the history usually means that nothing was recorded. In the two weeks to be forecast "
    "no day was lost.",
)
UNITS = (
    "Part of the {sites} changed their recording system during the history; the old system did "
    "not count in the same unit. All counts to be forecast are from the new one.",
    "Over the weeks of the history, some {sites} were moved to a new system. Old and new ones "
    "differ in the unit they count in; forecasts are wanted in the new unit.",
)


class PanelScene(Scene):
    """What the series count; `{place}` in titles and stories is an invented name."""

    target: str
    target_text: str
    site: str
    """Column that names a series."""
    site_prefix: str
    sites: str
    """What a series is, in the plural."""
    table: str
    """File with what is known of each series."""
    kind: str
    """Column of that file."""
    kinds: tuple[str, str, str]
    size: str
    """Another column of that file, a number."""
    size_note: str
    event: str
    """Column that says whether something planned takes place."""
    event_note: str


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

    name = "timeseries/panel-v2"
    modality = "timeseries"
    task_type = "forecasting"
    summary = "Forecast many short daily series with trend, weekdays, planned events and AR noise."
    metrics = ("rmsle", "mae")
    seeds = {
        "osic-pulmonary-fibrosis-progression": "the scans and the confidence of each forecast",
        "ventilator-pressure-prediction": "80 steps of a breath become days",
        "smartphone-decimeter-2022": "satellite signals; positions become one level per place",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw the rhythm, what disturbs the record, and a domain."""
        clothes = wardrobe_of("panel", PanelScene)
        scene = clothes.draw(streams.rng("domain"))
        rule = {
            "scene": scene.key,
            "metric": self.choose_metric(dna, streams.rng("metric")),
            **_rule(streams.rng("rule"), difficulty=difficulty),
        }
        names = {"place": invented_name(streams.rng("place")), "sites": scene.sites}
        told = named(clothes, scene, names, remarks=_remarks(streams.rng("story"), rule))
        return self.tell(
            told,
            told.scenes[0],
            streams.rng("words"),
            rule=rule,
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def resized(self, design: Design, *, train: float = 1.0, test: float = 1.0) -> Design:
        """Return the same rhythm with more or fewer series; each has a history and a test.

        Args:
            design: A design of this family.
            train: Histories for each one.
            test: Forecast series for each one; the larger of both counts.
        """
        series = round(design.rule["series"] * max(train, test))
        return replace(design, rule={**design.rule, "series": series})

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the series; their history is given, the two weeks after it are the hidden test."""
        rule = design.rule
        scene = wardrobe_of("panel", PanelScene).get(rule["scene"])
        counts = _counts(rule, streams)
        series = rule["series"]
        sites = np.array(row_ids(streams.rng("sites"), series, prefix=scene.site_prefix))
        days = HISTORY_DAYS + HORIZON_DAYS
        at, day = np.divmod(np.arange(series * days), days)
        # rows in random order: sorted ones would put alike counts side by side
        order = streams.rng("order").permutation(len(at))
        known = order[day[order] < HISTORY_DAYS]
        asked = order[day[order] >= HISTORY_DAYS]

        def seen(chosen: NDArray[np.int64]) -> dict[str, Any]:
            return {
                scene.site: sites[at[chosen]],
                "day": day[chosen] + 1,
                scene.event: counts.events[at[chosen], day[chosen]],
            }

        ids = row_ids(streams.rng("ids"), len(asked))
        truth = counts.recorded[at[asked], day[asked]]
        expected = rounded(counts.expected[at[asked], day[asked]])
        kinds = [scene.kinds[kind] for kind in counts.kinds]
        facts: dict[str, Any] = {scene.site: sites, scene.kind: kinds, scene.size: counts.sizes}
        history: dict[str, Any] = {
            **seen(known),
            scene.target: counts.recorded[at[known], day[known]],
        }
        asked_sites = (scene.site, sites[at[asked]])
        material = row_material(
            Rows(sites.tolist(), {}),
            Rows(ids, {scene.target: truth}, seen(asked), asked_sites),
            sample={scene.target: 0},
            best={scene.target: expected},
            ladder=series_ladder(
                {
                    "id": scene.id_column,
                    "site": scene.site,
                    "event": scene.event,
                    "kind": scene.kind,
                    "target": scene.target,
                    "table": scene.table,
                }
            ),
            words=_words(scene, series, csv_bytes(facts)),
            rng=streams.rng("split"),
        )
        # a training sample is a series, and its file has a line for each day
        return replace(material, public={**material.public, "train.csv": csv_bytes(history)})

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """RMSLE, or MAE where the DNA asks for absolute errors; split and graded by series."""
        scene = wardrobe_of("panel", PanelScene).get(design.rule["scene"])
        target = Column(name=scene.target, kind="number", low=0.0, high=1e7)
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(target,),
                rows=material.test_rows,
                group_column=scene.site,
            ),
        )


def _profile(rule: Mapping[str, Any]) -> Profile:
    operations = ["multiplicative", "trend", "periodic", "known_event"]
    found, skills = [LASTING_ERRORS], ["log_target", "pooled_seasonality", "trend_shrinkage"]
    if rule["failed_share"]:
        operations.append("interaction")
        found.append(FAILED_RECORDS)
        skills.append("group_interaction")
    if rule["old_unit_share"]:
        operations.append("lag")
        found.append(SILENT_UNITS)
        skills.append("lagged_covariate")
    return Profile(tuple(operations), tuple(found), tuple(skills))


def _remarks(rng: np.random.Generator, rule: Mapping[str, Any]) -> list[str]:
    remarks = [pick(rng, GAPS)] if rule["failed_share"] else []
    return remarks + ([pick(rng, UNITS)] if rule["old_unit_share"] else [])


def _words(scene: PanelScene, series: int, facts: bytes) -> Words:
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"the history: one line for each of the {series} {scene.sites} and each of "
        f"{HISTORY_DAYS} days, in random order; a training sample is the history of one "
        f"`{scene.site}`",
        test=f"the same {scene.sites} on the {HORIZON_DAYS} days after that; a test sample is "
        "one line",
        sample="a valid submission that forecasts nothing but 0",
        columns=(
            Note(scene.site, f"which of the {scene.sites}"),
            Note("day", "number of the day; day 1 was a Monday, and no day is left out"),
            Note(scene.event, scene.event_note),
            Note(scene.kind, "one of " + ", ".join(scene.kinds)),
            Note(scene.size, scene.size_note),
            Note(scene.target, f"{scene.target_text}; the target, in `train.csv` only"),
        ),
        files=(Note(scene.table, f"what is known about each `{scene.site}`"),),
        attached={scene.table: facts},
    )


def _rule(rng: np.random.Generator, *, difficulty: int) -> dict[str, Any]:
    """Draw the rhythm; all effects are on the log scale."""
    weekday = rng.standard_normal(7)
    weekday = 0.42 * (weekday - weekday.mean()) / weekday.std()
    own = rng.standard_normal((3, 7)) * (0.25 if difficulty else 0.0)
    event = rng.choice([-1.0, 1.0], p=[0.2, 0.8]) * rng.uniform(0.55, 0.8)
    event_own = rng.uniform(-0.35, 0.35, 3) if difficulty else np.zeros(3)
    return {
        "series": int(rng.integers(118, 131)),
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


FAMILIES.register(TimeseriesPanel.name)(TimeseriesPanel())
