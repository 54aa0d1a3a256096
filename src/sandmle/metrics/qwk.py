"""Quadratic weighted kappa."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, Metric, Values
from sandmle.metrics._examples import counts


@METRICS.register("qwk")
@dataclass(frozen=True)
class QWK(Metric):
    """Agreement of ratings beyond chance, where a miss by two weighs four times a miss by one.

    Ratings are whole numbers. The quadratic weights need no table of all ratings: both the seen
    and the expected disagreement are mean squared differences.
    """

    name = "qwk"
    title = "quadratic weighted kappa"
    formula = "1 - mean((p - y)^2) / mean of (p_i - y_j)^2 over all pairs of rows i, j"
    higher_is_better = True
    best = 1.0

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        if y_true.min() == y_true.max():
            raise ValueError("the kappa takes answers of at least two ratings")
        shift = y_pred.mean() - y_true.mean()
        by_chance = y_true.var() + y_pred.var() + shift**2
        return float(1.0 - np.mean((y_pred - y_true) ** 2) / by_chance)

    def _accept(self, y_pred: Values) -> None:
        broken = y_pred != np.floor(y_pred)
        if broken.any():
            row = int(np.argmax(broken))
            raise BadPrediction(
                f"{int(broken.sum())} ratings are not whole numbers (first: {y_pred[row]}); "
                "round them",
                row=row,
            )

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw ratings from 0 to 4."""
        return counts(rng, rows, 4)
