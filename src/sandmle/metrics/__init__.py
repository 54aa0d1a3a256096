"""Metrics: one file each. `get_metric("rmse")` gives one by name."""

from __future__ import annotations

from dataclasses import fields

from sandmle.core.errors import UsageError, unknown
from sandmle.core.registry import Registry
from sandmle.core.task import MetricSpec
from sandmle.metrics._base import BadPrediction, FeatureMeans, GroupMean, Metric, RowMean

METRICS: Registry[type[Metric]] = Registry("metric", "sandmle.metrics")

__all__ = [
    "METRICS",
    "BadPrediction",
    "FeatureMeans",
    "GroupMean",
    "Metric",
    "RowMean",
    "get_metric",
]


def get_metric(spec: MetricSpec | str) -> Metric:
    """Make the metric that `spec` names, with its parameters.

    Raises:
        UsageError: If there is no such metric, or it does not take these parameters.
    """
    wanted = MetricSpec(name=spec) if isinstance(spec, str) else spec
    kind = METRICS.get(wanted.name)
    known = [field.name for field in fields(kind)]
    for name in wanted.params:
        if name not in known:
            raise unknown(f"parameter of metric {wanted.name!r} called", name, known)
    try:
        return kind(**wanted.params)
    except (TypeError, ValueError) as exc:
        raise UsageError(f"metric {wanted.name!r} with {wanted.params}: {exc}") from None
