"""What verification found out about a draft: checks, the measured ladder, the placed bars."""

from __future__ import annotations

from typing import Literal

from sandmle.core.draft import ReferenceKind
from sandmle.core.record import Record
from sandmle.core.task import Thresholds


class CheckResult(Record):
    """Outcome of one check."""

    check: str
    """Name of the check: the module's name."""
    passed: bool
    hard: bool = True
    """A hard check that fails rejects the draft; a soft one is recorded."""
    reason: str | None = None
    """Short code that yield reports count, `ladder.bar_gap`; None where it passed."""
    detail: str = ""
    seconds: float = 0.0


class RungScore(Record):
    """A baseline as it was measured on the graded rows."""

    name: str
    score: float | None
    """None where the script failed or its submission was invalid."""
    gain: float | None
    """(score - dummy) / (reference - dummy)."""
    cpu_seconds: float
    error: str | None = None


class Bars(Record):
    """The thresholds with all that they rest on."""

    rule: Literal["H", "paper"]
    thresholds: Thresholds
    gains: dict[str, float]
    """median, bronze, silver, gold as gains."""
    standard_errors: dict[str, float]
    """Paired-bootstrap standard error of each bar, as a gain."""
    ci95: dict[str, tuple[float, float]]
    """95 % bootstrap interval of each bar, in the metric's unit."""
    dummy_score: float
    reference_score: float
    reference_kind: ReferenceKind


class VerifyReport(Record):
    """All results for one draft."""

    results: tuple[CheckResult, ...]
    rungs: tuple[RungScore, ...] = ()
    bars: Bars | None = None
    attempt: int = 0
    """Which redraw of the same task this was, from 0."""

    @property
    def passed(self) -> bool:
        """Whether no hard check failed and the bars could be placed."""
        return self.bars is not None and all(r.passed for r in self.results if r.hard)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Codes of the hard checks that failed."""
        return tuple(r.reason or r.check for r in self.results if r.hard and not r.passed)
