"""Average precision: the area under the precision-recall curve, in steps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._examples import binary


@METRICS.register("average_precision")
@dataclass(frozen=True)
class AveragePrecision(Metric):
    """Mean precision over the positives, each at the place where it is found in the ranking.

    Rows with equal predictions are found together. A constant scores the share of positives.
    """

    name = "average_precision"
    title = "average precision (area under the precision-recall curve)"
    formula = (
        "sum over thresholds t of (recall(t) - recall(next higher t)) precision(t), with rows "
        "p >= t taken for y = 1"
    )
    higher_is_better = True
    best = 1.0

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        positive = y_true == 1
        if not (positive | (y_true == 0)).all() or positive.all() or not positive.any():
            raise ValueError("the average precision takes answers of 0 and 1, some of each")
        order = np.argsort(-y_pred, kind="stable")
        ranked = y_pred[order]
        hits = np.cumsum(positive[order])
        last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
        found = hits[last]
        precision = found / (last + 1)
        gained = np.diff(found, prepend=0) / found[-1]
        return float(gained @ precision)

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw answers of 0 and 1."""
        return binary(rng, (rows,))
