"""The sandboxes that are attacked: each backend of this machine, as each kind of user.

A backend joins by being registered. Those that only bring code to another machine or into an image
are not attacked here: what isolates there is one of these, or a container.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sandmle.core.execution import Sandbox
from sandmle.sandbox import SANDBOXES, landlock, make_sandbox
from sandmle.testing.remote import SandboxElsewhere, as_user

_ELSEWHERE = frozenset({"docker", "slurm"})
_WITHOUT_MOUNTS = frozenset({"landlock"})
_SLOTS = 2
"""Neighbours need two, however few cores there are."""


class Target(NamedTuple):
    """A backend, and whether it is started by an ordinary user although the tests run as root."""

    backend: str
    given_up: bool

    @property
    def title(self) -> str:
        """Its name in the list of tests."""
        return f"{self.backend}, ordinary user" if self.given_up else self.backend

    @property
    def kinds(self) -> set[str]:
        """By what names an attack may say that this does not stop it."""
        ordinary = self.given_up or os.geteuid() != 0
        return {self.backend} | ({f"{self.backend} as an ordinary user"} if ordinary else set())

    @property
    def stateful(self) -> bool:
        """Whether its sessions may keep an interpreter."""
        return self.backend != "cold"

    def make(self, *, slots: int = _SLOTS, preload: Sequence[str] | None = None) -> Sandbox:
        """Make the sandbox; see `make_sandbox`."""
        given = {"slots": slots, "preload": preload}
        if self.given_up:
            return SandboxElsewhere(as_user(), backend=self.backend, **given)
        if self.backend in _WITHOUT_MOUNTS and os.geteuid() == 0 and _interpreter_is_closed():
            # Root, in mounts that show the interpreter to the user that runs are given up to.
            return SandboxElsewhere(as_user(0), backend=self.backend, **given)
        return make_sandbox(self.backend, **given)

    @property
    def lacking(self) -> str:
        """What this machine lacks for it, as a sentence."""
        return landlock.missing() if self.backend == "landlock" else ""


def _interpreter_is_closed() -> bool:
    folders = Path(sys.base_prefix).resolve().parents
    return any(not folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def targets() -> list[Target]:
    """Return what is attacked on this machine."""
    users = (False, True) if os.geteuid() == 0 else (False,)
    names = [name for name in SANDBOXES if SANDBOXES.get(name).isolated and name not in _ELSEWHERE]
    return [Target(name, given_up) for name in names for given_up in users]
