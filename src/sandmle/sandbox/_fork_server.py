"""A process that has imported the scientific stack and forks a child per run.

It serves one run at a time. Forking is safe because it never has a second thread: thread pools are
turned off before the first import (`ENVIRONMENT`), and it refuses to serve if one was started.

Stops: a run that outlives its limits, and stray processes of a run. Does not stop: anything else; a
run has all rights of the user. See `unsafe.py`.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import resource
import signal
import socket
import sys
import time
from typing import NoReturn

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._limits import limit_this_process
from sandmle.sandbox._preload import SCIENTIFIC, preload, threads
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox._reply import Spent, reply
from sandmle.sandbox._script import Script, finish, own_modules, refresh
from sandmle.sandbox._watch import Bounds, LifelineLostError, kill_and_wait, watch

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Serve runs until the socket on standard input closes."""
    sock = socket.socket(fileno=0)
    wanted = receive(sock).head.get("preload")
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    imported = preload(SCIENTIFIC if wanted is None else wanted)
    if (count := threads()) != 1:
        send(sock, Frame({"error": f"the fork server has {count} threads; forking it could hang"}))
        return
    own = own_modules()
    gc.collect()
    gc.freeze()
    send(sock, Frame({"imported": imported}))
    with contextlib.suppress(EOFError, LifelineLostError):
        while True:
            job = receive(sock)
            send(sock, _run(job, sock, libc, own))


def _run(job: Frame, sock: socket.socket, libc: ctypes.CDLL, own: tuple[str, ...]) -> Frame:
    captures = (Capture(job.head["keep_bytes"]), Capture(job.head["keep_bytes"]))
    child = os.fork()
    if child == 0:
        _become(job, captures, libc, own)
    for capture in captures:
        capture.close_write_end()
    bounds = Bounds(job.head["wall_seconds"], job.head["memory_mib"], job.head["processes"])
    pidfd = os.pidfd_open(child)
    try:
        seen = watch(
            pidfd,
            captures,
            bounds=bounds,
            processes=lambda: tree(os.getpid())[1:],
            lifeline=sock.fileno(),
        )
    finally:
        kill_and_wait(pidfd)
        os.close(pidfd)
        status, usage = _reap_all(child)
    code = os.waitstatus_to_exitcode(status)
    spent = Spent(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    exit_code = code if code >= 0 else 128 - code
    return reply(exit_code, seen=seen, spent=spent, captures=captures)


def _reap_all(child: int) -> tuple[int, resource.struct_rusage]:
    """Reap the run's main process and kill whatever it left, which is now this process's child."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    _, status, usage = os.wait4(child, 0)
    give_up = time.monotonic() + 5
    while time.monotonic() < give_up:
        for stray in tree(os.getpid())[1:]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(stray, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.001)
    return status, usage


def _become(
    job: Frame, captures: tuple[Capture, Capture], libc: ctypes.CDLL, own: tuple[str, ...]
) -> NoReturn:
    """Turn this child into a fresh interpreter that runs the script, and end."""
    status = 1
    try:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        for fd, source in enumerate((null, captures[0].write_end, captures[1].write_end)):
            os.dup2(source, fd)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        limit_this_process(memory_mib=job.head["memory_mib"], disk_mib=job.head["disk_mib"])
        os.environ.update(job.head["environment"])
        os.chdir(job.head["work_dir"])
        sys.path.insert(0, job.head["work_dir"])
        refresh(own)
        status = Script(job.head["script"]).run(job.payload.decode())
        finish(status)
    finally:
        os._exit(status)
