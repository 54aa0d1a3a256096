"""The process that holds one `cold` session: its private mounts, and each of its runs in turn.

What it mounts is seen by nobody else and is gone when it ends, however it ends. As root it gives
each run up to an unprivileged user for good; otherwise it is root of a user namespace of its own.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Any

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._bubblewrap import OWN_TASKS, BubblewrapRun, Recipe
from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox._reply import failure, reply
from sandmle.sandbox._stage import INPUT, PREFIXES, SCRATCH, STAGE, WORK
from sandmle.sandbox._staging import enter_stage, make_like, place_files
from sandmle.sandbox._watch import Bounds, LifelineLostError, kill_and_wait, watch


def main() -> None:
    """Prepare the session that the first message describes, then serve its runs."""
    sock = socket.socket(fileno=0)
    settings = receive(sock)
    try:
        session = _Session(settings.head, settings.payload)
    except mounts.SetupError as exc:
        send(sock, Frame({"error": str(exc)}))
        return
    work = os.open(WORK, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    send(sock, Frame({}, descriptors=(work,)))
    os.close(work)
    with contextlib.suppress(EOFError, LifelineLostError):
        while True:
            send(sock, session.run(receive(sock), sock))


class _Session:
    """Private mounts, and how to run code in them."""

    def __init__(self, head: dict[str, Any], contents: bytes) -> None:
        self._binds = [Path(place) for place in head["binds"]]
        mounts.become_subreaper()
        self._user = enter_stage(head["binds"])
        self._disk_mib: int = head["disk_mib"]
        self._processes: int = head["processes"]
        self._recipe = Recipe(
            bwrap=head["bwrap"],
            arguments=tuple(head["arguments"]),
            command=tuple(head["command"]),
            memory_mib=head["memory_mib"],
            disk_mib=self._disk_mib,
            processes=self._processes if head["count_processes"] else None,
            gpus=head["gpus"],
            user=self._user,
        )
        place_files(INPUT, head["files"], contents)
        for place in (WORK, SCRATCH):
            place.mkdir()
            self._mount_limited(place)
        (WORK / INPUT.name).mkdir()

    def run(self, job: Frame, sock: socket.socket) -> Frame:
        """Run one script and return what came of it."""
        self._renew_scratch()
        # A script may have closed its own work directory; the next run must get in.
        WORK.chmod(0o755)
        keep = job.head["keep_bytes"]
        captures = (Capture(keep), Capture(keep))
        run = BubblewrapRun(self._recipe, job.payload, captures)
        try:
            init = run.wait_for_init()
        except mounts.SetupError as exc:
            return failure(str(exc), captures)
        pidfd = os.pidfd_open(init)
        run.release()
        bounds = Bounds(
            wall_seconds=job.head["wall_seconds"],
            memory_mib=self._recipe.memory_mib,
            processes=self._processes + OWN_TASKS,
        )
        try:
            seen = watch(
                run.ended,
                captures,
                bounds=bounds,
                processes=lambda: tree(init),
                lifeline=sock.fileno(),
            )
        finally:
            # When the first process of a namespace is dead, so are all of them.
            kill_and_wait(pidfd)
            os.close(pidfd)
        spent = run.reap()
        exit_code = run.exit_code()
        if exit_code is None and seen.killed_by is None:
            return failure("bubblewrap ended without running the code", captures)
        return reply(exit_code, seen=seen, spent=spent, captures=captures)

    def _renew_scratch(self) -> None:
        mounts.unmount(SCRATCH)
        self._mount_limited(SCRATCH)
        for name in ("tmp", "shm"):
            (SCRATCH / name).mkdir()
            (SCRATCH / name).chmod(0o1777)
        # An interpreter may live below /tmp; the way to it is laid here, before code can.
        for number, place in enumerate(self._binds):
            if place.is_relative_to(STAGE):
                mounted = SCRATCH / "tmp" / place.relative_to(STAGE)
                make_like(PREFIXES / str(number), mounted)

    def _mount_limited(self, place: Path) -> None:
        mounts.mount_tmpfs(place, mode=0o755, owner=self._user, mib=self._disk_mib)
