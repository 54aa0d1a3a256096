"""The process behind a `warm` sandbox: its fork servers and sessions.

It has what is private about them: mounts, control groups and the rights to make both. It has no
answer, no key and no environment. Each session has a socket and a thread; a socket that closes ends
its session, and when the first one closes all ends.
"""

from __future__ import annotations

import contextlib
import itertools
import queue
import re
import socket
import threading
from pathlib import Path
from typing import Any

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._cgroups import Groups
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._host_session import HostSession
from sandmle.sandbox._limits import allow_open_files
from sandmle.sandbox._pool import Pool
from sandmle.sandbox._preload import SCIENTIFIC, TABLES, TORCH
from sandmle.sandbox._running import Running
from sandmle.sandbox._seccomp import notified_errors
from sandmle.sandbox._servers import Child, Command
from sandmle.sandbox._stage import PREFIXES, SCRATCH, STAGE
from sandmle.sandbox._staging import enter_stage, make_like
from sandmle.sandbox._storage import SessionFiles, Storage

_SLOTS_PER_SERVER = 8
_KINDS = {
    TORCH: re.compile(rb"^[ \t]*(?:import|from)[ \t]+(?:torch\w*|transformers|timm)\b", re.M),
    SCIENTIFIC: re.compile(rb"^[ \t]*(?:import|from)[ \t]+(?:sklearn|scipy|lightgbm)\b", re.M),
    TABLES: re.compile(rb""),
}
"""What a fork server imports, by the scripts for which it does. Scripts are only searched: parsing
code that is not trusted would be a risk for nothing."""
_IN_ADVANCE = (TABLES, SCIENTIFIC)
"""The servers that are started before a script asks for them."""
_SESSIONS = STAGE / "sessions"


def main() -> None:
    """Serve sessions whose runs have namespaces of their own."""
    serve_sessions(Host)


def serve_sessions(kind: type[Host]) -> None:
    """Prepare what the first message describes, then serve the sessions that come.

    Args:
        kind: What prepares it.
    """
    allow_open_files()
    sock = socket.socket(fileno=0)
    settings = receive(sock)
    try:
        host = kind(settings.head)
    except mounts.SetupError as exc:
        send(sock, Frame({"error": str(exc)}))
        return
    send(sock, Frame({}))
    try:
        with contextlib.suppress(EOFError):
            while True:
                (descriptor,) = receive(sock).descriptors
                threading.Thread(target=host.serve, args=(descriptor,), daemon=True).start()
    finally:
        host.close()


class Host:
    """What the sessions share.

    Args:
        head: Settings, see `warm.py`.

    Raises:
        SetupError: If the kernel refuses what isolation needs.
    """

    def __init__(self, head: dict[str, Any]) -> None:
        self.settings = head
        self.errors = notified_errors()
        """Name and error of each call that the filter of a run asks about."""
        self.user = self._enter()
        self._numbers = itertools.count()
        self._groups = Groups.find()
        self._group_numbers = itertools.count()
        self._free_groups: list[int] = []
        self._bundle = head["bundle"].encode()
        self._lock = threading.Lock()
        self._dead: queue.SimpleQueue[Running] = queue.SimpleQueue()
        threading.Thread(target=self._bury, daemon=True).start()
        self._pools: dict[tuple[str, ...], Pool] = {}
        only = head["preload"]
        self._kinds = _KINDS if only is None else {tuple(only): re.compile(rb"")}
        for kind in _IN_ADVANCE if only is None else self._kinds:
            self._pool(kind)

    def serve(self, descriptor: int) -> None:
        """Serve one session until its socket closes."""
        with socket.socket(fileno=descriptor) as sock, contextlib.suppress(EOFError, OSError):
            HostSession(self, sock).serve()

    def storage(self, head: dict[str, Any], contents: bytes) -> SessionFiles:
        """Make the files of a new session.

        Raises:
            SetupError: If the kernel refuses.
        """
        return Storage(
            _SESSIONS / str(next(self._numbers)),
            files=head["files"],
            contents=contents,
            disk_mib=head["disk_mib"],
            owner=self.user,
            input_name=self.settings["input"],
        )

    def child_for(self, script: bytes) -> Child:
        """Return a child that has imported what the script is likely to want, where there is one.

        Raises:
            SetupError: If none can be made.
        """
        kind = next(kind for kind, uses in self._kinds.items() if uses.search(script))
        pool = self._pool(kind)
        if kind == TORCH and not pool.up.is_set():
            # Importing it alone takes as long as waiting for a server to do so.
            pool = self._pool(SCIENTIFIC)
        return pool.take()

    def bury(self, running: Running) -> None:
        """Let go of a run whose processes are dead; the kernel's share of that takes its time."""
        self._dead.put(running)

    def close(self) -> None:
        """End the fork servers and remove the control groups."""
        for pool in self._pools.values():
            pool.close()
        if self._groups is not None:
            self._groups.close()

    def _pool(self, preload: tuple[str, ...]) -> Pool:
        """Return the fork servers that import `preload`; they are started when first asked for."""
        slots: int = self.settings["slots"]
        servers = -(-slots // _SLOTS_PER_SERVER)
        with self._lock:
            if preload not in self._pools:
                command = Command(
                    words=tuple(self.settings["words"]),
                    bundle=self._bundle,
                    settings={**self.settings["zygote"], "preload": preload},
                    user=self.user,
                    runs=self.settings["runs"],
                    ends_itself=self.settings.get("ends_itself", False),
                )
                self._pools[preload] = Pool(
                    command,
                    ahead=self.settings.get("ahead", slots),
                    servers=servers,
                    prepare=self._prepare,
                )
            return self._pools[preload]

    def _prepare(self, child: Child) -> None:
        """Put a child into a control group of its own, which later children use again."""
        if self._groups is None:
            return
        with self._lock:
            number = self._free_groups.pop() if self._free_groups else next(self._group_numbers)
            child.group = self._groups.slot(number)
        child.on_close = lambda: self._free_groups.append(number)
        child.charged_mib = child.group.charged_mib()
        child.oom_kills_before = child.group.oom_kills()
        for pid in child.pids():
            child.group.add(pid)

    def _enter(self) -> int | None:
        """Prepare this process, and return the user to give fork servers up to."""
        binds: list[str] = self.settings["binds"]
        user = enter_stage(binds)
        _SESSIONS.mkdir()
        for name in ("tmp", "shm"):
            (SCRATCH / name).mkdir(parents=True)
            (SCRATCH / name).chmod(0o1777)
        for number, place in enumerate(map(Path, binds)):
            if place.is_relative_to(STAGE):
                make_like(PREFIXES / str(number), SCRATCH / "tmp" / place.relative_to(STAGE))
        return user

    def _bury(self) -> None:
        while True:
            self._dead.get().close()
