"""Mean average precision of ranked lists of labels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import RowMean, Values
from sandmle.metrics._examples import words


@METRICS.register("map_at_k")
@dataclass(frozen=True)
class MapAtK(RowMean):
    """Mean over the rows of the average precision of the first k labels of a ranked list.

    A cell holds labels with spaces between them: the right ones, in any order, in the answers, and
    the best guess first in a submission. A label that is repeated holds its place but hits once;
    labels after the k-th do not count.
    """

    name = "map_at_k"
    title = "mean average precision at k (MAP@k)"
    formula = (
        "mean over rows of (sum over hits at place i <= k of hits so far / i) / min(k, labels)"
    )
    higher_is_better = True
    best = 1.0
    values = "string"

    k: int = 10
    """Places of the list that count."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1")

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n,)."""
        pairs = zip(y_true, y_pred, strict=True)
        return np.array([self._average_precision(true, pred) for true, pred in pairs])

    def _average_precision(self, answer: str, ranking: str) -> float:
        wanted = set(answer.split())
        if not wanted:
            raise ValueError("the average precision takes answers of at least one label per row")
        possible = min(self.k, len(wanted))
        hits, total = 0, 0.0
        for place, label in enumerate(ranking.split(maxsplit=self.k)[: self.k], start=1):
            if label in wanted:
                wanted.remove(label)
                hits += 1
                total += hits / place
        return total / possible

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw lists of names."""
        return words(rng, rows)
