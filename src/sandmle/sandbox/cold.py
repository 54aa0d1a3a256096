"""`cold`: a new Python process per run, in bubblewrap. The default for code that is not trusted.

Stops: reading anything of the host but the system's programs and the interpreter; the network; the
caller's environment; other processes; more than one run's share of memory, disk, processes, output
and time; anything left behind after a session. Does not stop: bugs of the kernel, side channels of
the processor. docs/sandbox.md has the whole list.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.execution import Execution
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES, _remedies
from sandmle.sandbox._answer import keep_bytes, to_execution
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._environment import usable_cores
from sandmle.sandbox._files import public_files
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._seccomp import seccomp_filter
from sandmle.sandbox._self_check import verify_isolation
from sandmle.sandbox._session import Closing, WorkDirectory
from sandmle.sandbox._view import arguments, command

_GRACE_SECONDS = 60.0
"""How much longer than a run's wall time its holder may take to answer."""
_KERNEL_THAT_COUNTS = (5, 14)
"""The first Linux that counts a user's processes per user namespace."""


@SANDBOXES.register("cold")
class ColdSandbox(Closing):
    """Runs each script in a new interpreter that sees the system, the task's files and no more.

    Args:
        python: The interpreter; by default the one that runs sandmle. It cannot import sandmle.
        slots: How many runs go on at once; by default one per core.
        preload: Has no effect: every run imports what it needs.
        gpus: Numbers of the NVIDIA GPUs that code may use.
    """

    name = "cold"
    isolated = True

    def __init__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
    ) -> None:
        self._python = python or Path(sys.executable)
        self._gpus = tuple(gpus)
        self._slots = threading.BoundedSemaphore(slots or usable_cores())
        self._lock = threading.Lock()
        self._verified = False
        self._sessions: list[ColdSession] = []

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> ColdSession:
        """Start a session; see `Sandbox.open`. The first one proves that isolation holds.

        Raises:
            UsageError: For `stateful`.
            SandboxError: If the session cannot be isolated as promised.
        """
        if stateful:
            raise UsageError(
                "the sandbox 'cold' starts a new interpreter for each run; use 'warm' "
                "for sessions that keep variables"
            )
        with self._lock:
            settings = self._settings
            if not self._verified:
                self._prove(settings)
        session = ColdSession(settings, public, limits, slots=self._slots)
        with self._lock:
            self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def _prove(self, settings: dict[str, Any]) -> None:
        try:
            trial = ColdSession(settings, {}, Limits(), slots=self._slots)
        except SandboxError as exc:
            raise SandboxError(f"{exc}; {_remedies.namespaces()}") from exc
        with trial:
            verify_isolation(trial)
        self._verified = True

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """What every session's holder is told."""
        bwrap = Path(find_bwrap())
        interpreter = Interpreter.of(self._python)
        return {
            "bwrap": str(bwrap),
            "arguments": arguments(
                interpreter,
                disable_userns=bwrap_version(bwrap) >= (0, 8),
                seccomp=seccomp_filter() is not None,
                gpus=self._gpus,
            ),
            "command": command(interpreter),
            "binds": [str(place) for place in interpreter.binds],
            "count_processes": counts_processes(),
            "gpus": bool(self._gpus),
        }


class ColdSession(WorkDirectory):
    """A work directory in memory, and the process that holds it; see `SandboxSession`."""

    def __init__(
        self,
        settings: dict[str, Any],
        public: Path | Mapping[str, bytes],
        limits: Limits,
        *,
        slots: threading.BoundedSemaphore,
    ) -> None:
        self._limits = limits
        self._slots = slots
        files = {
            path: content.read_bytes() if isinstance(content, Path) else content
            for path, content in public_files(public).items()
        }
        bounds = {name: getattr(limits, name) for name in ("memory_mib", "disk_mib", "processes")}
        sizes = [(path, len(content)) for path, content in files.items()]
        self._holder = Companion(
            "_holder",
            python=Path(sys.executable),
            flags=("-S",),
            settings={**settings, **bounds, "files": sizes},
            payload=b"".join(files.values()),
        )
        super().__init__(self._holder.hello.descriptors[0])

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code in a new sandboxed process; see `SandboxSession.run`."""
        self._opened()
        wall_seconds = self._limits.step_seconds if timeout_seconds is None else timeout_seconds
        job = {
            "wall_seconds": wall_seconds,
            "keep_bytes": keep_bytes(self._limits.output_bytes),
        }
        asked = time.monotonic()
        with self._lock, self._slots:
            queue_seconds = time.monotonic() - asked
            answer = self._holder.request(
                job, payload=code.encode(errors="replace"), seconds=wall_seconds + _GRACE_SECONDS
            )
        execution = to_execution(answer, output_bytes=self._limits.output_bytes)
        return execution.model_copy(update={"queue_seconds": queue_seconds})

    def _release(self) -> None:
        """End the holder; its processes and its files end with it."""
        self._holder.close()


def find_bwrap() -> str:
    """Return where bubblewrap is.

    Raises:
        SandboxError: If it is not installed.
    """
    found = shutil.which("bwrap")
    if found is None:
        raise SandboxError(
            f"bubblewrap is not installed; {_remedies.BUBBLEWRAP}, "
            "or use --sandbox unsafe for code that you trust"
        )
    return found


def bwrap_version(bwrap: Path) -> tuple[int, ...]:
    """Return the version of bubblewrap, (0, 8, 0) for example."""
    said = subprocess.run([bwrap, "--version"], env={}, capture_output=True, check=False).stdout
    return tuple(int(number) for number in re.findall(rb"\d+", said))


def counts_processes() -> bool:
    """Say whether the kernel can limit the processes of one run apart from the user's others."""
    kernel = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
    return os.geteuid() == 0 or kernel >= _KERNEL_THAT_COUNTS
