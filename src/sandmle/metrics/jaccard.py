"""Jaccard similarity of words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import RowMean, Values
from sandmle.metrics._examples import words


@METRICS.register("jaccard")
@dataclass(frozen=True)
class Jaccard(RowMean):
    """Mean over the rows of the share of distinct words that two texts have in common.

    Words are what white space separates; upper and lower case are the same; two empty texts get 1.
    """

    name = "jaccard"
    title = "word-level Jaccard similarity"
    formula = "mean over rows of (words in both p and y) / (words in p or y), in lower case"
    higher_is_better = True
    best = 1.0
    values = "string"

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n,)."""
        return np.array([_overlap(t, p) for t, p in zip(y_true, y_pred, strict=True)])

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw texts of a few words."""
        return words(rng, rows)


def _overlap(answer: str, text: str) -> float:
    true, pred = set(answer.lower().split()), set(text.lower().split())
    either = len(true | pred)
    return len(true & pred) / either if either else 1.0
