"""Check 10: the metric pays the truth best, and less the more of the reference is spoiled."""

from __future__ import annotations

import numpy as np

from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context

SPOILED_SHARE = 0.3
"""Share of the rows on which the dummy's predictions take the place of the reference's."""


class MetricCheck(Check):
    """Perfect answers get the declared best, and reference > spoiled reference > dummy."""

    name = "metric"
    number = 10
    stage = "bars"
    reasons = ("metric.not_best", "metric.direction")
    summary = (
        "perfect answers get the metric's best score; reference, reference with the dummy's "
        "predictions on 30 % of its rows, and dummy score in that order"
    )

    def find(self, context: Context) -> Fault | None:
        """Score the truth, then the spoiled reference."""
        metric, graded = context.metric, context.graded
        perfect = graded.score(metric.perfect(graded.answers))
        if metric.exact and abs(perfect - metric.best) > 1e-9:
            return Fault("metric.not_best", f"perfect answers score {perfect!r}, not {metric.best}")
        ladder = context.measurement.ladder
        reference, simple = ladder.reference, next(r for r in ladder.rungs if r.name == "dummy")
        if reference.predictions is None or reference.score is None or simple.predictions is None:
            return None
        rng = context.streams.rng("metric", "spoiled")
        rows = np.flatnonzero(graded.graded)
        moved = rng.permutation(rows)[: round(SPOILED_SHARE * len(rows))]
        spoiled = reference.predictions.copy()
        spoiled[moved] = simple.predictions[moved]
        middle = context.score(spoiled)
        dummy = context.bars.dummy_score
        if middle is None or not context.between(dummy, middle, reference.score):
            return Fault(
                "metric.direction",
                f"dummy {dummy:g}, spoiled reference {middle}, reference {reference.score:g} "
                "do not get better in this order",
            )
        return None


CHECKS.register(MetricCheck.name)(MetricCheck())
