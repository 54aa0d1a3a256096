"""A process that has imported the scientific stack and forks a child per run.

It serves one run at a time. Forking is safe because it never has a second thread: thread pools are
turned off before the first import (`ENVIRONMENT`), and it refuses to serve if one was started.

Stops: a run that outlives its limits, and stray processes of a run. Does not stop: anything else; a
run has all rights of the user. See `unsafe.py`.
"""

from __future__ import annotations

import atexit
import code
import contextlib
import ctypes
import gc
import importlib
import importlib.util
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import types
from pathlib import Path
from typing import NoReturn

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._limits import limit_this_process
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox._reply import Spent, reply
from sandmle.sandbox._watch import Bounds, LifelineLostError, kill_and_wait, watch

PRELOADED = (
    "numpy",
    "pandas",
    "scipy.stats",
    "scipy.sparse",
    "PIL.Image",
    "sklearn.compose",
    "sklearn.dummy",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.naive_bayes",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "sklearn.tree",
)
"""Modules that scripts are likely to want; one that is not installed is passed over."""

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Serve runs until the socket on standard input closes."""
    sock = socket.socket(fileno=0)
    receive(sock)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    imported = _preload()
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        send(
            sock, Frame({"error": f"the fork server has {threads} threads; forking it could hang"})
        )
        return
    gc.collect()
    gc.freeze()
    send(sock, Frame({"imported": imported}))
    with contextlib.suppress(EOFError, LifelineLostError):
        while True:
            job = receive(sock)
            send(sock, _run(job, sock, libc))


def _preload() -> list[str]:
    found = [name for name in PRELOADED if importlib.util.find_spec(name.partition(".")[0])]
    for name in found:
        importlib.import_module(name)
    if "sklearn.pipeline" in found:
        _warm_up()
    return found


def _warm_up() -> None:
    """Run small fits once, for the modules and caches that only a first use loads."""
    import numpy as np
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pd.DataFrame({"a": np.arange(40.0), "b": np.tile([0.0, 1.0], 20)})
    target = (table["a"] > 20).to_numpy()
    for model in (LogisticRegression(), HistGradientBoostingClassifier(max_iter=2)):
        cross_val_score(make_pipeline(StandardScaler(), model), table, target, cv=2)
    table.groupby("b")["a"].mean().reset_index().to_csv(os.devnull, index=False)


def _run(job: Frame, sock: socket.socket, libc: ctypes.CDLL) -> Frame:
    captures = (Capture(job.head["keep_bytes"]), Capture(job.head["keep_bytes"]))
    child = os.fork()
    if child == 0:
        _become(job, captures, libc)
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


def _become(job: Frame, captures: tuple[Capture, Capture], libc: ctypes.CDLL) -> NoReturn:
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
        _refresh()
        status = _Script(job.head["script"]).run(job.payload.decode())
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does at its end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _refresh() -> None:
    """Give back what a fork shares with its siblings but a fresh interpreter would not."""
    atexit._clear()
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    for name in [name for name in sys.modules if name.partition(".")[0] == "sandmle"]:
        del sys.modules[name]
    sys.argv = ["script.py"]


class _Script(code.InteractiveInterpreter):
    """Runs source as the interpreter runs a file: in a fresh `__main__`, with a trace of errors."""

    def __init__(self, path: str) -> None:
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=path, __builtins__=__builtins__)
        sys.modules["__main__"] = module
        super().__init__(module.__dict__)
        self._path = path
        self._status = 0

    def run(self, source: str) -> int:
        """Run the source and return the exit code."""
        try:
            compiled = compile(source, self._path, "exec")
        except (SyntaxError, ValueError, OverflowError):
            self.showsyntaxerror(self._path)
            return 1
        try:
            self.runcode(compiled)
        except SystemExit as exit_:
            return self._exit_code(exit_.code)
        return self._status

    def showtraceback(self) -> None:
        """Print the trace of the error at hand, which ends the script."""
        self._status = 1
        super().showtraceback()

    @staticmethod
    def _exit_code(value: object) -> int:
        if value is None:
            return 0
        if isinstance(value, int):
            return value & 0xFF
        print(value, file=sys.stderr)  # noqa: T201 - as the interpreter does with sys.exit("text")
        return 1
