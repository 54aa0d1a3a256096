"""Sandboxes as the command line offers them."""

from __future__ import annotations

import warnings
from pathlib import Path

from sandmle.cli._console import err
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import UnisolatedWarning, make_sandbox


def agent_sandbox(name: str, *, python: Path | None = None, slots: int | None = None) -> Sandbox:
    """Make the sandbox for agents' code and try it; `unsafe` is allowed by naming it, and said.

    Raises:
        UsageError: If there is no such sandbox.
        SandboxError: If it does not work on this machine.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnisolatedWarning)
        sandbox = make_sandbox(name, python=python, slots=slots, allow_unisolated=name == "unsafe")
    for warning in caught:
        err.print(f"[bold yellow]warning:[/bold yellow] {warning.message}", soft_wrap=True)
    sandbox.open({}, Limits()).close()
    return sandbox
