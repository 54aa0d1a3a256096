"""Check 9: what takes no modelling earns no medal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sandmle.verify.board import Predictions
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.checks.metadata import sort_values
from sandmle.verify.context import Context
from sandmle.verify.guesses import as_predictions, constants


class TrivialSubmissions(Check):
    """Constants, the sample submission, ids, and the label of the nearest neighbour < bronze."""

    name = "trivial_submissions"
    number = 9
    stage = "bars"
    reasons = (
        "trivial_submissions.constant",
        "trivial_submissions.sample",
        "trivial_submissions.id",
        "trivial_submissions.neighbour",
    )
    summary = (
        "the best constant (searched on the answers), the sample submission, ids as predictions "
        "and the label of the nearest training row are all under bronze"
    )

    def find(self, context: Context) -> Fault | None:
        """Score each kind."""
        bronze = context.bars.thresholds.bronze
        kinds = (
            ("constant", constants(_deserved(context), context.draft.submission)),
            ("sample", _sample(context)),
            ("id", _ids(context)),
            ("neighbour", _neighbours(context)),
        )
        for kind, guesses in kinds:
            best = context.best_guess(guesses)
            if best is not None and context.reaches(best[1], bronze):
                return Fault(
                    f"trivial_submissions.{kind}",
                    f"{best[0]} scores {best[1]:g}; bronze {bronze:g}",
                    hard=context.made or kind != "neighbour",
                )
        return None


def _deserved(context: Context) -> Predictions:
    return context.metric.perfect(context.graded.answers)


def _sample(context: Context) -> Iterator[tuple[str, Predictions]]:
    predictions = context.measurement.ladder.sample.predictions
    if predictions is not None:
        yield "the sample submission", predictions


def _ids(context: Context) -> Iterator[tuple[str, Predictions]]:
    numbers = sort_values(list(context.key.ids))
    for sign in (1.0, -1.0):
        for scale in (1.0, 1.0 / float(np.abs(numbers).max())):
            copied = as_predictions(sign * scale * numbers, context.draft.submission)
            if copied is not None:
                yield "the id as the prediction", copied


def _neighbours(context: Context) -> Iterator[tuple[str, Predictions]]:
    targets, found = context.data.train_targets, context.neighbours
    if targets is not None and found is not None:
        yield "the label of the nearest training row", context.data.ordered(targets[found.nearest])


CHECKS.register(TrivialSubmissions.name)(TrivialSubmissions())
