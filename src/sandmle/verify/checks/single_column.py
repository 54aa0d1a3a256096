"""Check 6: no single column decides the task, nor the mean or spread of a recording."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sandmle.verify.board import Predictions
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.guesses import as_predictions, bins, by_bins, categories
from sandmle.verify.public_data import PublicData
from sandmle.verify.tables import Floats

Cells = Floats | list[str]


class SingleColumn(Check):
    """The best that one column or level can do, in bins or as it is, stays under silver."""

    name = "single_column"
    number = 6
    stage = "bars"
    reasons = ("single_column.too_good",)
    summary = (
        "the best predictor made from one column alone, or from the mean or the spread of each "
        "picture, sound or array (bins, or the number itself), is under silver"
    )

    def find(self, context: Context) -> Fault | None:
        """Score every column by itself."""
        best = context.best_guess(_guesses(context))
        silver = context.bars.thresholds.silver
        if best is None or not context.reaches(best[1], silver):
            return None
        return Fault(
            "single_column.too_good",
            f"{best[0]} alone scores {best[1]:g}; silver {silver:g}",
            hard=context.made,
        )


def _guesses(context: Context) -> Iterator[tuple[str, Predictions]]:
    data, schema = context.data, context.draft.submission
    for name, known, asked in _readings(data):
        if isinstance(known, list) or isinstance(asked, list):
            places = categories(list(map(str, known)), list(map(str, asked)))
        else:
            places = bins(known, asked)
            for sign in (1.0, -1.0):
                raw = as_predictions(sign * asked, schema)
                if raw is not None and np.isfinite(raw).all():
                    yield f"{name} as it is", data.ordered(raw)
        if data.train_targets is not None:
            for kind, values in by_bins(*places, data.train_targets, schema):
                yield f"{name} by {kind}", data.ordered(values)


def _readings(data: PublicData) -> Iterator[tuple[str, Cells, Cells]]:
    """Yield what one number or label says about each row of train and of test."""
    train, test = data.train, data.test
    if train is None or test is None:
        return
    for name in data.features:
        known, asked = train.numbers(name), test.numbers(name)
        if known is not None and asked is not None:
            yield f"column {name!r}", known, asked
        else:
            yield f"column {name!r}", train.columns[name], test.columns[name]
    for views in data.coarse:
        for name, level in (("mean", np.mean), ("spread", np.std)):
            yield f"the {name} of a recording", level(views[0], axis=1), level(views[1], axis=1)


CHECKS.register(SingleColumn.name)(SingleColumn())
