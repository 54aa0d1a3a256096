"""Normalised discounted cumulative gain of rankings within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import Metric, Values
from sandmle.metrics._examples import counts


@METRICS.register("ndcg_at_k")
@dataclass(frozen=True)
class NdcgAtK(Metric):
    """Mean over the groups of the gain of their first k rows, relative to the best order.

    Answers are relevances of at least 0 and count as they are (linear gain); predictions are scores
    by which a group's rows are ranked, highest first. Rows with equal scores share the mean gain of
    their places, so no order of the file is better than another. A group without a relevant row
    cannot be ranked rightly or wrongly and is left out.
    """

    name = "ndcg_at_k"
    title = "normalised discounted cumulative gain at k (NDCG@k)"
    formula = (
        "mean over groups of DCG / best DCG, with DCG = sum over places i <= k of y / log2(i + 1)"
    )
    higher_is_better = True
    best = 1.0
    needs_groups = True

    k: int = 10
    """Places of a group's ranking that count."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        if (y_true < 0).any():
            raise ValueError("the discounted gain takes relevances of at least 0")
        _, group, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
        order = np.argsort(group, kind="stable")
        shares = []
        for rows in np.split(order, np.cumsum(sizes)[:-1]):
            ideal = self._gain(y_true[rows], y_true[rows])
            if ideal > 0:
                shares.append(self._gain(y_true[rows], y_pred[rows]) / ideal)
        if not shares:
            raise ValueError("the discounted gain takes answers with a relevant row")
        return float(np.mean(shares))

    def _gain(self, relevance: Values, ranked_by: Values) -> float:
        discount = np.zeros(len(relevance))
        places = min(self.k, len(relevance))
        discount[:places] = 1.0 / np.log2(np.arange(places) + 2.0)
        _, tie, sizes = np.unique(-ranked_by, return_inverse=True, return_counts=True)
        first = np.cumsum(sizes) - sizes
        mean_gain = np.bincount(tie, weights=relevance) / sizes
        return float(mean_gain @ np.add.reduceat(discount, first))

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw relevances from 0 to 4."""
        return counts(rng, rows, 4)
