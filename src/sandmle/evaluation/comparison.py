"""Two policies on the same tasks, paired task by task."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydantic import Field

from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.evaluation.bootstrap import (
    DRAWS,
    Floats,
    Interval,
    interval,
    resampled_means_DRK,
    sign_flip_p,
)
from sandmle.evaluation.tables import check_runs
from sandmle.evaluation.tally import COLUMNS, RATES, Tally, counted_tasks, means_RTK, split_by

_SAME = 1e-12
"""Differences of a task below are rounding."""


class Difference(Record):
    """One rate of A and B over their common tasks."""

    a: float
    b: float
    difference: float
    """B minus A."""
    ci95: Interval | None
    """Bootstrap over the tasks, A and B of a task together; None for one task."""
    p: float = Field(gt=0, le=1)
    """Two-sided, of a paired sign-flip test over the tasks."""
    better: float
    """Share of the tasks in which B is higher, in [0, 1]."""
    equal: float
    worse: float
    tasks: int
    """Tasks that it is over: of `reward`, those in which both have a paid sample."""


class Comparison(Record):
    """How B differs from A; see `compare_runs`."""

    tasks: int
    """Common tasks; everything is over these alone."""
    runs_a: int
    runs_b: int
    samples_a: int
    """Episodes of A that count, in the common tasks."""
    samples_b: int
    masked_a: int
    """Episodes of A that failed for infrastructure, in all its tasks."""
    masked_b: int
    only_in_a: list[str]
    """Tasks of which B has no sample that counts."""
    only_in_b: list[str]
    rates: dict[str, Difference]
    """By name: valid, above_median, bronze, silver, gold, any_medal; and reward, if paid."""
    any_medal_relative: float | None
    """B's any_medal divided by A's, minus 1; None where A's is 0."""
    any_medal_relative_ci95: Interval | None
    """Of the ratio of means; None for one task, and where a bound is infinite because A earns
    nothing in too many draws."""


def compare_runs(
    a: Sequence[Tally], b: Sequence[Tally], *, draws: int = DRAWS, seed: int = 0
) -> Comparison:
    """Compare two policies over the tasks that both played, paired by task.

    A task's value is the mean over a policy's runs of the mean over the task's samples.

    Args:
        a: A tally of each run of the first policy, the one to compare with; see `tally`.
        b: Those of the second.
        draws: How often the tasks, and the signs, are drawn again; at least 100.
        seed: Root of the draws.

    Raises:
        UsageError: If a run has no sample that counts, or A and B have no task in common.
    """
    check_runs(a)
    check_runs(b)
    in_a, in_b = _counted(a), _counted(b)
    tasks = sorted(in_a & in_b)
    if not tasks:
        raise UsageError(
            f"no task is in both: {len(in_a)} tasks in A (first {min(in_a)}), {len(in_b)} in B "
            f"(first {min(in_b)}); compare runs over the same tasks"
        )
    values_2TK = np.stack([_over_runs(means_RTK(runs, tasks)) for runs in (a, b)])
    # a pair has both values or none
    values_2TK[:, np.isnan(values_2TK).any(axis=0)] = np.nan
    drawn_D2K = resampled_means_DRK(values_2TK, draws=draws, seed=seed)
    relative = RATES.index("any_medal")
    change, change_ci95 = _relative(values_2TK[:, :, relative], drawn_D2K[:, :, relative])
    return Comparison(
        tasks=len(tasks),
        runs_a=len(a),
        runs_b=len(b),
        samples_a=_samples(a, tasks),
        samples_b=_samples(b, tasks),
        masked_a=sum(counts.masked for run in a for counts in run.values()),
        masked_b=sum(counts.masked for run in b for counts in run.values()),
        only_in_a=sorted(in_a - in_b),
        only_in_b=sorted(in_b - in_a),
        rates={
            name: _difference(values_2TK[:, :, k], drawn_D2K[:, :, k], draws=draws, seed=seed)
            for k, name in enumerate(COLUMNS)
            if not np.isnan(values_2TK[:, :, k]).all()
        },
        any_medal_relative=change,
        any_medal_relative_ci95=change_ci95,
    )


def compare_runs_by(
    a: Sequence[Tally],
    b: Sequence[Tally],
    group_of: Callable[[str], str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Comparison]:
    """Compare two policies in each group of tasks; groups without a common task have none.

    Args:
        a: A tally of each run of the first policy.
        b: Those of the second.
        group_of: Gives the group of a task id.
        draws: As for `compare_runs`.
        seed: As for `compare_runs`.
    """
    first, second = split_by(a, group_of), split_by(b, group_of)
    found = {}
    for name in sorted(first.keys() & second.keys()):
        pair = [[run for run in parts[name] if counted_tasks(run)] for parts in (first, second)]
        if _counted(pair[0]) & _counted(pair[1]):
            found[name] = compare_runs(pair[0], pair[1], draws=draws, seed=seed)
    return found


def _difference(values_2T: Floats, drawn_D2: Floats, *, draws: int, seed: int) -> Difference:
    values_2T = values_2T[:, ~np.isnan(values_2T[0])]
    apart_T = values_2T[1] - values_2T[0]
    tasks = len(apart_T)
    mean = float(apart_T.mean())
    ci95 = None
    if tasks > 1:
        flat = bool((np.abs(apart_T - apart_T[0]) <= _SAME).all())
        ci95 = (mean, mean) if flat else interval(drawn_D2[:, 1] - drawn_D2[:, 0])
    return Difference(
        a=float(values_2T[0].mean()),
        b=float(values_2T[1].mean()),
        difference=mean,
        ci95=ci95,
        p=sign_flip_p(apart_T, draws=draws, seed=seed),
        better=float((apart_T > _SAME).mean()),
        equal=float((np.abs(apart_T) <= _SAME).mean()),
        worse=float((apart_T < -_SAME).mean()),
        tasks=tasks,
    )


def _relative(values_2T: Floats, drawn_D2: Floats) -> tuple[float | None, Interval | None]:
    before, after = values_2T.mean(axis=1)
    if before <= 0:
        return None, None
    change = float(after / before - 1)
    if values_2T.shape[1] < 2:
        return change, None
    # a draw in which A earns nothing says no more than "any ratio": it counts as infinite
    zero_D = drawn_D2[:, 0] <= 0
    ratios_D = np.where(zero_D, np.inf, drawn_D2[:, 1] / np.where(zero_D, 1.0, drawn_D2[:, 0]))
    return change, interval(ratios_D - 1)


def _over_runs(values_RTK: Floats) -> Floats:
    there_RTK = ~np.isnan(values_RTK)
    with np.errstate(invalid="ignore"):
        means: Floats = np.where(there_RTK, values_RTK, 0.0).sum(axis=0) / there_RTK.sum(axis=0)
    return means


def _counted(runs: Sequence[Tally]) -> set[str]:
    return set().union(*(counted_tasks(run) for run in runs))


def _samples(runs: Sequence[Tally], tasks: Sequence[str]) -> int:
    return sum(run[task].samples for run in runs for task in tasks if task in run)
