"""Levenshtein distance of texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import RowMean, Values
from sandmle.metrics._examples import words


@METRICS.register("levenshtein")
@dataclass(frozen=True)
class Levenshtein(RowMean):
    """Mean number of characters to insert, delete or replace to turn a text into the answer."""

    name = "levenshtein"
    title = "mean Levenshtein distance"
    formula = "mean over rows of the least number of one-character edits that turn p into y"
    higher_is_better = False
    best = 0.0
    values = "string"

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n,)."""
        return np.array([edit_distance(t, p) for t, p in zip(y_true, y_pred, strict=True)])

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw texts of a few words."""
        return words(rng, rows)


def edit_distance(first: str, second: str) -> int:
    """Return the Levenshtein distance of two texts, counted in Unicode code points.

    Bit-parallel (Myers 1999, as simplified by Hyyro 2003) with one integer per column of the usual
    table: long texts of an agent cost milliseconds, not minutes.
    """
    pattern, text = sorted((first, second), key=len)
    if not pattern:
        return len(text)
    places: dict[str, int] = {}
    for index, character in enumerate(pattern):
        places[character] = places.get(character, 0) | 1 << index
    every, last = (1 << len(pattern)) - 1, 1 << (len(pattern) - 1)
    # bits of one table column: where the distance grows or falls from one cell to the next
    up, down, distance = every, 0, len(pattern)
    for character in text:
        equal = places.get(character, 0)
        diagonal = (((equal & up) + up) ^ up) | equal | down
        right_up = down | (every & ~(diagonal | up))
        right_down = up & diagonal
        if right_up & last:
            distance += 1
        elif right_down & last:
            distance -= 1
        right_up = (right_up << 1 | 1) & every
        right_down = (right_down << 1) & every
        up = right_down | (every & ~(diagonal | right_up))
        down = right_up & diagonal
    return distance
