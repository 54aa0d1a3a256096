"""Check 11: the whole ladder runs in time, and bars can be placed along it."""

from __future__ import annotations

from sandmle.verify import thresholds
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context

MAX_SCRIPT_SECONDS = 5.0
"""Processor time of one script."""
MAX_MIB = 1_024
"""Memory of one script."""


class LadderCheck(Check):
    """Every script writes a valid submission within its limits, and the threshold rule accepts."""

    name = "ladder"
    number = 11
    stage = "ladder"
    reasons = (
        "ladder.script_failed",
        "ladder.slow_script",
        "ladder.too_much_memory",
        "ladder.not_scorable",
        *thresholds.REASONS,
    )
    summary = (
        "each script takes at most 5 CPU-seconds and 1 GiB and writes a valid submission; the "
        "threshold rule accepts the measured scores"
    )

    def find(self, context: Context) -> Fault | None:
        """Return what went wrong when the ladder was run, or why it carries no bars."""
        measured = context.measurement
        for rung in measured.ladder.failed:
            return Fault("ladder.script_failed", f"{rung.name}: {rung.error}")
        for rung in measured.ladder.rungs:
            if rung.cpu_seconds > MAX_SCRIPT_SECONDS:
                return Fault(
                    "ladder.slow_script",
                    f"{rung.name} took {rung.cpu_seconds:.1f} CPU-seconds; {MAX_SCRIPT_SECONDS:g}",
                )
            if rung.peak_mib > MAX_MIB:
                return Fault(
                    "ladder.too_much_memory", f"{rung.name} took {rung.peak_mib:.0f} MiB; {MAX_MIB}"
                )
        if isinstance(measured.outcome, thresholds.Rejection):
            return Fault(measured.outcome.reason, measured.outcome.detail)
        return None


CHECKS.register(LadderCheck.name)(LadderCheck())
