"""Sandboxes on other machines: nodes connect to the trainer, which spreads its sessions over them.

Stops and does not stop: what the backend on the nodes does. Peers that do not know the token are
turned away before anything that they say is looked at.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandmle.core.errors import SandboxError, SandmleError, UsageError
from sandmle.core.task import Limits
from sandmle.sandbox._files import public_files
from sandmle.sandbox._remote_address import own_addresses
from sandmle.sandbox._remote_messages import Hello, Introduction, Settings, expect, say
from sandmle.sandbox._remote_node import Node
from sandmle.sandbox._remote_session import RemoteSession
from sandmle.sandbox._remote_wire import MAX_PAYLOAD_BYTES, TOKEN_BYTES, LostError, Wire, greet
from sandmle.sandbox._session import Closing
from sandmle.version import __version__

BACKEND = "warm"
"""What a node runs where nothing else is asked for."""

_HELLO_SECONDS = 600.0
_LOOK_SECONDS = 0.1
_MAX_STRANGERS = 128
"""Connections that may be in the middle of proving themselves."""


class RemoteNodes(Closing):
    """Listens for nodes, and opens sessions on them.

    Args:
        settings: The sandbox that every node makes.
        address: Name or IPv4 address of this machine by which nodes reach it; nothing else is
            listened on. By default all of them.

    Raises:
        UsageError: If `address` is not this machine's.
    """

    def __init__(self, settings: Settings, *, address: str | None = None) -> None:
        self._settings = settings
        self._token = secrets.token_bytes(TOKEN_BYTES)
        addresses = [address] if address else own_addresses()
        bound = addresses[0] if len(addresses) == 1 else ""
        try:
            self._listener = socket.create_server((bound, 0), backlog=512)
        except OSError as exc:
            raise UsageError(
                f"cannot listen on {bound!r}: {exc}; give a name or IPv4 address of this machine"
            ) from exc
        port = self._listener.getsockname()[1]
        self.reachable = tuple(f"{place}:{port}" for place in addresses)
        """Where nodes connect to: the first of these that leads here."""
        self._changed = threading.Condition()
        self._nodes: list[Node] = []
        self._faults: dict[int, SandmleError] = {}
        self._strangers: dict[int, socket.socket] = {}
        self._closed = False
        threading.Thread(target=self._accept, name="sandmle-nodes", daemon=True).start()

    @property
    def token(self) -> bytes:
        """The line that a node reads from its standard input."""
        return self._token.hex().encode() + b"\n"

    def command(self, python: Path, *, launch: int) -> list[str]:
        """Return how to start a node.

        Args:
            python: An interpreter that has sandmle, on the node.
            launch: A number by which to drop all nodes that are started so.
        """
        # -P: a file in the current directory must not pass for a module.
        words = [str(python), "-P", "-m", "sandmle.sandbox._node", "--launch", str(launch)]
        return words + [word for place in self.reachable for word in ("--connect", place)]

    @property
    def alive(self) -> list[Node]:
        """The nodes that take sessions."""
        with self._changed:
            return [node for node in self._nodes if not node.lost]

    def has_joined(self, launch: int) -> bool:
        """Whether a node of this launch has ever been there."""
        with self._changed:
            return any(node.launch == launch for node in self._nodes)

    def wait(
        self, count: int, *, launch: int, seconds: float, ended: Callable[[], str | None]
    ) -> None:
        """Return when `count` nodes of a launch are there.

        Args:
            count: How many.
            launch: The launch's number.
            seconds: How long to wait.
            ended: Says why no more will come; None while more may.

        Raises:
            SandmleError: If one could not make its sandbox, with its own words.
            TimeoutError: If too few came in time.
            SandboxError: If no more will come.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while sum(node.launch == launch and not node.lost for node in self._nodes) < count:
                if launch in self._faults:
                    raise self._faults[launch]
                why = ended()
                if why is not None:
                    raise SandboxError(why)
                if time.monotonic() > deadline:
                    raise TimeoutError
                self._changed.wait(_LOOK_SECONDS)

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool
    ) -> RemoteSession:
        """Start a session on the node with the fewest sessions per slot.

        Raises:
            LostError: If there is no node.
            SandmleError: What opening it raised on the node.
            UsageError: If the files are too large to be sent.
        """
        files = {
            path: content.read_bytes() if isinstance(content, Path) else content
            for path, content in public_files(public).items()
        }
        total = sum(map(len, files.values()))
        if total > MAX_PAYLOAD_BYTES:
            raise UsageError(
                f"the public files have {total:,} bytes; at most {MAX_PAYLOAD_BYTES:,} "
                "are sent to another machine"
            )
        lost = "no node is connected"
        while nodes := self.alive:
            node = min(nodes, key=lambda node: node.load)
            try:
                return node.open(files, limits, stateful=stateful)
            except LostError as exc:
                node.drop(str(exc))
                lost = f"lost {node.name}: it {exc}"
        raise LostError(lost)

    def drop(self, why: str, *, launch: int | None = None) -> None:
        """Count the nodes of a launch, or all, as lost; they end by themselves."""
        for node in self.alive:
            if launch in (None, node.launch):
                node.drop(why)

    def close(self) -> None:
        """Drop all nodes and listen no more; calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        with self._changed:
            nodes, self._nodes = self._nodes, []
        for node in nodes:
            node.close()
        # Closing alone would leave the thread in accept().
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                # Too many open files, or a peer that left at once; or closed.
                time.sleep(0.05)
                continue
            self._admit(sock)
            threading.Thread(target=self._welcome, args=(sock,), daemon=True).start()

    def _admit(self, sock: socket.socket) -> None:
        """Count a stranger; of too many the oldest goes, since a node is one for a moment only."""
        with self._changed:
            if len(self._strangers) >= _MAX_STRANGERS:
                oldest = self._strangers.pop(next(iter(self._strangers)))
                with contextlib.suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            self._strangers[id(sock)] = sock

    def _welcome(self, sock: socket.socket) -> None:
        try:
            wire = greet(sock, self._token)
        except LostError:
            sock.close()
            return
        finally:
            with self._changed:
                self._strangers.pop(id(sock), None)
        try:
            who = expect(Introduction, wire.receive(seconds=_HELLO_SECONDS), node="a node")
            if who.role == "node":
                self._join(wire, who)
            elif not any(node.deliver(who.number, wire) for node in self.alive):
                wire.close()
        except (LostError, SandmleError):
            wire.close()

    def _join(self, wire: Wire, who: Introduction) -> None:
        """Let a node make its sandbox, and watch over it until it is gone."""
        try:
            if who.version != __version__:
                raise UsageError(
                    f"{who.node} has sandmle {who.version}, this machine {__version__}; "
                    "install the same version on both"
                )
            say(wire, self._settings)
            hello = expect(Hello, wire.receive(seconds=_HELLO_SECONDS), node=who.node)
        except SandmleError as exc:
            with self._changed:
                self._faults[who.number] = exc
                self._changed.notify_all()
            raise
        node = Node(wire, name=who.node, launch=who.number, slots=hello.slots)
        with self._changed:
            if self._closed:
                raise LostError("came too late")
            self._nodes.append(node)
            self._changed.notify_all()
        node.watch()
