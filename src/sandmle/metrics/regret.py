"""Mean regret: what chosen actions are worth less than the best ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, RowMean, Values

_SHOWN = 8
"""Names that a title lists in full."""


@METRICS.register("regret")
@dataclass(frozen=True)
class Regret(RowMean):
    """Mean over the rows of the best action's true expected value minus the chosen one's.

    A cell of the answers holds the value of every action with spaces between them; a cell of a
    submission names one action.
    """

    name = "regret"
    title = "mean regret"
    formula = "mean over rows of (expected value of the best action - that of the action in p)"
    higher_is_better = False
    best = 0.0
    values = "string"
    sample_params = {"actions": ["stay", "left", "right"]}  # noqa: RUF012 - ClassVar in the base

    actions: tuple[str, ...]
    """Names of the actions in the order of the answers' values."""

    def __post_init__(self) -> None:
        # parameters come from JSON, which has no tuples
        object.__setattr__(self, "actions", tuple(self.actions))
        names = {name.strip() for name in self.actions} - {""}
        if len(names) != len(self.actions) or len(names) < 2:
            raise ValueError(f"actions {self.actions} are not two or more distinct names")

    @property
    def full_title(self) -> str:
        """The title with the names of the actions; of a long list, the ends."""
        names = self.actions
        shown = names if len(names) <= _SHOWN else (*names[:2], "...", names[-1])
        return f"{self.title} (actions: {', '.join(shown)})"

    def perfect(self, y_true: Values) -> Values:
        """Return the name of a best action for each row."""
        best = [self.actions[int(np.argmin(self._lost(text)))] for text in np.ravel(y_true)]
        return np.array(best, dtype=object).reshape(np.shape(y_true))

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n,)."""
        place = {name.strip(): index for index, name in enumerate(self.actions)}
        pairs = zip(y_true, y_pred, strict=True)
        return np.array([self._lost(true)[place[pred.strip()]] for true, pred in pairs])

    def _lost(self, text: str) -> tuple[float, ...]:
        lost = _regrets(text)
        if len(lost) != len(self.actions):
            raise ValueError(f"an answer has {len(lost)} values for {len(self.actions)} actions")
        return lost

    def _accept(self, y_pred: Values) -> None:
        known = {name.strip() for name in self.actions}
        for row, text in enumerate(y_pred):
            if text not in known and text.strip() not in known:
                raise BadPrediction(
                    f"{text.strip()[:40]!r} is no action; there are {', '.join(self.actions)}",
                    row=row,
                )

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw values, and choices at random."""
        count = len(self.actions)
        values = rng.normal(0.0, 1.0, (rows, count)).round(4)
        true = [" ".join(map(str, row)) for row in values.tolist()]
        pred = [self.actions[i] for i in rng.integers(0, count, rows)]
        return np.array(true, dtype=object), np.array(pred, dtype=object)


@lru_cache(maxsize=1 << 14)
def _regrets(text: str) -> tuple[float, ...]:
    """Return what each action is worth less than the best.

    Raises:
        ValueError: If the text is not finite numbers.
    """
    values = [float(word) for word in text.split()]
    if not values or not all(map(math.isfinite, values)):
        raise ValueError(f"{text[:40]!r} is not the values of actions")
    best = max(values)
    return tuple(best - value for value in values)
