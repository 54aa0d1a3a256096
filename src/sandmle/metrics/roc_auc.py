"""Area under the ROC curve, two classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._examples import binary
from sandmle.metrics._ranks import area_under_roc


@METRICS.register("roc_auc")
@dataclass(frozen=True)
class RocAuc(Metric):
    """Chance that a random row of class 1 is ranked above a random row of class 0."""

    name = "roc_auc"
    title = "area under the ROC curve (ROC AUC)"
    formula = "P(p of a row with y = 1 > p of a row with y = 0), ties counting one half"
    higher_is_better = True
    best = 1.0

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        return area_under_roc(y_true, y_pred)

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw answers of 0 and 1."""
        return binary(rng, (rows,))
