"""Conformance of a metric: what every entry of the registry must do; add your own by name."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from sandmle.core.task import MetricSpec
from sandmle.metrics import METRICS, Metric, get_metric

_SAME = 1e-12
"""Relative difference up to which two scores are the same: the order of sums is free."""


def check_metric(metric: Metric | str, *, rows: int = 60, seed: int = 0) -> None:
    """Hold a metric to its contract, on answers and predictions that it draws itself.

    It must describe itself on one line, give perfect predictions its best score and worse ones a
    worse score in its declared direction, not depend on the order of rows, leave its inputs
    unchanged, give the same score twice, and refuse NaN, no rows and unequal shapes.

    Args:
        metric: A metric, or a name in the registry; by name it gets its `sample_params`.
        rows: Rows to draw.
        seed: Seed of the draws.

    Raises:
        UsageError: If no metric has that name.
        AssertionError: If the metric breaks the contract; the message says which part.
    """
    if isinstance(metric, str):
        metric = get_metric(MetricSpec(name=metric, params=dict(METRICS.get(metric).sample_params)))
    rng = np.random.default_rng(seed)
    _check_description(metric)
    true, pred = metric.example(rng, rows)
    groups = np.arange(rows) // 6 if metric.needs_groups else None
    _check_scores(metric, true, pred, groups, rng)
    _check_refusals(metric, true, pred, groups)


def _check_description(metric: Metric) -> None:
    for field in ("name", "title", "formula"):
        text = getattr(metric, field)
        _require(bool(text.strip()) and "\n" not in text, f"{field} is not one line of text")
    _require(METRICS.get(metric.name) is type(metric), f"it is not registered as {metric.name!r}")
    module = type(metric).__module__.rpartition(".")[2]
    _require(module == metric.name, f"its module is called {module!r}, not {metric.name!r}")
    _require(math.isfinite(metric.best), "its best score is not finite")


def _check_scores(
    metric: Metric, true: Any, pred: Any, groups: Any, rng: np.random.Generator
) -> None:
    kept_true, kept_pred = true.copy(), pred.copy()
    score = metric(true, pred, groups=groups)
    perfect = metric(true, metric.perfect(true.copy()), groups=groups)
    unchanged = np.array_equal(true, kept_true) and np.array_equal(pred, kept_pred)
    _require(unchanged, "it changes its inputs")
    _require(isinstance(score, float), "the score is not a float")
    sign = 1 if metric.higher_is_better else -1
    if metric.exact:
        met = _same(perfect, metric.best)
        _require(met, f"perfect predictions score {perfect}, not {metric.best}")
    else:
        _require(sign * perfect <= sign * metric.best, f"{perfect} is better than {metric.best}")
    _require(sign * score < sign * perfect, f"wrong predictions score {score}, not worse than best")
    _require(metric(true, pred, groups=groups) == score, "the same input scores differently twice")
    order = rng.permutation(len(true))
    moved = metric(true[order], pred[order], groups=None if groups is None else groups[order])
    _require(_same(moved, score), f"another order of rows scores {moved}, not {score}")


def _check_refusals(metric: Metric, true: Any, pred: Any, groups: Any) -> None:
    broken = pred.astype(object)
    broken[0] = math.nan
    _refuses(lambda: metric(true, broken, groups=groups), "a NaN among the predictions")
    _refuses(lambda: metric.check(broken), "a NaN among the predictions in check()")
    _refuses(lambda: metric(broken, pred, groups=groups), "a NaN among the answers")
    _refuses(lambda: metric(true, pred[1:], groups=groups), "a missing row")
    none = None if groups is None else groups[:0]
    _refuses(lambda: metric(true[:0], pred[:0], groups=none), "input without rows")
    if metric.needs_groups:
        _refuses(lambda: metric(true, pred), "missing groups")


def _refuses(call: Callable[[], object], what: str) -> None:
    try:
        call()
    except ValueError:
        return
    raise AssertionError(f"it takes {what}; it must raise ValueError")


def _same(score: float, other: float) -> bool:
    return math.isclose(score, other, rel_tol=_SAME, abs_tol=_SAME)


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise AssertionError(message)
