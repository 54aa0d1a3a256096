"""Mean absolute angular error."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("angular_error")
@dataclass(frozen=True)
class AngularError(Metric):
    """Mean over all cells of the smaller angle between prediction and truth, in degrees.

    Angles that differ by whole periods are equal, so every finite number is a prediction.
    """

    name = "angular_error"
    title = "mean absolute angular error in degrees"
    formula = "mean(min(d, period - d)), where d = |p - y| modulo the period"
    higher_is_better = False
    best = 0.0
    columns = "any"

    period: float = 360.0
    """Degrees after which an angle comes back to itself: 180 for axes without a head."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.period) and self.period > 0):
            raise ValueError(f"period is {self.period}; it must be positive")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        # each angle by itself first: the difference of a huge angle and a small one loses digits
        apart = np.abs(np.mod(y_pred, self.period) - np.mod(y_true, self.period))
        return float(np.mean(np.minimum(apart, self.period - apart)))

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw angles, and others up to a sixth of the period away."""
        true = rng.uniform(0.0, self.period, rows)
        return true, (true + rng.uniform(-1, 1, rows) * self.period / 6) % self.period
