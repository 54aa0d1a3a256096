"""The fork server of `warm`: imports the scientific stack once and forks a child per run.

Runs inside bubblewrap, in user, process and mount namespaces of its own, with no environment, no
task and no way out but one socket. It has one thread, and agents' code runs in its children only.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import select
import signal
import socket
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._child import become_run, rehearse_run
from sandmle.sandbox._hot_pages import Region, unpack, writable_regions
from sandmle.sandbox._packets import Packet, receive_packet, send_packet
from sandmle.sandbox._preload import preload, threads
from sandmle.sandbox._script import own_modules

_IGNORING = ("/usr/bin/env", "--ignore-signal=CHLD")
_SLEEP = ("/usr/bin/sleep", "infinity")


def main(descriptor: int) -> None:
    """Serve until the socket closes."""
    control = socket.socket(fileno=descriptor)
    settings = receive_packet(control).head
    try:
        _enter_namespaces()
    except mounts.SetupError as exc:
        send_packet(control, Packet({"error": str(exc)}))
        return
    # Process ids are for children: the real server is the first process of its own namespace, so
    # that all its children die with it.
    server = os.fork()
    if server:
        control.close()
        os.waitpid(server, 0)
        os._exit(0)
    if import_all(control, settings, rehearse=rehearse_run):
        with contextlib.suppress(EOFError):
            _Server(control, settings).serve()


def import_all(
    control: socket.socket, settings: dict[str, Any], *, rehearse: Callable[..., NoReturn]
) -> bool:
    """Import what scripts want, so that it can be forked; tell the host, and say whether it can.

    Args:
        control: To the host.
        settings: Those of the host; what a child has to know of the imports is added.
        rehearse: Goes, in a child, through the motions of a run; see `rehearse_run`.
    """
    imported = preload(settings["preload"])
    if (count := threads()) != 1:
        what = f"the fork server has {count} threads after its imports; forking it could hang"
        send_packet(control, Packet({"error": what}))
        return False
    settings["own"] = own_modules()
    gc.collect()
    gc.freeze()
    try:
        settings["hot"] = _hot_pages(imported, settings, rehearse)
    except mounts.SetupError as exc:
        send_packet(control, Packet({"error": str(exc)}))
        return False
    send_packet(control, Packet({"imported": imported}))
    return True


def _enter_namespaces() -> None:
    mounts.enter_user_namespace(
        also=mounts.NEW_PIDS | mounts.NEW_MOUNTS, user=os.getuid(), group=os.getgid()
    )
    mounts.make_private()


def _hot_pages(
    imported: list[str], settings: dict[str, Any], rehearse: Callable[..., NoReturn]
) -> list[Region]:
    """Let a child go through the motions of a run, and return the pages that it wrote to.

    Raises:
        SetupError: If it did not get through.
    """
    regions = writable_regions()
    told = os.memfd_create("pages", os.MFD_CLOEXEC)
    child = os.fork()
    if child == 0:
        rehearse(told, regions, imported, settings)
    _, status = os.waitpid(child, 0)
    content = os.pread(told, os.fstat(told).st_size, 0)
    os.close(told)
    if status:
        raise mounts.SetupError(content.decode(errors="replace"))
    return unpack(content)


class _Server:
    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._settings = settings
        self._own_processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._init = _first_process()
        self._runs: dict[int, _Run] = {}
        """By process id of the main process."""
        self._woken, wake = os.pipe()
        for fd in (self._woken, wake):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)

    def serve(self) -> NoReturn:
        """Fork a child for each request and tell what became of it.

        Raises:
            EOFError: When the host is gone.
        """
        poll = select.poll()
        for fd in (self._control.fileno(), self._woken):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._woken:
                    os.read(fd, 4096)
                    self._reap()
                else:
                    self._spawn(receive_packet(self._control).descriptors[0])

    def _spawn(self, descriptor: int) -> None:
        """Fork a child that talks over `descriptor`; it has a process namespace of its own."""
        channel = socket.socket(fileno=descriptor)
        mounts.unshare(mounts.NEW_PIDS)
        # The first process of a namespace takes no signal that it does not expect; a script does.
        init = os.posix_spawn(self._init[0], self._init, {})
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._control.close()
            become_run(channel, self._settings)
        mounts.join_namespace(self._own_processes, mounts.NEW_PIDS)
        self._runs[pid] = _Run(init, channel)
        ends = os.pidfd_open(pid), os.pidfd_open(init)
        # The host may be gone from this channel already.
        with contextlib.suppress(OSError):
            send_packet(channel, Packet({"forked": True}, ends))
        for fd in ends:
            os.close(fd)

    def _reap(self) -> None:
        """Wait for all that is dead: main processes, first processes, and whatever else."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                run = self._runs.pop(pid, None)
                if run is not None:
                    run.tell(status, usage)


def _first_process() -> tuple[str, ...]:
    """Return the command of the first process of each run's namespace.

    It ignores the end of children, so that the kernel buries those whose parents are dead; where
    `env` is too old for that (coreutils before 8.31), they count as processes until the run ends.
    """
    test = os.posix_spawn(_IGNORING[0], (*_IGNORING, *_SLEEP[:1], "0"), {})
    works = os.waitpid(test, 0)[1] == 0
    return (*_IGNORING, *_SLEEP) if works else _SLEEP


class _Run(NamedTuple):
    init: int
    channel: socket.socket

    def tell(self, status: int, usage: resource.struct_rusage) -> None:
        """Kill what is left of the run, and tell the host how it ended."""
        # Without its first process, all of a namespace's processes die.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.init, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        told = {
            "exit_code": code if code >= 0 else 128 - code,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "peak_mib": usage.ru_maxrss / 1024,
        }
        # Code that filled a channel to the host must not keep the server waiting.
        with contextlib.suppress(OSError):
            send_packet(self.channel, Packet(told), wait=False)
        self.channel.close()
