"""Matthews correlation coefficient, for two or more labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._counts import label_counts


@METRICS.register("mcc")
@dataclass(frozen=True)
class MCC(Metric):
    """Correlation of predicted with true labels (Gorodkin 2004); 0 for a constant prediction."""

    name = "mcc"
    title = "Matthews correlation coefficient"
    formula = (
        "(n hits - sum(a_l b_l)) / sqrt((n^2 - sum(a_l^2)) (n^2 - sum(b_l^2))), "
        "with a_l rows of label l and b_l rows predicted as l"
    )
    higher_is_better = True
    best = 1.0
    values = "label"

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        counts = label_counts(y_true, y_pred)
        # Python's integers: products of counts over 2^53 stay exact
        hits, rows = sum(counts.hits.tolist()), len(y_true)
        predicted, actual = counts.predicted.tolist(), counts.actual.tolist()
        spread_true = rows**2 - sum(count**2 for count in actual)
        spread_pred = rows**2 - sum(count**2 for count in predicted)
        if spread_true == 0:
            raise ValueError("the Matthews correlation takes answers of at least two labels")
        if spread_pred == 0:
            return 0.0
        together = sum(p * a for p, a in zip(predicted, actual, strict=True))
        return float((hits * rows - together) / math.sqrt(spread_true * spread_pred))
