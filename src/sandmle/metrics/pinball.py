"""Pinball loss of quantiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values


@METRICS.register("pinball")
@dataclass(frozen=True)
class Pinball(Metric):
    """Mean quantile loss, over all cells.

    One column per quantile, in the same order; the answers repeat the true value in each column.
    """

    name = "pinball"
    title = "mean pinball loss"
    formula = "mean(max(q (y - p), (q - 1) (y - p))), q being the column's quantile"
    higher_is_better = False
    best = 0.0
    columns = "any"

    quantiles: tuple[float, ...] = (0.5,)
    """Level of each column, between 0 and 1."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", tuple(self.quantiles))
        if not self.quantiles or not all(0.0 < level < 1.0 for level in self.quantiles):
            raise ValueError(f"quantiles are {self.quantiles}; give some, all between 0 and 1")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        if y_true.shape[1] != len(self.quantiles):
            raise ValueError(
                f"{y_true.shape[1]} target columns but {len(self.quantiles)} quantiles; "
                "give one quantile per column"
            )
        level, missing = np.array(self.quantiles), y_true - y_pred
        return float(np.mean(np.maximum(level * missing, (level - 1.0) * missing)))
