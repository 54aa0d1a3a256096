"""Sandboxes as the command line offers them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from sandmle.cli._console import err
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import UnisolatedWarning, make_sandbox

DEFAULT = "warm"
CHOICES = "warm; cold and landlock isolate in other ways, docker and slurm elsewhere, unsafe not."


def agent_sandbox(
    name: str,
    *,
    python: Path | None = None,
    preload: Sequence[str] | None = None,
    gpus: Sequence[int] = (),
    stateful: bool = False,
) -> Sandbox:
    """Make the sandbox for agents' code and try it; `unsafe` is allowed by naming it, and said.

    Args:
        name: Its name.
        python: See `make_sandbox`.
        preload: See `make_sandbox`.
        gpus: See `make_sandbox`.
        stateful: Whether sessions will keep variables.

    Raises:
        UsageError: If there is no such sandbox, or it cannot keep variables and `stateful` asks so.
        SandboxError: If it does not work on this machine.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UnisolatedWarning)
        sandbox = make_sandbox(
            name, python=python, preload=preload, gpus=gpus, allow_unisolated=name == "unsafe"
        )
    for warning in caught:
        err.print(f"[bold yellow]warning:[/bold yellow] {warning.message}", soft_wrap=True)
    sandbox.open({}, Limits(), stateful=stateful).close()
    return sandbox
