"""Exact match of whole rows of text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import RowMean, Values


@METRICS.register("exact_match")
@dataclass(frozen=True)
class ExactMatch(RowMean):
    """Share of rows in which every column equals the answer, character by character."""

    name = "exact_match"
    title = "exact match"
    formula = "share of rows where p = y in every column, character by character"
    higher_is_better = True
    best = 1.0
    values = "string"
    columns = "any"

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n, k)."""
        return np.asarray((y_pred == y_true).all(axis=1), dtype=np.float64)
