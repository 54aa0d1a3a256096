"""The medal table of a run, or of several runs of one policy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from pydantic import Field

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.evaluation.bootstrap import DRAWS, Floats, Interval, mean_intervals_K
from sandmle.evaluation.tally import COLUMNS, Tally, counted_tasks, means_RTK, split_by, tally


class MedalTable(Record):
    """Rates of a policy's episodes, with 95% intervals over tasks.

    A rate is the mean over tasks of the mean over a task's samples; with several runs, the mean
    over runs of that. Intervals: percentile bootstrap over tasks; None for one task; a point
    where all tasks agree. Standard errors (`_sem`) are over runs; None for one run.
    """

    runs: int = 1
    """Runs of the policy, seeds for example."""
    tasks: int
    """Tasks of which a sample counts."""
    samples: int
    """Episodes that count, of all runs: all that did not fail for infrastructure."""
    masked: int
    """Episodes that failed for infrastructure; left out of everything else."""
    masked_share: float
    """Their share of all episodes, in [0, 1]."""
    masked_tasks: int
    """Tasks all of whose episodes are masked in all runs; left out."""
    partial_tasks: int
    """Tasks that count in some of the runs and not in others."""
    timed_out: int
    """Samples that training masks for their time; here they count as they were graded."""
    valid: float
    """Share of samples with a valid submission, in [0, 1]; without one a sample is 0 in all."""
    above_median: float
    bronze: float
    """Share of samples whose best medal is bronze; bronze, silver, gold add up to any_medal."""
    silver: float
    gold: float
    any_medal: float
    reward: float | None
    """Mean reward of the samples that were paid; None where none was."""
    valid_ci95: Interval | None = None
    above_median_ci95: Interval | None = None
    bronze_ci95: Interval | None = None
    silver_ci95: Interval | None = None
    gold_ci95: Interval | None = None
    any_medal_ci95: Interval | None = None
    reward_ci95: Interval | None = None
    valid_sem: float | None = Field(default=None, ge=0)
    above_median_sem: float | None = Field(default=None, ge=0)
    bronze_sem: float | None = Field(default=None, ge=0)
    silver_sem: float | None = Field(default=None, ge=0)
    gold_sem: float | None = Field(default=None, ge=0)
    any_medal_sem: float | None = Field(default=None, ge=0)
    reward_sem: float | None = Field(default=None, ge=0)


def medal_table(episodes: Iterable[Episode], *, draws: int = DRAWS, seed: int = 0) -> MedalTable:
    """Return the medal table of one run; see `MedalTable`.

    Args:
        episodes: Its episodes, in any order; each is looked at once.
        draws: How often the tasks are drawn again for the intervals, at least 100.
        seed: Root of the draws; equal seeds give equal intervals.

    Raises:
        UsageError: If there is no episode, or all are masked for infrastructure.
    """
    return runs_table([tally(episodes)], draws=draws, seed=seed)


def runs_table(runs: Sequence[Tally], *, draws: int = DRAWS, seed: int = 0) -> MedalTable:
    """Return the medal table of several runs of one policy, taken from their tallies.

    Each run's rates are over its own tasks; `partial_tasks` counts those that not all share.

    Args:
        runs: A tally of each run; see `tally`.
        draws: How often the tasks are drawn again for the intervals, at least 100.
        seed: Root of the draws.

    Raises:
        UsageError: If a run has no sample that counts, or no task counts in all runs.
    """
    check_runs(runs)
    counted = [counted_tasks(run) for run in runs]
    tasks = sorted(set.union(*counted))
    everywhere = set.intersection(*counted)
    if not everywhere:
        raise UsageError(
            f"the {len(runs)} runs have no task in common (first tasks: "
            f"{', '.join(min(names) for names in counted)}); give runs of the same tasks"
        )
    values_RTK = means_RTK(runs, tasks)
    counts = [counts for run in runs for counts in run.values()]
    samples, masked = sum(c.samples for c in counts), sum(c.masked for c in counts)
    return MedalTable(
        runs=len(runs),
        tasks=len(tasks),
        samples=samples,
        masked=masked,
        masked_share=masked / (samples + masked),
        masked_tasks=len(set().union(*runs)) - len(tasks),
        partial_tasks=len(tasks) - len(everywhere),
        timed_out=sum(c.timed_out for c in counts),
        **_rates(values_RTK, draws=draws, seed=seed),
    )


def runs_tables_by(
    runs: Sequence[Tally], group_of: Callable[[str], str], *, draws: int = DRAWS, seed: int = 0
) -> dict[str, MedalTable]:
    """Return a table for each group of tasks, by name; groups without a sample have none.

    A group's table is over the runs that have a sample of it.

    Args:
        runs: A tally of each run.
        group_of: Gives the group of a task id: `family_of`, for example.
        draws: As for `runs_table`.
        seed: As for `runs_table`.

    Raises:
        UsageError: As `runs_table`, within a group.
    """
    tables = {}
    for name, parts in split_by(runs, group_of).items():
        there = [part for part in parts if counted_tasks(part)]
        if there:
            tables[name] = runs_table(there, draws=draws, seed=seed)
    return tables


def _rates(values_RTK: Floats, *, draws: int, seed: int) -> dict[str, Any]:
    """Return estimates, intervals and standard errors by field name."""
    fields: dict[str, Any] = {}
    intervals = mean_intervals_K(values_RTK, draws=draws, seed=seed)
    for k, name in enumerate(COLUMNS):
        means = [_mean(values_T) for values_T in values_RTK[:, :, k]]
        known = np.array([mean for mean in means if mean is not None])
        fields[name] = float(known.mean()) if len(known) else None
        fields[f"{name}_ci95"] = intervals[k]
        fields[f"{name}_sem"] = sem(known)
    return fields


def sem(values_R: Floats) -> float | None:
    """Return the standard error of a mean over runs; None for fewer than two."""
    runs = len(values_R)
    return float(values_R.std(ddof=1) / np.sqrt(runs)) if runs > 1 else None


def _mean(values_T: Floats) -> float | None:
    known = values_T[~np.isnan(values_T)]
    return float(known.mean()) if len(known) else None


def check_runs(runs: Sequence[Tally]) -> None:
    """Check that every run says something about its policy.

    Raises:
        UsageError: If there is no run, or one has no sample that counts.
    """
    if not runs:
        raise UsageError("there is no run to look at; give at least one")
    for run in runs:
        if not run:
            raise UsageError("there is no episode to count; play some first")
        if not counted_tasks(run):
            masked = sum(counts.masked for counts in run.values())
            raise UsageError(
                f"all {masked} episodes failed for infrastructure and say nothing about the "
                "policy; see why with `sandmle runs show RUN`, then play them again with "
                "`sandmle runs resume RUN --retry-failed`"
            )
