"""Runs code as somebody would who has not thought of attacks; only ever inside of `_cage`.

`subprocess`: a plain child process. `interpreter`: exec() in this one. `fork`: a forked child of
this process. A message is a line of JSON; so is its answer.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import io
import json
import mmap
import os
import resource
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import termios
import traceback
from pathlib import Path
from typing import Any

_RUNNER = """
import os, runpy, sys
code = 1
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
    code = 0
except SystemExit as exc:
    code = exc.code if isinstance(exc.code, int) else 1
    raise
finally:
    sys.stdout.flush()
    os.write(int(sys.argv[2]), b"%d\\n" % code)
"""
SHARED = mmap.mmap(-1, 4096)
_UNTOLD = 254
"""Memory that all forked children share with this process, for those that tell how they fared."""


class _Session:
    def __init__(self, mode: str, folder: str, files: dict[str, str]) -> None:
        self._mode = mode
        self._work = Path(tempfile.mkdtemp(prefix="work-", dir=folder))
        for name, data in files.items():
            place = self._work / "input" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            content = base64.b64decode(data)
            kept = Path(folder, hashlib.sha256(content).hexdigest())
            if not kept.exists():
                kept.write_bytes(content)
            # The same bytes need to lie on the disk only once.
            place.hardlink_to(kept)

    def run(self, code: str) -> dict[str, Any]:
        runs = {"interpreter": self._exec, "fork": self._fork}
        status, out, err = runs.get(self._mode, self._child)(code)
        texts = {"stdout": out, "stderr": err}
        return {"exit_code": status} | {
            name: data.decode(errors="surrogateescape") for name, data in texts.items()
        }

    def _child(self, code: str) -> tuple[int, bytes, bytes]:
        script = self._work / "script.py"
        script.write_text(code, errors="replace")
        result, theirs = os.pipe()
        os.set_inheritable(theirs, True)
        terminal = os.openpty() if self._mode == "terminal" else None
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", _RUNNER, str(script), str(theirs)],
            cwd=self._work,
            stdin=terminal and terminal[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            close_fds=False,
            preexec_fn=_take_terminal if terminal else None,  # noqa: PLW1509 - no thread holds a lock
        )
        out, err = process.communicate()
        os.set_blocking(result, False)
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(result, 4096)
        for fd in (result, theirs, *(terminal or ())):
            os.close(fd)
        status = process.returncode
        with contextlib.suppress(ValueError):
            status = int(said.partition(b"\n")[0])
        return status if status >= 0 else 128 - status, out, err

    def _exec(self, code: str) -> tuple[int, bytes, bytes]:
        os.chdir(self._work)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = _execute(code)
        return status, out.getvalue().encode(), err.getvalue().encode()

    def _fork(self, code: str) -> tuple[int, bytes, bytes]:
        pipes = [os.pipe(), os.pipe()]
        SHARED[0] = _UNTOLD
        pid = os.fork()
        if pid == 0:
            for number, (_, end) in enumerate(pipes, start=1):
                os.dup2(end, number)
            os.chdir(self._work)
            status = _execute(code)
            sys.stdout.flush()
            os._exit(status)
        texts = []
        for read_end, write_end in pipes:
            os.close(write_end)
            with os.fdopen(read_end, "rb") as file:
                texts.append(file.read())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if SHARED[0] != _UNTOLD:
            status = SHARED[0]
        return status if status >= 0 else 128 - status, texts[0], texts[1]

    def read(self, path: str) -> dict[str, Any]:
        """Read a file in a child that is given a second and a GiB, for a reader may hang."""
        read_end, write_end = os.pipe()
        pid = os.fork()
        if pid == 0:
            signal.alarm(1)
            resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
            try:
                answer = {"data": base64.b64encode((self._work / path).read_bytes()).decode()}
            except FileNotFoundError:
                answer = {"data": None}
            except BaseException as exc:  # noqa: BLE001 - whatever a naive reader raises is told
                answer = {"error": repr(exc)}
            with os.fdopen(write_end, "w") as file:
                json.dump(answer, file)
            os._exit(0)
        os.close(write_end)
        with os.fdopen(read_end) as file:
            said = file.read()
        os.waitpid(pid, 0)
        return json.loads(said) if said else {"error": "the reader hung"}

    def close(self) -> dict[str, Any]:
        try:
            shutil.rmtree(self._work)
        except (OSError, RecursionError) as exc:
            return {"error": repr(exc)}
        return {}


def _execute(code: str) -> int:
    try:
        exec(compile(code, "script.py", "exec"), {"__name__": "__main__"})
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 1
    except BaseException:  # noqa: BLE001 - whatever a script raises is its own
        traceback.print_exc()
        return 1
    return 0


def _take_terminal() -> None:
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        session = None
        for line in self.rfile:
            said = json.loads(line)
            if session is None:
                session = _Session(SETTINGS["mode"], SETTINGS["work"], said["files"])
                answer: dict[str, Any] = {}
            else:
                ways = {"run": session.run, "read": session.read}
                answer = ways[said["do"]](said["what"]) if "do" in said else session.close()
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Threaded(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    SETTINGS = json.loads(sys.argv[1])
    # Forgotten, and so inherited by every child.
    os.set_inheritable(os.open(SETTINGS["answers"], os.O_RDONLY), True)
    if SETTINGS["mode"] == "fork":
        import numpy as np

        np.random.seed(1)  # noqa: NPY002 - the state that scripts use
    alone = SETTINGS["mode"] in ("interpreter", "fork")
    made = (socketserver.UnixStreamServer if alone else _Threaded)("", _Handler, False)
    made.socket.close()
    made.socket = socket.socket(fileno=SETTINGS["listener"])
    os.set_inheritable(SETTINGS["listener"], False)
    made.serve_forever()
