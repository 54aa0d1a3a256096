"""Check 7 (recorded, not required): a declared trap exists, and stepping into it has a price."""

from __future__ import annotations

import numpy as np

from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.guesses import as_predictions
from sandmle.verify.public_data import PublicData
from sandmle.verify.tables import Floats

MIN_COST = 0.05
"""Gain that a linear model loses when it is given the trap column."""
_RIDGE = 1.0


class Traps(Check):
    """A trap column lies in train and lowers the score of a linear model that uses it.

    A trap that is no column, such as the brightness of images, is taken on trust.
    """

    name = "traps"
    number = 7
    stage = "bars"
    hard = False
    reasons = ("traps.unknown_column", "traps.harmless")
    summary = "a declared trap column is in train and costs a linear model at least 0.05 gain"

    def find(self, context: Context) -> Fault | None:
        """Fit a linear model with and without each trap."""
        data = context.data
        for trap in context.draft.traps:
            if data.train is None or " " in trap.column:
                continue
            if trap.column not in data.train.columns:
                return Fault("traps.unknown_column", f"trap {trap.column!r} is no training column")
            cost = _cost(context, data, trap.column)
            if cost is not None and cost < MIN_COST:
                return Fault(
                    "traps.harmless",
                    f"trap {trap.column!r} costs a linear model {cost:.3f} gain; {MIN_COST}",
                )
        return None


def _cost(context: Context, data: PublicData, column: str) -> float | None:
    """Return the gain that is lost by use of the column; None where that cannot be measured."""
    others = [name for name in data.features if name != column]
    scores = [_linear_score(context, data, names) for names in (others, [*others, column])]
    if scores[0] is None or scores[1] is None:
        return None
    bars = context.bars
    return (scores[0] - scores[1]) / (bars.reference_score - bars.dummy_score)


def _linear_score(context: Context, data: PublicData, names: list[str]) -> float | None:
    if data.train is None or data.test is None or data.train_targets is None:
        return None
    usable = [(data.train.numbers(name), data.test.numbers(name)) for name in names]
    pairs = [(known, asked) for known, asked in usable if known is not None and asked is not None]
    if not pairs or data.train_targets.dtype.kind != "f" or data.train_targets.shape[1] != 1:
        return None
    train = np.stack([known for known, _ in pairs], axis=1)
    test = np.stack([asked for _, asked in pairs], axis=1)
    predictions = as_predictions(
        _ridge(train, data.train_targets[:, 0], test), context.draft.submission
    )
    return None if predictions is None else context.score(data.ordered(predictions))


def _ridge(train: Floats, target: Floats, test: Floats) -> Floats:
    middle = np.nanmean(train, axis=0)
    spread = np.nanstd(train, axis=0) + 1e-9
    x = np.nan_to_num((train - middle) / spread)
    weights = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ (target - target.mean()))
    predicted: Floats = np.nan_to_num((test - middle) / spread) @ weights + target.mean()
    return predicted


CHECKS.register(Traps.name)(Traps())
