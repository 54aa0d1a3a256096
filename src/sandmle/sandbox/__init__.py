"""Sandboxes: one file each. `make_sandbox("warm")` gives one by name.

What each stops and does not stop is said at the top of its module and in docs/sandbox.md.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from sandmle.core.errors import UsageError
from sandmle.core.execution import Sandbox
from sandmle.core.registry import Registry

NOT_LINUX = "use a Linux virtual machine, a container that allows user namespaces, or WSL 2"

__all__ = ["NOT_LINUX", "SANDBOXES", "SandboxFactory", "UnisolatedWarning", "make_sandbox"]


class UnisolatedWarning(UserWarning):
    """Code is about to run with all rights of the user."""


class SandboxFactory(Protocol):
    """What a backend registers: a class whose instances are sandboxes."""

    isolated: bool
    """Whether code is kept from the host's files, environment and network."""

    def __call__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
    ) -> Sandbox:
        """Make a sandbox; see `make_sandbox`."""
        ...


SANDBOXES: Registry[SandboxFactory] = Registry("sandbox", "sandmle.sandbox")


def make_sandbox(
    name: str,
    *,
    python: Path | None = None,
    slots: int | None = None,
    preload: Sequence[str] | None = None,
    gpus: Sequence[int] = (),
    allow_unisolated: bool = False,
) -> Sandbox:
    """Make the sandbox called `name`; close it after use.

    Args:
        name: Name in the registry: "warm", "cold", "landlock", "docker", "slurm" or "unsafe".
        python: The interpreter that runs the code; by default the one that runs sandmle.
        slots: How many runs go on at once, the others wait; by default one per core.
        preload: Modules that backends with a fork server import beforehand, so that a script's own
            import of them costs nothing; one that is not installed is passed over. By default the
            scientific stack. Others are imported by the script, at their own price.
        gpus: Numbers of the NVIDIA GPUs that code may use; by default it sees none.
        allow_unisolated: Whether a sandbox that does not isolate may be made; it warns.

    Raises:
        UsageError: If there is no such sandbox, if it does not isolate and that was not allowed,
            or if this is not Linux.
    """
    factory = SANDBOXES.get(name)
    if sys.platform != "linux":
        raise UsageError(f"sandboxes run on Linux, this is {sys.platform}; {NOT_LINUX}")
    if not factory.isolated:
        if not allow_unisolated:
            raise UsageError(
                f"the sandbox {name!r} does not isolate: code would run with all your rights. "
                "Use 'warm', or allow it on purpose: --sandbox unsafe on the command line, "
                "allow_unisolated=True in Python"
            )
        warnings.warn(
            f"the sandbox {name!r} does not isolate: code runs with all your rights and can read "
            "the answers. Use it only for code that you trust.",
            UnisolatedWarning,
            stacklevel=2,
        )
    return factory(python=python, slots=slots, preload=preload, gpus=gpus)
