"""`landlock`: isolation without any namespace, for containers that allow none.

As `warm`, a fork of an interpreter that has imported the scientific stack; what keeps it from the
host is Landlock, a strict filter of system calls, limits and a watchdog. Needs Linux 6.12.

Stops: reading any file but the interpreter, its packages and the system's programs; writing
anywhere but in the session's own folder; sockets of all kinds; signals, tracing and limits across
the border of a run; changing modes, owners and times of files; processes that outlive their run;
more than one run's share of memory, disk, processes, output and time, as far as a look every 50 ms
can. Does not stop: a look at the metadata of files and the targets of links whose path is known; a
`flock` on files that can be read; bursts between two looks; what is listed for `warm`.
docs/sandbox.md has the whole list.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.execution import INPUT_DIR
from sandmle.sandbox import SANDBOXES
from sandmle.sandbox import _landlock as landlock
from sandmle.sandbox._bundle import BOOT, bundle
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._environment import script_environment
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._landlock_check import verify_landlock
from sandmle.sandbox._landlock_view import SYSTEM
from sandmle.sandbox._seccomp_strict import strict_filter
from sandmle.sandbox.warm import WarmSandbox

_MODULES = (
    "_mounts",
    "_packets",
    "_landlock",
    "_readable",
    "_landlock_launch",
    "_trees",
    "_limits",
    "_seccomp",
    "_seccomp_strict",
    "_notes",
    "_script",
    "_preload",
    "_hot_pages",
    "_isolate",
    "_child",
    "_zygote",
    "_landlock_view",
    "_landlock_child",
    "_landlock_zygote",
)
"""What the fork server is made of, each after those that it imports."""
_SHOWN = ("/bin/", "/dev/", "/etc/", "/lib", "/proc/", "/sbin/", "/sys/", "/usr/")
"""Where opening a file is nothing to count; libraries look into /sys for the number of cores."""


@SANDBOXES.register("landlock")
class LandlockSandbox(WarmSandbox):
    """Runs each script in a fork that has given up nearly all rights.

    Args:
        python: The interpreter; by default the one that runs sandmle. It cannot read sandmle.
        slots: How many runs go on at once; by default one per core.
        preload: What the fork server imports; see `WarmSandbox`.
        gpus: None can be given.

    Raises:
        UsageError: If a GPU is asked for.
    """

    name = "landlock"
    _host_module = "_landlock_host"
    _look_around = staticmethod(verify_landlock)

    def __init__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
    ) -> None:
        if gpus:
            raise UsageError(
                f"the sandbox 'landlock' gives no GPU (asked for {', '.join(map(str, gpus))}); "
                "use 'warm' or 'cold'"
            )
        super().__init__(python=python, slots=slots, preload=preload)

    def _start_host(self) -> Companion:
        if problem := missing():
            raise SandboxError(f"the sandbox 'landlock' does not work here: {problem}")
        return super()._start_host()

    @cached_property
    def _settings(self) -> dict[str, Any]:
        interpreter = Interpreter.of(self._python)
        binds = [str(place) for place in interpreter.binds]
        path = f"{interpreter.executable.parent}:/usr/local/bin:/usr/bin:/bin"
        return {
            "python": str(interpreter.executable),
            "binds": binds,
            "slots": self._slots,
            "runs": self._runs,
            "preload": None if self._preload is None else list(self._preload),
            "input": INPUT_DIR,
            "count": True,
            "ends_itself": True,
            "folder": tempfile.gettempdir(),
            "launch": {
                "shown": [*SYSTEM, *binds],
                "hidden": [str(place) for place in interpreter.masked],
                "words": [str(interpreter.executable), "-I", "-B", "-u", "-c", BOOT],
                # Without it joblib tries, and warns that there are no semaphores.
                "environment": {
                    **script_environment(home="", path=path),
                    "JOBLIB_MULTIPROCESSING": "0",
                },
            },
            "bundle": bundle(*_MODULES).decode(),
            "zygote": {"environment": {}, "shown": [*_SHOWN, *binds]},
        }


def missing() -> str:
    """Return what this machine lacks for it, as a sentence; empty where it lacks nothing."""
    if strict_filter() is None:
        return f"there is no system call filter for {os.uname().machine}"
    found = landlock.abi()
    if found >= landlock.SCOPES_SINCE:
        return ""
    has = f"Landlock of version {found}" if found else "no Landlock"
    return (
        f"it needs Linux 6.12, whose Landlock (version {landlock.SCOPES_SINCE}) keeps signals "
        f"within a run; this kernel ({os.uname().release}) has {has}"
    )
