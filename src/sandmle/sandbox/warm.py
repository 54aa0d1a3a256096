"""`warm`: full isolation at a few milliseconds a run. The default for code that is not trusted.

A fork server inside bubblewrap has imported the scientific stack; each run is a child of it, made
and isolated before it is needed, in namespaces of its own.

Stops: what `cold` stops, and, as root where there are control groups, bursts of memory and of
processes by the kernel. Does not stop: bugs of the kernel, side channels of the processor.
docs/sandbox.md has the whole list.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from sandmle.core.errors import SandboxError
from sandmle.core.execution import INPUT_DIR, Execution
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES, _remedies
from sandmle.sandbox._answer import keep_bytes, to_execution
from sandmle.sandbox._bundle import bundle
from sandmle.sandbox._channel import Channel
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._environment import usable_cores
from sandmle.sandbox._files import public_files
from sandmle.sandbox._gpus import gpu_devices
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._isolate import SCRIPT, TEMPORARY, WORK_DIR
from sandmle.sandbox._self_check import verify_isolation
from sandmle.sandbox._session import Closing, WorkDirectory
from sandmle.sandbox._turns import Turns
from sandmle.sandbox._warm_view import fork_server_command
from sandmle.sandbox.cold import counts_processes, find_bwrap

_GRACE_SECONDS = 150.0
"""How much longer than a run's wall time its host may take to answer, a new fork server included.
Waiting for a slot is not bounded."""
_OPEN_SECONDS = 60.0
_LAST_WORDS_SECONDS = 1.0
"""How long a host may take to be seen as dead when its sockets are closed."""
_MODULES = (
    "_mounts",
    "_landlock",
    "_trees",
    "_limits",
    "_seccomp",
    "_packets",
    "_notes",
    "_script",
    "_preload",
    "_hot_pages",
    "_isolate",
    "_child",
    "_zygote",
)
"""What the fork server is made of, each after those that it imports."""
_SHOWN = (
    "/bin",
    "/dev",
    "/etc",
    "/lib",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    SCRIPT,
    TEMPORARY,
    WORK_DIR,
)
"""Where opening a file is nothing to count; libraries look into /sys for the number of cores."""


@SANDBOXES.register("warm")
class WarmSandbox(Closing):
    """Runs each script in a fork of an interpreter that has imported the scientific stack.

    Args:
        python: The interpreter; by default the one that runs sandmle. It cannot import sandmle.
        slots: How many runs go on at once; by default one per core.
        preload: What the fork server imports; by default the scientific stack, and PyTorch in a
            second one from the first script on that uses it.
        gpus: Numbers of the GPUs that code may use.
    """

    name = "warm"
    isolated = True
    _omitted: ClassVar[frozenset[str]] = frozenset()
    """Layers that are left out, in subclasses of tests that prove what each layer is for."""
    _runs: ClassVar[int] = 5_000
    """How many runs a fork server serves before it is replaced; fewer in subclasses of tests."""
    _ahead: ClassVar[int | None] = None
    """How many children wait for a run, in subclasses that measure what this is worth; by default
    one per slot."""
    _host_module: ClassVar[str] = "_host"
    _look_around = staticmethod(verify_isolation)

    def __init__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
    ) -> None:
        self._python = python or Path(sys.executable)
        self._slots = slots or usable_cores()
        self._preload = preload
        self._gpus = tuple(gpus)
        self._turns = Turns(self._slots)
        self._lock = threading.Lock()
        self._host: Companion | None = None
        self._sessions: list[WarmSession] = []

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> WarmSession:
        """Start a session; see `Sandbox.open`. The first one proves that isolation holds."""
        host = self._running_host()
        try:
            return self._open_on(host, public, limits, stateful=stateful)
        except SandboxError:
            if not host.ends_within(_LAST_WORDS_SECONDS):
                raise
        # It had died before; a new session has nothing to do with what it took with it.
        host.close()
        with self._lock:
            if self._host is host:
                self._host = None
        return self._open_on(self._running_host(), public, limits, stateful=stateful)

    def close(self) -> None:
        """Close all sessions and end the fork servers."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
            host, self._host = self._host, None
        for session in sessions:
            session.close()
        if host is not None:
            host.close()

    def _running_host(self) -> Companion:
        with self._lock:
            self._host = self._host or self._start_host()
            return self._host

    def _open_on(
        self,
        host: Companion,
        public: Path | Mapping[str, bytes],
        limits: Limits,
        *,
        stateful: bool,
    ) -> WarmSession:
        with self._lock:
            # One at a time: what two threads hand over at once would get mixed up on the way.
            channel = _connect(host)
        session = self._session(channel, public, limits, stateful=stateful)
        with self._lock:
            self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def _session(
        self,
        channel: Channel,
        public: Path | Mapping[str, bytes],
        limits: Limits,
        *,
        stateful: bool = False,
    ) -> WarmSession:
        return WarmSession(channel, public, limits, turns=self._turns, stateful=stateful)

    def _start_host(self) -> Companion:
        """Start the process that holds fork servers and sessions, and look whether it isolates."""
        host = None
        try:
            host = Companion(
                self._host_module,
                python=Path(sys.executable),
                flags=("-S",),
                settings=self._settings,
            )
            if not self._omitted:
                with self._session(_connect(host), {}, Limits()) as trial:
                    self._look_around(trial)
        except SandboxError as exc:
            if host is not None:
                host.close()
            raise SandboxError(_remedies.advise(str(exc))) from exc
        return host

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """What a host is told."""
        bwrap = find_bwrap()
        interpreter = Interpreter.of(self._python)
        numbers = ",".join(str(number) for number in range(len(self._gpus)))
        return {
            "binds": [str(place) for place in interpreter.binds],
            "slots": self._slots,
            "runs": self._runs,
            "ahead": self._slots if self._ahead is None else self._ahead,
            "preload": None if self._preload is None else list(self._preload),
            "input": INPUT_DIR,
            "count": counts_processes(),
            "words": fork_server_command(bwrap, interpreter, self._gpus),
            "bundle": bundle(*_MODULES).decode(),
            "zygote": {
                "omitted": sorted(self._omitted),
                "environment": {"CUDA_VISIBLE_DEVICES": numbers},
                "devices": [str(place) for place in gpu_devices(self._gpus)],
                "shown": [*_SHOWN, *(str(place) for place in interpreter.binds)],
                "kept": [
                    str(place) for place in interpreter.binds if place.is_relative_to(TEMPORARY)
                ],
            },
        }


class WarmSession(WorkDirectory):
    """A work directory in memory, and a connection to the host that holds it."""

    def __init__(
        self,
        channel: Channel,
        public: Path | Mapping[str, bytes],
        limits: Limits,
        *,
        turns: Turns,
        stateful: bool,
    ) -> None:
        self._channel = channel
        self._limits = limits
        self._turns = turns
        files = {
            path: content.read_bytes() if isinstance(content, Path) else content
            for path, content in public_files(public).items()
        }
        head = {
            "files": [(path, len(content)) for path, content in files.items()],
            "memory_mib": limits.memory_mib,
            "disk_mib": limits.disk_mib,
            "processes": limits.processes,
            "stateful": stateful,
        }
        try:
            answer = channel.request(head, payload=b"".join(files.values()), seconds=_OPEN_SECONDS)
        except BaseException:
            channel.close()
            raise
        super().__init__(answer.descriptors[0])

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code in a fork of its own; see `SandboxSession.run`."""
        self._opened()
        wall_seconds = self._limits.step_seconds if timeout_seconds is None else timeout_seconds
        job = {
            "wall_seconds": wall_seconds,
            "keep_bytes": keep_bytes(self._limits.output_bytes),
        }
        source = code.encode(errors="replace")
        asked = time.monotonic()
        with self._lock, self._turns.one():
            queue_seconds = time.monotonic() - asked
            answer = self._channel.request(
                job, payload=source, seconds=wall_seconds + _GRACE_SECONDS
            )
        execution = to_execution(answer, output_bytes=self._limits.output_bytes)
        return execution.model_copy(update={"queue_seconds": queue_seconds})

    def _release(self) -> None:
        """Close the connection, at which the host drops the session."""
        self._channel.close()


def _connect(host: Companion) -> Channel:
    """Return a connection to the host for one session."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours, "_host")
    try:
        with theirs:
            host.hand_over(theirs.fileno())
    except BaseException:
        channel.close()
        raise
    return channel
