"""Normalised discounted cumulative gain of rankings within groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import GroupMean, Values
from sandmle.metrics._examples import counts


@METRICS.register("ndcg_at_k")
@dataclass(frozen=True)
class NdcgAtK(GroupMean):
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

    k: int = 10
    """Places of a group's ranking that count."""

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k is {self.k}; it must be at least 1")

    def per_group(self, y_true: Values, y_pred: Values, groups: Values) -> Values:
        """Score shapes (n,); NaN for a group without a relevant row."""
        if (y_true < 0).any():
            raise ValueError("the discounted gain takes relevances of at least 0")
        names, group = np.unique(groups, return_inverse=True)
        best = self._gains(y_true, y_true, group, len(names))
        gains = self._gains(y_true, y_pred, group, len(names))
        shares: Values = np.full(len(names), np.nan)
        np.divide(gains, best, out=shares, where=best > 0)
        return shares

    def _gains(self, relevance: Values, ranked_by: Values, group: Values, count: int) -> Values:
        """Return the discounted gain of each of `count` groups, numbered from 0, shape (count,)."""
        order = np.lexsort((-ranked_by, group))
        of, key = group[order], ranked_by[order]
        place = np.arange(len(of)) - np.searchsorted(of, np.arange(count))[of]
        discount = np.where(place < self.k, 1.0 / np.log2(place + 2.0), 0.0)
        tie = np.cumsum(np.r_[False, (np.diff(of) != 0) | (np.diff(key) != 0)])
        mean_gain = np.bincount(tie, weights=relevance[order]) / np.bincount(tie)
        return np.bincount(of, weights=mean_gain[tie] * discount, minlength=count)

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw relevances from 0 to 4."""
        return counts(rng, rows, 4)
