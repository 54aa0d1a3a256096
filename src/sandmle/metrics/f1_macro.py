"""Macro-averaged F1."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._counts import label_counts


@METRICS.register("f1_macro")
@dataclass(frozen=True)
class F1Macro(Metric):
    """Unweighted mean of the F1 scores of all labels.

    A label that was only predicted counts too, with 0, as in scikit-learn.
    """

    name = "f1_macro"
    title = "macro-averaged F1 score"
    formula = "mean over labels of 2 hits / (rows predicted as the label + rows of the label)"
    higher_is_better = True
    best = 1.0
    values = "label"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        counts = label_counts(y_true, y_pred)
        return float(np.mean(2 * counts.hits / (counts.predicted + counts.actual)))
