"""Counts of hits and misses per label, which many classification metrics are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics._base import Values


@dataclass(frozen=True)
class LabelCounts:
    """Counts per label, each of shape (k,), over the k labels of answers and predictions."""

    hits: NDArray[np.int64]
    """Rows of the label that were predicted as such."""
    predicted: NDArray[np.int64]
    """Rows predicted as the label."""
    actual: NDArray[np.int64]
    """Rows of the label."""


def label_counts(y_true: Values, y_pred: Values) -> LabelCounts:
    """Count hits, predictions and rows per label; labels are strings of shape (n,)."""
    rows = len(y_true)
    labels, codes = np.unique(np.concatenate([y_true, y_pred]), return_inverse=True)
    true, pred = codes[:rows], codes[rows:]
    return LabelCounts(
        hits=np.bincount(true[true == pred], minlength=len(labels)),
        predicted=np.bincount(pred, minlength=len(labels)),
        actual=np.bincount(true, minlength=len(labels)),
    )


def f_score(hits: float, predicted: float, actual: float, *, beta: float) -> float:
    """Return the F-beta score of counts; 0 where there is no hit.

    (1 + b^2) hits / (predicted + b^2 actual), the same as the weighted harmonic mean of precision
    and recall.
    """
    if hits == 0:
        return 0.0
    weight = beta * beta
    return float((1 + weight) * hits / (predicted + weight * actual))


def binary_f_score(y_true: Values, y_pred: Values, *, positive: str, beta: float) -> float:
    """Return the F-beta score of one label against all others.

    Raises:
        ValueError: If the answers hold no row of that label: then even perfect predictions get 0.
    """
    true, pred = y_true == positive, y_pred == positive
    if not true.any():
        raise ValueError(f"the answers hold no row of the positive label {positive!r}")
    hits = int(np.count_nonzero(true & pred))
    return f_score(hits, int(np.count_nonzero(pred)), int(np.count_nonzero(true)), beta=beta)
