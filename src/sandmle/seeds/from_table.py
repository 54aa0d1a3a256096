"""Task DNA read off a table: which question its target column asks, and how it is best scored.

Works on columns in memory; files are read by `authors.table`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import UsageError, unknown
from sandmle.seeds.dna import TaskDNA

TargetType = Literal["regression", "binary_classification", "multiclass_classification"]

MAX_CLASSES = 50
"""More labels than this cannot be learnt from 200 rows."""

MAX_NUMBER_CLASSES = 10
"""Whole numbers with at most this many distinct values are taken for classes, such as grades."""

_HEAVY_TAIL = 5.0
_IMBALANCE = 3.0
_METRICS = {
    "rmse": ("root mean squared error", False),
    "rmsle": ("root mean squared logarithmic error", False),
    "auc": ("area under the ROC curve", True),
    "accuracy": ("accuracy", True),
    "f1": ("macro-averaged F1 score", True),
}


def table_dna(
    table: Mapping[str, Any], target: str, *, task_type: TargetType | None = None
) -> TaskDNA:
    """Read the DNA of the task of predicting one column of a table from the others.

    Args:
        table: Columns of equal length by name: arrays, lists, or a pandas DataFrame.
        target: The column to predict; rows where it is missing (None, NaN) do not count.
        task_type: Takes the place of what the values suggest.

    Raises:
        UsageError: If there is no such column, or its values make no task: see `target_type`.
    """
    if target not in table:
        raise unknown("column", target, list(table))
    values = present(np.asarray(table[target]))
    kind = task_type or target_type(values, name=target)
    family = metric_family(values, kind)
    metric, higher_is_better = _METRICS[family]
    return TaskDNA(
        modality="tabular",
        task_type=kind,
        metric=metric,
        metric_family=family,
        higher_is_better=higher_is_better,
        n_classes=None if kind == "regression" else len(np.unique(values)),
        n_train=len(values),
    )


def present(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values that are not missing: floats, or texts as an object array."""
    if values.dtype.kind in "biuf":
        numbers = values.astype(np.float64)
        return numbers[~np.isnan(numbers)]
    kept = [str(value) for value in values if value is not None and value == value]
    return np.array(kept, dtype=object)


def target_type(values: NDArray[Any], *, name: str) -> TargetType:
    """Say which kind of task a target column makes.

    Numbers make a regression, but two distinct ones, or up to 10 distinct whole ones, are classes;
    so are texts.

    Args:
        values: Floats or object texts without missing ones, shape (n,).
        name: Name of the column, for messages.

    Raises:
        UsageError: If the values are all equal, none, or more than 50 different texts.
    """
    distinct = np.unique(values)
    if len(distinct) < 2:
        held = f"only {distinct[0]!s}" if len(distinct) else "no value"
        raise UsageError(
            f"target {name!r} holds {held} in all {len(values)} rows; choose a column that varies"
        )
    if len(distinct) == 2:
        return "binary_classification"
    if values.dtype.kind == "f":
        whole = bool(np.all(distinct == np.floor(distinct)))
        few = len(distinct) <= MAX_NUMBER_CLASSES
        return "multiclass_classification" if whole and few else "regression"
    if len(distinct) > MAX_CLASSES:
        raise UsageError(
            f"target {name!r} holds {len(distinct)} different texts; at most {MAX_CLASSES} classes "
            "can be told apart. Choose another column, merge classes, or, if these are numbers, "
            "write them without units so that the task is a regression"
        )
    return "multiclass_classification"


def metric_family(values: NDArray[Any], kind: TargetType) -> str:
    """Choose how a target is scored: one of rmse, rmsle, auc, accuracy, f1.

    Regression by RMSE, or by RMSLE where the values are positive and the 99th percentile is more
    than 5 times the median; many classes by accuracy, or by macro F1 where the largest has more
    than 3 times the rows of the smallest.
    """
    if kind == "regression":
        middle, high = np.quantile(values, [0.5, 0.99])
        heavy = values.min() >= 0 and middle > 0 and high > _HEAVY_TAIL * middle
        return "rmsle" if heavy else "rmse"
    if kind == "binary_classification":
        return "auc"
    counts = np.unique(values, return_counts=True)[1]
    return "f1" if counts.max() > _IMBALANCE * counts.min() else "accuracy"
