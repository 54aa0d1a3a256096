"""The checks that a draft must pass: one file each."""

from __future__ import annotations

from sandmle.core.registry import Registry
from sandmle.verify.checks._base import Check, Fault

CHECKS: Registry[Check] = Registry("check", "sandmle.verify.checks")

STAGES = ("draft", "ladder", "bars")

__all__ = ["CHECKS", "STAGES", "Check", "Fault", "battery"]


def battery() -> tuple[Check, ...]:
    """Return all checks in the order in which they run."""
    checks = [CHECKS.get(name) for name in CHECKS]
    return tuple(sorted(checks, key=lambda check: (STAGES.index(check.stage), check.number)))
