"""Children that wait for a run, made before they are asked for.

A fork server that dies, hangs, or has served long enough is replaced; who asks for a child does not
notice, unless no server comes up at all.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable

from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._servers import Child, Command, ForkServer

_PAUSES_SECONDS = (0.0, 0.2, 1.0, 5.0)
"""Before each further attempt at starting a server that does not come up."""
_LOOK_SECONDS = 0.2


class Pool:
    """Children of one kind of fork server, made before they are asked for.

    Args:
        command: How the servers are started.
        ahead: How many children wait for a run; with none, each is made when a run asks for it.
        servers: How many servers fork side by side.
        prepare: Called with each new child, off the way of any run.
    """

    def __init__(
        self,
        command: Command,
        *,
        ahead: int,
        servers: int = 1,
        prepare: Callable[[Child], None] = lambda child: None,
    ) -> None:
        self._command = command
        self._room = threading.Semaphore(ahead)
        """A place for each child that is still to be made."""
        self._prepare = prepare
        self._waiting: queue.SimpleQueue[Child] = queue.SimpleQueue()
        self._failure: str | None = None
        self._closing = threading.Event()
        self.up = threading.Event()
        """Set once a server has imported what it is to import."""
        self._keepers = [threading.Thread(target=self._keep, daemon=True) for _ in range(servers)]
        for keeper in self._keepers:
            keeper.start()

    def take(self) -> Child:
        """Return a child that waits for its run; wait for one where there is none.

        Raises:
            SetupError: If none can be made.
        """
        self._room.release()
        while True:
            try:
                child = self._waiting.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                if self._failure is None:
                    continue
                self._room.acquire(blocking=False)
                raise SetupError(self._failure) from None
            if child.waits:
                return child
            child.close()
            self._room.release()

    def close(self) -> None:
        """Make no more children, and end those that wait."""
        self._failure = "the sandbox is closed"
        self._closing.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self._waiting.get_nowait().close()
        for _ in self._keepers:
            self._room.release()

    def _keep(self) -> None:
        """Keep one server up; the thread that starts a server must live as long as it does."""
        pauses = iter(_PAUSES_SECONDS)
        while not self._closing.is_set():
            try:
                self._serve()
                pauses = iter(_PAUSES_SECONDS)
            except SetupError as exc:
                self._failure = self._failure or str(exc)
                self._closing.wait(next(pauses, _PAUSES_SECONDS[-1]))

    def _serve(self) -> None:
        """Fork from one server, and from its successors when it is worn, until one dies."""
        server, successor = ForkServer(self._command), None
        try:
            server.wait_until_up()
            self.up.set()
            while self._room.acquire() and not self._closing.is_set():
                if server.worn and successor is None:
                    successor = ForkServer(self._command)
                if successor is not None and successor.wait_until_up(0):
                    server.retire()
                    server, successor = successor, None
                self._waiting.put(self._child_of(server))
                self._failure = None
        except (EOFError, TimeoutError):
            server.close()
        finally:
            server.retire()
            if successor is not None:
                successor.close()

    def _child_of(self, server: ForkServer) -> Child:
        child = None
        try:
            child = server.fork()
            self._prepare(child)
        except BaseException:
            self._room.release()
            if child is not None:
                child.close()
            raise
        return child
