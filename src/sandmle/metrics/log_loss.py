"""Logarithmic loss, for two classes in one column or many classes in one column each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, Metric, Values
from sandmle.metrics._examples import one_hot


@METRICS.register("log_loss")
@dataclass(frozen=True)
class LogLoss(Metric):
    """Mean negative log of the probability given to what was true.

    One column: the probability of class 1. Several columns: one per class, one-hot answers; each
    row of predictions is divided by its sum first.
    """

    name = "log_loss"
    title = "logarithmic loss"
    formula = (
        "-mean(log(max(floor, probability given to the true class))); "
        "of several columns, one for each class, a row is divided by its sum first"
    )
    higher_is_better = False
    best = 0.0
    columns = "any"

    floor: float = 1e-15
    """Smaller probabilities count as this one, so that one sure mistake is not infinite."""

    def __post_init__(self) -> None:
        if not 0.0 < self.floor < 1.0:
            raise ValueError(f"floor is {self.floor}; it must lie between 0 and 1")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n, k)."""
        one_column = y_true.shape[1] == 1
        if not np.isin(y_true, (0, 1)).all() or not (one_column or (y_true.sum(axis=1) == 1).all()):
            raise ValueError("the logarithmic loss takes answers of 0 and 1, one-hot over columns")
        if one_column:
            of_truth = np.where(y_true == 1, y_pred, 1.0 - y_pred)
        else:
            of_truth = (y_true * y_pred).sum(axis=1) / y_pred.sum(axis=1)
        return float(-np.mean(np.log(np.maximum(of_truth, self.floor))))

    def _accept(self, y_pred: Values) -> None:
        outside = ((y_pred < 0) | (y_pred > 1)).any(axis=1)
        if outside.any():
            raise BadPrediction(
                f"{int(outside.sum())} rows hold a number outside [0, 1]; submit probabilities",
                row=int(np.argmax(outside)),
            )
        empty = y_pred.sum(axis=1) == 0
        if y_pred.shape[1] > 1 and empty.any():
            raise BadPrediction(
                f"{int(empty.sum())} rows give probability 0 to every class; "
                "the probabilities of a row should add up to 1",
                row=int(np.argmax(empty)),
            )

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw three classes."""
        return one_hot(rng, rows, 3)
