"""The trainer's end of a session on another machine."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

from pydantic import ValidationError

from sandmle.core.errors import SandboxError, SandmleError
from sandmle.core.execution import Execution
from sandmle.core.record import Record
from sandmle.core.task import Limits
from sandmle.sandbox._remote_messages import Close, Done, Read, Run, Write, expect, say
from sandmle.sandbox._remote_wire import MAX_PAYLOAD_BYTES, LostError, Wire
from sandmle.sandbox._session import Closing
from sandmle.sandbox._turns import Turns

_GRACE_SECONDS = 180.0
"""How much longer than a run's wall time its node may take; longer than the node's own patience
with the processes that it starts, whose errors say more."""
_FILE_SECONDS = 120.0
_CLOSE_SECONDS = 20.0
_RESULT_BYTES = 1 << 20
_BYTES_OF_JSON_PER_BYTE = 12
"""Bound of what a byte of stdout and one of stderr can become."""


class RemoteSession(Closing):
    """Asks a node to run, read and write; see `SandboxSession`.

    Args:
        wire: A connection on which the session is open.
        node: The node's name, for messages.
        limits: What the session may use.
        turns: One is taken while code runs.
    """

    def __init__(self, wire: Wire, *, node: str, limits: Limits, turns: Turns) -> None:
        self._wire = wire
        self._node = node
        self._limits = limits
        self._turns = turns
        self._lock = threading.Lock()
        self._closed = False

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code on the node; see `SandboxSession.run`."""
        wall_seconds = self._limits.step_seconds if timeout_seconds is None else timeout_seconds
        start = time.monotonic()
        with self._alone(), self._turns.one():
            waited = time.monotonic() - start
            _, payload = self._ask(
                Run(timeout_seconds=wall_seconds),
                code.encode(errors="replace"),
                seconds=wall_seconds + _GRACE_SECONDS,
                max_payload=_RESULT_BYTES + _BYTES_OF_JSON_PER_BYTE * self._limits.output_bytes,
            )
            try:
                execution = Execution.model_validate_json(payload)
            except ValidationError as exc:
                self._wire.hang_up()
                raise SandboxError(f"{self._node} sent something else than a result") from exc
        return execution.model_copy(update={"queue_seconds": execution.queue_seconds + waited})

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Return a regular file of the work directory; see `SandboxSession.read`."""
        with self._alone():
            done, payload = self._ask(
                Read(path=path, max_bytes=max_bytes),
                seconds=_FILE_SECONDS,
                max_payload=min(max_bytes, MAX_PAYLOAD_BYTES),
            )
        return payload if done.found else None

    def write(self, path: str, data: bytes) -> None:
        """Put a file into the work directory; see `SandboxSession.write`."""
        with self._alone():
            self._ask(Write(path=path), data, seconds=_FILE_SECONDS)

    def close(self) -> None:
        """End the session on the node, and what runs in it; calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        if not self._lock.acquire(blocking=False):
            # The thread that is in there wakes up, finds the session closed and clears up.
            self._wire.hang_up()
            return
        try:
            with contextlib.suppress(LostError):
                say(self._wire, Close(), seconds=_CLOSE_SECONDS)
                self._wire.receive(seconds=_CLOSE_SECONDS)
            self._wire.close()
        finally:
            self._lock.release()

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return self._closed

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            with self._lock:
                if self._closed:
                    raise SandboxError("this session is closed; open a new one")
                yield
        finally:
            if self._closed and self._lock.acquire(blocking=False):
                self._wire.close()
                self._lock.release()

    def _ask(
        self, request: Record, payload: bytes = b"", *, seconds: float, max_payload: int = 0
    ) -> tuple[Done, bytes]:
        """Exchange a request for its answer.

        Raises:
            SandmleError: What the node raised; SandboxError where the node is lost.
        """
        if self._closed:
            raise SandboxError("this session was closed while it waited for a slot")
        try:
            say(self._wire, request, payload, seconds=seconds)
            answer = self._wire.receive(max_payload=max_payload, seconds=seconds)
            return expect(Done, answer, node=self._node), answer.payload
        except SandmleError:
            raise
        except LostError as exc:
            self._wire.hang_up()
            why = "the session was closed meanwhile" if self._closed else f"it {exc}"
            raise SandboxError(f"lost {self._node}: {why}") from exc
        except BaseException:
            # An exchange that Ctrl-C cuts short would leave its answer to the next one.
            self._wire.hang_up()
            raise
