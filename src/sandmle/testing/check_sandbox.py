"""Conformance of a sandbox: what every backend must do; `isolated` ones must do more.

Parametrise a test over `sandbox_checks`, or call `check_sandbox` for the whole list at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandmle.core.errors import SandmleError
from sandmle.core.execution import Sandbox
from sandmle.testing._sandbox_behaviour import BEHAVIOUR
from sandmle.testing._sandbox_case import Check
from sandmle.testing._sandbox_isolation import ISOLATION
from sandmle.testing._sandbox_stateful import STATEFUL

__all__ = ["Check", "CheckResult", "check_sandbox", "sandbox_checks"]


@dataclass(frozen=True)
class CheckResult:
    """What came of one check."""

    name: str
    passed: bool
    detail: str = ""
    """What was wrong."""


def check_sandbox(make: Callable[[], Sandbox]) -> list[CheckResult]:
    """Hold a sandbox to its contract, check by check.

    Args:
        make: Makes the sandbox; it is closed at the end.
    """
    results = []
    with make() as sandbox:
        for name, check in sandbox_checks(isolated=sandbox.isolated).items():
            try:
                check(sandbox)
            except (AssertionError, SandmleError) as exc:
                results.append(CheckResult(name, passed=False, detail=str(exc)))
            else:
                results.append(CheckResult(name, passed=True))
    return results


def sandbox_checks(*, isolated: bool) -> dict[str, Check]:
    """Return the checks by name; those of isolation only for a sandbox that has it."""
    return {**BEHAVIOUR, **STATEFUL, **(ISOLATION if isolated else {})}
