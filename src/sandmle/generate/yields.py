"""How many draws passed, family by family, and what the others failed on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sandmle.core.record import Record
from sandmle.generate.make import Outcome


class FamilyYield(Record):
    """Orders of one family, or of all."""

    orders: int
    first_draw: float
    """Share of the orders whose first draw passed."""
    accepted: float
    """Share of the orders that passed at last."""
    draws: int
    reasons: dict[str, int]
    """Reason codes of all rejected draws, the most frequent first."""


class YieldReport(Record):
    """Yield of a set."""

    total: FamilyYield
    families: dict[str, FamilyYield]


def yield_report(outcomes: Iterable[Outcome]) -> YieldReport:
    """Count outcomes; orders without any recorded draw are left out."""
    drawn = [outcome for outcome in outcomes if outcome.attempts]
    names = sorted({outcome.order.family for outcome in drawn})
    return YieldReport(
        total=_count(drawn),
        families={name: _count([o for o in drawn if o.order.family == name]) for name in names},
    )


def passed_within(outcomes: Iterable[Outcome], attempts: int) -> float:
    """Return the share of the orders one of whose first draws passed, of those with any draw."""
    drawn = [outcome for outcome in outcomes if outcome.attempts]
    passed = sum(any(a.passed for a in outcome.attempts[:attempts]) for outcome in drawn)
    return _share(passed, len(drawn))


def _count(outcomes: list[Outcome]) -> FamilyYield:
    count = len(outcomes)
    reasons = Counter(
        reason for outcome in outcomes for attempt in outcome.attempts for reason in attempt.reasons
    )
    return FamilyYield(
        orders=count,
        first_draw=_share(sum(outcome.attempts[0].passed for outcome in outcomes), count),
        accepted=_share(sum(outcome.folder is not None for outcome in outcomes), count),
        draws=sum(len(outcome.attempts) for outcome in outcomes),
        reasons=dict(reasons.most_common()),
    )


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0
