"""F-beta score of one label."""

from __future__ import annotations

from dataclasses import dataclass

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._counts import binary_f_score


@METRICS.register("fbeta")
@dataclass(frozen=True)
class FBeta(Metric):
    """Weighted harmonic mean of precision and recall of the positive label."""

    name = "fbeta"
    title = "F-beta score"
    formula = "(1 + beta^2) hits / (rows predicted positive + beta^2 rows positive)"
    higher_is_better = True
    best = 1.0
    values = "label"

    beta: float = 2.0
    """How many times recall counts as much as precision."""
    pos_label: str = "1"
    """The label whose rows are to be found."""

    def __post_init__(self) -> None:
        if not self.beta > 0:
            raise ValueError(f"beta is {self.beta}; it must be above 0")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        return binary_f_score(y_true, y_pred, positive=self.pos_label, beta=self.beta)
