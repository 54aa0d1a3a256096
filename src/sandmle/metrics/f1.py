"""F1 score of one label."""

from __future__ import annotations

from dataclasses import dataclass

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._counts import binary_f_score


@METRICS.register("f1")
@dataclass(frozen=True)
class F1(Metric):
    """Harmonic mean of precision and recall of the positive label."""

    name = "f1"
    title = "F1 score"
    formula = "2 hits / (rows predicted positive + rows positive)"
    higher_is_better = True
    best = 1.0
    values = "label"

    pos_label: str = "1"
    """The label whose rows are to be found."""

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        return binary_f_score(y_true, y_pred, positive=self.pos_label, beta=1.0)
