"""Check 6: no single column decides the task."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sandmle.verify.board import Predictions
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.guesses import as_predictions, bins, by_bins, categories


class SingleColumn(Check):
    """The best that one column can do, in bins or as it is, stays under silver."""

    name = "single_column"
    number = 6
    stage = "bars"
    reasons = ("single_column.too_good",)
    summary = "the best predictor made from one column alone (bins, or the column itself) < silver"

    def find(self, context: Context) -> Fault | None:
        """Score every column by itself."""
        best = context.best_guess(_guesses(context))
        silver = context.bars.thresholds.silver
        if best is None or not context.reaches(best[1], silver):
            return None
        return Fault(
            "single_column.too_good",
            f"column {best[0]} alone scores {best[1]:g}; silver {silver:g}",
            hard=context.made,
        )


def _guesses(context: Context) -> Iterator[tuple[str, Predictions]]:
    data, schema = context.data, context.draft.submission
    train, test = data.train, data.test
    if train is None or test is None:
        return
    for name in data.features:
        known, asked = train.numbers(name), test.numbers(name)
        if known is not None and asked is not None:
            places = bins(known, asked)
            for sign in (1.0, -1.0):
                raw = as_predictions(sign * asked, schema)
                if raw is not None and np.isfinite(raw).all():
                    yield f"{name!r} as it is", data.ordered(raw)
        else:
            places = categories(train.columns[name], test.columns[name])
        if data.train_targets is not None:
            for kind, values in by_bins(*places, data.train_targets, schema):
                yield f"{name!r} by {kind}", data.ordered(values)


CHECKS.register(SingleColumn.name)(SingleColumn())
