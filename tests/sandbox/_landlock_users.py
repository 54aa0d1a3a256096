"""Who runs the sandbox in the tests of `landlock`: an ordinary user and, where it can be, root."""

from __future__ import annotations

import os

from sandmle.core.task import Limits
from sandmle.testing.remote import as_user

LIMITS = Limits(step_seconds=30, memory_mib=512, disk_mib=16, processes=24)
USERS = ["ordinary", "root"] if os.geteuid() == 0 else ["ordinary"]


def command_of(user: str) -> list[str]:
    """Return what comes before the command of a host, so that it runs as that user."""
    if os.geteuid() != 0:
        return []
    # As root too: the interpreter may lie where the user that root is given up to cannot go.
    return as_user(0) if user == "root" else as_user()
