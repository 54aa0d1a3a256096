"""Macro-averaged one-against-rest area under the ROC curve, many classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._examples import one_hot
from sandmle.metrics._ranks import area_under_roc


@METRICS.register("roc_auc_macro")
@dataclass(frozen=True)
class RocAucMacro(Metric):
    """Mean over the classes of the area under the ROC curve of that class against the rest.

    One column per class: one-hot answers, any score that grows with confidence as prediction.
    """

    name = "roc_auc_macro"
    title = "macro-averaged one-vs-rest area under the ROC curve (ROC AUC)"
    formula = (
        "mean over classes of P(p_c of a row of class c > p_c of a row of another class), "
        "ties counting one half"
    )
    higher_is_better = True
    best = 1.0
    columns = "many"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if not (y_true.sum(axis=1) == 1).all():
            raise ValueError("the macro-averaged area takes one-hot answers, a single 1 per row")
        pairs = zip(y_true.T, y_pred.T, strict=True)
        return float(np.mean([area_under_roc(true, pred) for true, pred in pairs]))

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw three classes."""
        return one_hot(rng, rows, 3)
