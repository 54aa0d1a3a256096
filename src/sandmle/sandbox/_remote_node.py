"""The trainer's view of one node: its control connection and the sessions that live on it."""

from __future__ import annotations

import queue
import secrets
import threading
from collections.abc import Mapping

from sandmle.core.errors import SandboxError
from sandmle.core.task import Limits
from sandmle.sandbox._remote_messages import Done, Open, SessionWanted, expect, say
from sandmle.sandbox._remote_session import RemoteSession
from sandmle.sandbox._remote_wire import LostError, Wire
from sandmle.sandbox._turns import Turns

_CONNECT_SECONDS = 60.0
_OPEN_SECONDS = 300.0


class Node:
    """A host that has said hello.

    Args:
        control: The connection that it opened first; it is lost with that.
        name: What it is called.
        launch: Number of the launch that started it.
        slots: How many runs go on at once there.
    """

    def __init__(self, control: Wire, *, name: str, launch: int, slots: int) -> None:
        self.name = name
        self.launch = launch
        self.slots = slots
        self.lost = ""
        """Why it is lost; empty while it is not."""
        self._turns = Turns(slots)
        self._control = control
        self._lock = threading.Lock()
        self._wires: list[Wire] = []
        self._sessions: list[RemoteSession] = []
        self._waiting: dict[int, queue.SimpleQueue[Wire | None]] = {}

    @property
    def load(self) -> float:
        """Open sessions per slot."""
        return sum(not wire.closed for wire in list(self._wires)) / self.slots

    def open(self, files: Mapping[str, bytes], limits: Limits, *, stateful: bool) -> RemoteSession:
        """Start a session.

        Raises:
            LostError: If the node went away over it.
            SandmleError: What opening it raised on the node.
        """
        wire = self._connect()
        sizes = tuple((path, len(content)) for path, content in files.items())
        opening = Open(limits=limits, stateful=stateful, files=sizes)
        try:
            say(wire, opening, b"".join(files.values()), seconds=_OPEN_SECONDS)
            expect(Done, wire.receive(seconds=_OPEN_SECONDS), node=self.name)
        except BaseException:
            wire.close()
            raise
        session = RemoteSession(wire, node=self.name, limits=limits, turns=self._turns)
        with self._lock:
            self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def close(self) -> None:
        """Drop the node and close its sessions."""
        self.drop("the sandbox was closed")
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    def deliver(self, number: int, wire: Wire) -> bool:
        """Take the connection for session `number`, if this node was asked for it."""
        with self._lock:
            waiting = self._waiting.pop(number, None)
            if waiting is None:
                return False
            self._wires = [*(other for other in self._wires if not other.closed), wire]
            waiting.put(wire)
            return True

    def watch(self) -> None:
        """Return when the node is gone, or breaks its silence, which it should not."""
        try:
            self._control.receive()
            self.drop("spoke out of turn")
        except LostError as exc:
            self.drop(str(exc))
        self._control.close()

    def drop(self, why: str) -> None:
        """Count the node as lost; its sessions fail at once. The first reason stays."""
        with self._lock:
            self.lost = self.lost or why
            waiting, self._waiting = self._waiting, {}
            wires, self._wires = self._wires, []
        self._control.hang_up()
        for place in waiting.values():
            place.put(None)
        for wire in wires:
            wire.hang_up()

    def _connect(self) -> Wire:
        number = secrets.randbits(62)
        place: queue.SimpleQueue[Wire | None] = queue.SimpleQueue()
        with self._lock:
            if self.lost:
                raise LostError(self.lost)
            self._waiting[number] = place
            say(self._control, SessionWanted(number=number), seconds=_CONNECT_SECONDS)
        try:
            wire = place.get(timeout=_CONNECT_SECONDS)
        except queue.Empty:
            with self._lock:
                late = self._waiting.pop(number, None) is None
            if not late:
                raise SandboxError(
                    f"{self.name} opened no connection for a session within "
                    f"{_CONNECT_SECONDS:.0f} s"
                ) from None
            # It came, or the node was lost, between the two.
            wire = place.get()
        if wire is None:
            raise LostError(self.lost)
        return wire
