"""What the sandboxes on other machines share: nodes that are launched when they are needed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sandmle.core.errors import SandboxError, SandmleError
from sandmle.core.task import Limits
from sandmle.sandbox import _remote_leash
from sandmle.sandbox._remote import RemoteNodes
from sandmle.sandbox._remote_messages import Settings
from sandmle.sandbox._remote_session import RemoteSession
from sandmle.sandbox._remote_wire import LostError
from sandmle.sandbox._session import Closing

_END_SECONDS = 30.0
_SAID_BYTES = 4_000
_TRIES = 3


class RemoteSandbox(Closing):
    """Opens sessions on nodes; see `Sandbox`.

    Args:
        settings: The sandbox that every node makes.
        address: See `RemoteNodes`.
    """

    isolated = True

    def __init__(self, settings: Settings, *, address: str | None) -> None:
        self._settings = settings
        self._address = address
        self._lock = threading.Lock()
        self._nodes: RemoteNodes | None = None
        self._closed = False
        self._failures = 0
        self._last_failure: SandmleError | None = None

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> RemoteSession:
        """Start a session on the node with the fewest; see `Sandbox.open`."""
        for _ in range(_TRIES):
            nodes = self._provided()
            try:
                return nodes.open(public, limits, stateful=stateful)
            except LostError as exc:
                # All nodes went away between the look at them and the session.
                lost = exc
        raise SandboxError(f"no node is left for a session: {lost}")

    def close(self) -> None:
        """End all nodes and their sessions; calling it twice is fine."""
        self._closed = True
        with self._lock:
            nodes, self._nodes = self._nodes, None
        if nodes is not None:
            nodes.close()
        self._end()

    def _provided(self) -> RemoteNodes:
        """Return the nodes, of which at least one was there a moment ago."""
        failures = self._failures
        with self._lock:
            if self._closed:
                raise SandboxError("this sandbox is closed; make a new one")
            if self._last_failure is not None and self._failures != failures:
                # Somebody tried while this call waited; all trying in turn would take for ever.
                raise type(self._last_failure)(str(self._last_failure))
            if self._nodes is None:
                self._nodes = RemoteNodes(self._settings, address=self._address)
            try:
                self._provide(self._nodes)
            except SandmleError as exc:
                self._failures += 1
                self._last_failure = exc
                raise
            return self._nodes

    @abstractmethod
    def _provide(self, nodes: RemoteNodes) -> None:
        """Launch what is missing, and return when at least one node is there."""

    @abstractmethod
    def _end(self) -> None:
        """End what was launched."""


class Launch:
    """A command that starts nodes, and ends when this process does.

    Args:
        command: The command.
        token: What it reads from its standard input.
        environment: Its whole environment.
        when_ended: Called from a thread of its own when it has ended.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        token: bytes,
        environment: Mapping[str, str],
        when_ended: Callable[[], None],
    ) -> None:
        self.started = time.monotonic()
        """When, by the monotonic clock."""
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed by end()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", str(_remote_leash.__file__), *command],
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=self._said,
            env=dict(environment),
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        self._input = self._process.stdin
        if self._input is not None:
            with contextlib.suppress(BrokenPipeError):
                self._input.write(token)
        self._when_ended = when_ended
        self._waiting = threading.Thread(target=self._wait, daemon=True)
        self._waiting.start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._waiting.is_alive()

    @property
    def said(self) -> str:
        """The last words of the command and of what it started."""
        fd = self._said.fileno()
        size = os.fstat(fd).st_size
        # Not by seeking: the place in the file is shared with those who write.
        return (
            os.pread(fd, _SAID_BYTES, max(0, size - _SAID_BYTES)).decode(errors="replace").strip()
        )

    def end(self) -> None:
        """End it; calling it twice is fine."""
        if self._input is not None:
            self._input.close()
        self._waiting.join(_END_SECONDS)
        if self._waiting.is_alive():
            self._process.kill()
            self._waiting.join()
        self._said.close()

    def _wait(self) -> None:
        self._process.wait()
        self._when_ended()


def import_path() -> dict[str, str]:
    """Return the variable by which an interpreter finds this sandmle where it is not installed."""
    root = Path(__file__).resolve().parents[2]
    installed = root.name in ("site-packages", "dist-packages")
    given = [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
    folders = given if installed else [str(root), *given]
    return {"PYTHONPATH": os.pathsep.join(folders)} if folders else {}
