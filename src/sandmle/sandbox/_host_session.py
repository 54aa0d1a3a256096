"""One session in the host: its files, its runs, and between them a stopped interpreter or none."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
from typing import TYPE_CHECKING, Any

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._reply import failure, reply
from sandmle.sandbox._running import Running
from sandmle.sandbox._watch import Bounds, LifelineLostError

if TYPE_CHECKING:
    from sandmle.sandbox._host import Host

_OWN_TASKS = 1
"""The first process of a run's namespace."""


class HostSession:
    """Serves one session over its socket.

    Args:
        host: What it shares with others.
        sock: To the trainer's side.
    """

    def __init__(self, host: Host, sock: socket.socket) -> None:
        self._host = host
        self._sock = sock
        self._limits: dict[str, Any] = {}
        self._kept: Running | None = None
        """The interpreter of a stateful session."""

    def serve(self) -> None:
        """Open the session, serve its runs, and close it.

        Raises:
            EOFError: When the socket was closed.
        """
        opening = receive(self._sock)
        self._limits = opening.head
        try:
            self._storage = self._host.storage(opening.head, opening.payload)
        except SetupError as exc:
            send(self._sock, Frame({"error": str(exc)}))
            return
        try:
            send(self._sock, Frame({}, descriptors=(self._storage.root,)))
            with contextlib.suppress(LifelineLostError):
                while True:
                    send(self._sock, self._answer(receive(self._sock)))
        finally:
            self._drop()
            self._storage.close()

    def _answer(self, job: Frame) -> Frame:
        captures = (Capture(job.head["keep_bytes"]), Capture(job.head["keep_bytes"]))
        try:
            return self._run(job, captures)
        except (SetupError, EOFError, TimeoutError, ConnectionError) as exc:
            self._drop()
            said = str(exc) or "the fork server died while it ran the code"
            answer = failure(said, captures)
            answer.head["usable"] = True
            return answer
        except BaseException:
            self._drop()
            raise

    def _run(self, job: Frame, captures: tuple[Capture, Capture]) -> Frame:
        running = self._kept
        tree = None
        if running is None:
            child = self._host.child_for(job.payload)
            running = Running(
                child,
                self._limits,
                count=self._host.settings["count"],
                errors=self._host.errors,
            )
            self._kept = running
            tree = self._storage.tree()
        running.start(job.payload, captures, tree=tree)
        for capture in captures:
            capture.close_write_end()
        bounds = Bounds(
            wall_seconds=job.head["wall_seconds"],
            memory_mib=self._limits["memory_mib"],
            processes=self._limits["processes"] + _OWN_TASKS,
        )
        seen = running.watch(
            bounds, captures, lifeline=self._sock.fileno(), overfull=self._storage.overfull
        )
        exit_code, spent = running.end(killed=seen.killed_by is not None)
        audit = running.audit()
        if running.out_of_memory():
            seen = dataclasses.replace(seen, killed_by="memory")
        if self._storage.settle() and seen.killed_by is None:
            seen = dataclasses.replace(seen, killed_by="disk")
        if not running.alive:
            self._kept = None
            self._host.bury(running)
        answer = reply(exit_code, seen=seen, spent=spent, captures=captures)
        answer.head["audit"] = audit
        return answer

    def _drop(self) -> None:
        running, self._kept = self._kept, None
        if running is not None:
            running.close()
