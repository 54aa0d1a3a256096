"""Runs a command, and ends it with all that it started when the standard input of this closes.

The first line of the standard input is passed on to the command. Nothing that was started so, nor
what still waits in a queue of Slurm, stays behind a trainer that was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_END_SECONDS = 15.0
"""How long the command may take to end by itself."""
_REAP_MILLISECONDS = 500
_SET_CHILD_SUBREAPER = 36


def main() -> int:
    """Run the command in the arguments; return its exit status."""
    # Daemons that it starts become children of this process when their parents end.
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    lifeline = os.fdopen(os.dup(0), "rb", buffering=0)
    try:
        process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, bufsize=0)
    except OSError as exc:
        sys.stderr.write(f"cannot start {sys.argv[1]}: {exc.strerror}\n")
        return 127
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as given:
            given.write(lifeline.readline())
    status = _watch(process.pid, lifeline.fileno())
    _kill_the_rest()
    return status


def _watch(pid: int, lifeline: int) -> int:
    """Return the exit status of the command, which is ended when the lifeline is."""
    poll = select.poll()
    poll.register(os.pidfd_open(pid), select.POLLIN)
    poll.register(lifeline, select.POLLIN)
    deadline = None
    while (status := _reap(pid)) is None:
        events = dict(poll.poll(_REAP_MILLISECONDS))
        if deadline is None and lifeline in events:
            poll.unregister(lifeline)
            deadline = time.monotonic() + _END_SECONDS
            os.kill(pid, signal.SIGTERM)
        elif deadline is not None and time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
    return status


def _reap(command: int) -> int | None:
    """Bury dead children; the exit status of the command if it is among them."""
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == command:
                return os.waitstatus_to_exitcode(status)
            if pid == 0:
                break
    return None


def _kill_the_rest() -> None:
    """Kill children until there are none; a killed one leaves its own to this process."""
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii")
        if not children:
            return
        for child in children.split():
            # One of another user cannot be killed, and ends by itself.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(child), signal.SIGKILL)
        _reap(0)
        time.sleep(0.01)


if __name__ == "__main__":
    sys.exit(main())
