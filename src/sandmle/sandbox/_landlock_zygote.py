"""The fork server of `landlock`: as that of `warm`, without namespaces.

It can read the interpreter and its packages and write to the sessions' folder, no more; see
`_landlock_launch`. Each run is a process group. Who is killed with it is waited for here, so that
nothing is left when the host hears of the end.

Stops: processes that outlive their run. Does not stop: processes of a run at the moment in which
host and fork server are killed at once; only the run's main process dies with them.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
from typing import Any, NamedTuple

from sandmle.sandbox._landlock_child import become_run, rehearse_run
from sandmle.sandbox._mounts import become_subreaper
from sandmle.sandbox._packets import Packet, receive_packet, send_packet
from sandmle.sandbox._zygote import import_all


def main(descriptor: int) -> None:
    """Serve until the socket closes."""
    control = socket.socket(fileno=descriptor)
    settings = receive_packet(control).head
    become_subreaper()
    if import_all(control, settings, rehearse=rehearse_run):
        with contextlib.suppress(EOFError):
            _Server(control, settings).serve()


class _Run(NamedTuple):
    channel: socket.socket
    gone: int
    """Writing end of a pipe; it is closed when all processes of the run are dead."""
    used: list[resource.struct_rusage]
    """By processes that are dead, for the others of the run had lost them."""


class _Server:
    def __init__(self, control: socket.socket, settings: dict[str, Any]) -> None:
        self._control = control
        self._settings = settings
        self._runs: dict[int, _Run] = {}
        """By process id of the main process, which is that of the group."""
        self._woken, wake = os.pipe()
        for fd in (self._woken, wake):
            os.set_blocking(fd, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake)

    def serve(self) -> None:
        """Fork a child for each request and tell what became of it.

        Raises:
            EOFError: When the host is gone; no run is left then.
        """
        poll = select.poll()
        for fd in (self._control.fileno(), self._woken):
            poll.register(fd, select.POLLIN)
        try:
            while True:
                for fd, _ in poll.poll():
                    if fd == self._woken:
                        os.read(fd, 4096)
                        self._reap()
                    else:
                        self._spawn(receive_packet(self._control).descriptors[0])
        finally:
            for pid in list(self._runs):
                self._end(pid)

    def _spawn(self, descriptor: int) -> None:
        """Fork a child that talks over `descriptor`."""
        channel = socket.socket(fileno=descriptor)
        dead, gone = os.pipe()
        server = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._leave()
            os.close(dead)
            os.close(gone)
            become_run(channel, self._settings, server=server)
        self._runs[pid] = _Run(channel, gone, [])
        main = os.pidfd_open(pid)
        # The host may be gone from this channel already.
        with contextlib.suppress(OSError):
            send_packet(channel, Packet({"forked": True, "group": True}, (main, dead)))
        os.close(main)
        os.close(dead)

    def _leave(self) -> None:
        """Close, in a child, what belongs to the server and to other runs."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._control.close()
        for run in self._runs.values():
            os.close(run.gone)
            run.channel.close()

    def _reap(self) -> None:
        """Wait for all that is dead: main processes, and what has lost its parent."""
        any_of_them = os.WEXITED | os.WNOHANG | os.WNOWAIT
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitid(os.P_ALL, 0, any_of_them)) is not None:
                if found.si_pid in self._runs:
                    self._end(found.si_pid)
                    continue
                run = self._runs.get(os.getpgid(found.si_pid))
                usage = os.wait4(found.si_pid, 0)[2]
                if run is not None:
                    run.used.append(usage)

    def _end(self, leader: int) -> None:
        """Kill a run at once, wait for all of it, and tell the host what it used.

        A process that forks meanwhile is killed before its child exists, and who loses its parent
        becomes a child of this process.
        """
        run = self._runs.pop(leader)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            # Before it has made its group, it is alone.
            os.kill(leader, signal.SIGKILL)
        _, status, usage = os.wait4(leader, 0)
        used = [*run.used, usage]
        with contextlib.suppress(ChildProcessError):
            while True:
                used.append(os.wait4(-leader, 0)[2])
        code = os.waitstatus_to_exitcode(status)
        told = {
            "exit_code": code if code >= 0 else 128 - code,
            "cpu_seconds": sum(usage.ru_utime + usage.ru_stime for usage in used),
            "peak_mib": max(usage.ru_maxrss for usage in used) / 1024,
        }
        # Nor may code that filled a channel to the host keep the server waiting.
        with contextlib.suppress(OSError):
            send_packet(run.channel, Packet(told), wait=False)
        run.channel.close()
        os.close(run.gone)
