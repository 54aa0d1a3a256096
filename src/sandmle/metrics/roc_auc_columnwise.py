"""Mean column-wise area under the ROC curve, several labels per row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._examples import binary
from sandmle.metrics._ranks import area_under_roc


@METRICS.register("roc_auc_columnwise")
@dataclass(frozen=True)
class RocAucColumnwise(Metric):
    """Mean over the label columns of each column's area under the ROC curve."""

    name = "roc_auc_columnwise"
    title = "mean column-wise area under the ROC curve (ROC AUC)"
    formula = (
        "mean over columns of P(p of a row with y = 1 > p of a row with y = 0), "
        "ties counting one half"
    )
    higher_is_better = True
    best = 1.0
    columns = "many"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        pairs = zip(y_true.T, y_pred.T, strict=True)
        return float(np.mean([area_under_roc(true, pred) for true, pred in pairs]))

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw three columns of 0 and 1."""
        return binary(rng, (rows, 3))
