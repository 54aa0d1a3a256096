"""`unsafe`: no isolation, and fast. For code that you trust, such as a task's own baseline ladder.

Stops: a run that is over its wall time, memory, output or number of processes, and what is left of
it; the caller's environment is not passed on. Does not stop: anything else. Code has all rights of
the user: it can read every file, use the network, and leave things behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from sandmle.core.errors import UsageError
from sandmle.core.execution import INPUT_DIR, Execution
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES
from sandmle.sandbox._answer import keep_bytes, to_execution
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._environment import script_environment, usable_cores
from sandmle.sandbox._files import public_files
from sandmle.sandbox._gpus import gpu_devices
from sandmle.sandbox._session import Closing, WorkDirectory

_GRACE_SECONDS = 30.0
"""How much longer than a run's wall time its fork server may take to answer."""


@SANDBOXES.register("unsafe")
class UnsafeSandbox(Closing):
    """Runs code with all rights of the user, in a fork of a process that has imported the ML stack.

    Args:
        python: The interpreter; by default the one that runs sandmle.
        slots: How many runs go on at once; by default one per core.
        preload: Modules that the forked process has imported; by default the scientific stack.
        gpus: Numbers of the NVIDIA GPUs that CUDA finds.

    Raises:
        UsageError: If there is no such GPU.
    """

    name = "unsafe"
    isolated = False

    def __init__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
    ) -> None:
        gpu_devices(gpus)
        self._servers = _ForkServers(
            python or Path(sys.executable), slots or usable_cores(), preload=preload, gpus=gpus
        )
        self._sessions: list[UnsafeSession] = []

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> UnsafeSession:
        """Start a session; `input/` is a copy, so that a script cannot spoil the task itself.

        Raises:
            UsageError: For `stateful`.
        """
        if stateful:
            raise UsageError(
                "the sandbox 'unsafe' runs each script in a process of its own; use 'warm' "
                "for sessions that keep variables"
            )
        _drop_stale_folders()
        session = UnsafeSession(self._servers, public, limits)
        self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def close(self) -> None:
        """Close all sessions and end the fork servers."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()
        self._servers.close()


class UnsafeSession(WorkDirectory):
    """A temporary folder and a share in the fork servers; see `SandboxSession`."""

    def __init__(
        self, servers: _ForkServers, public: Path | Mapping[str, bytes], limits: Limits
    ) -> None:
        files = public_files(public)
        self._servers = servers
        self._limits = limits
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._work = self._folder / "work"
        (self._work / INPUT_DIR).mkdir(parents=True)
        (self._folder / "tmp").mkdir()
        super().__init__(os.open(self._work, os.O_DIRECTORY | os.O_CLOEXEC))
        for path, content in files.items():
            place = self._work / INPUT_DIR / path
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copyfile(content, place)
            else:
                place.write_bytes(content)
            place.chmod(0o444)

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code in a forked child; see `SandboxSession.run`."""
        self._opened()
        limits = self._limits
        wall_seconds = limits.step_seconds if timeout_seconds is None else timeout_seconds
        script = self._folder / "script.py"
        job = {
            "script": str(script),
            "work_dir": str(self._work),
            "environment": {name: str(self._folder / "tmp") for name in ("HOME", "TMPDIR")},
            "wall_seconds": wall_seconds,
            "memory_mib": limits.memory_mib,
            "disk_mib": limits.disk_mib,
            "processes": limits.processes,
            "keep_bytes": keep_bytes(limits.output_bytes),
        }
        source = code.encode(errors="replace")
        asked = time.monotonic()
        with self._lock, self._servers.borrow() as server:
            queue_seconds = time.monotonic() - asked
            # Tools that start a second interpreter, and traces, read the script from its file.
            script.write_bytes(source)
            answer = server.request(job, payload=source, seconds=wall_seconds + _GRACE_SECONDS)
        execution = to_execution(answer, output_bytes=limits.output_bytes)
        return execution.model_copy(update={"queue_seconds": queue_seconds})

    def _release(self) -> None:
        """Remove the folder."""
        _remove(self._folder)


class _ForkServers:
    """Up to `slots` fork servers, started when needed; a dead one is replaced."""

    def __init__(
        self, python: Path, slots: int, *, preload: Sequence[str] | None, gpus: Sequence[int]
    ) -> None:
        self._python = python
        self._preload = None if preload is None else list(preload)
        path = os.pathsep.join((str(python.parent), "/usr/local/bin", "/usr/bin", "/bin"))
        self._environment = MappingProxyType(
            script_environment(home="/tmp", path=path, gpus=gpus)  # noqa: S108 - each run sets its own
        )
        self._slots = threading.BoundedSemaphore(slots)
        self._lock = threading.Lock()
        self._idle: list[Companion] = []

    @contextlib.contextmanager
    def borrow(self) -> Iterator[Companion]:
        with self._slots:
            server = self._take()
            try:
                yield server
            except BaseException:
                server.close()
                raise
            with self._lock:
                self._idle.append(server)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for server in idle:
            server.close()

    def _take(self) -> Companion:
        with self._lock:
            while self._idle:
                server = self._idle.pop()
                if server.alive:
                    return server
                server.close()
        return Companion(
            "_fork_server",
            python=self._python,
            settings={"preload": self._preload},
            environment=self._environment,
        )


_PREFIX = "sandmle-unsafe-"


def _drop_stale_folders() -> None:
    """Remove the folders of processes that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove a folder that may hold a tree too deep for recursion, or without permissions."""
    try:
        shutil.rmtree(folder)
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwX", "--", folder], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", "--", folder], check=False, capture_output=True)
