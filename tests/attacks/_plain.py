"""The weak targets without a sandbox: a `Sandbox` that runs code as a bare process, in a cage."""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from _planted import Planted

from sandmle.core.errors import SandboxError
from sandmle.core.execution import Execution
from sandmle.core.task import Limits

Mode = Literal["subprocess", "interpreter", "fork", "terminal"]
ORDINARY_USER = 65_000 + os.getpid() % 500
"""One of its own for each process of tests, for the kernel counts a user's processes."""
_PATIENCE_SECONDS = 8.0
_MORE_PATIENCE_SECONDS = 0.6
"""How long past its time code must go on to have won; nobody else looks at the clock."""
_START_SECONDS = 30


class NaiveReaderError(RuntimeError):
    """What became of somebody who just opened the submission."""


class PlainSandbox:
    """Runs code with nothing around it; see `_naive` for the modes.

    Args:
        planted: What there is to find.
        mode: How code is run.
        as_root: Whether with all of root's rights.
    """

    name = "plain"
    isolated = False

    def __init__(self, planted: Planted, *, mode: Mode = "subprocess", as_root: bool = False):
        work = Path(tempfile.mkdtemp(prefix="plain-", dir=planted.folder))
        work.chmod(0o777)
        self._address = str(work / "socket")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(self._address)
            listener.listen()
            settings = {
                "folder": str(planted.folder),
                "work": str(work),
                "answers": str(planted.answers),
                "user": None if as_root else ORDINARY_USER,
                "mode": mode,
                "listener": listener.fileno(),
            }
            self._cage = subprocess.Popen(
                [sys.executable, "-B", Path(__file__).with_name("_cage.py"), json.dumps(settings)],
                stdin=subprocess.PIPE,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )

    def open(
        self, public: Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> PlainSession:
        """Start a session in a folder of its own, on the host's disk."""
        return PlainSession(self._address, public)

    def close(self) -> None:
        """End all processes of the cage."""
        assert self._cage.stdin is not None
        self._cage.stdin.close()
        self._cage.wait(timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class PlainSession:
    """A folder, and a connection to who runs code in it."""

    def __init__(self, address: str, public: Mapping[str, bytes]) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._lines = self._socket.makefile("rb")
        files = {name: base64.b64encode(data).decode() for name, data in public.items()}
        self._ask({"files": files}, seconds=_START_SECONDS)

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code; one that does not end within our patience has no exit code."""
        start = time.monotonic()
        seconds = (timeout_seconds or _PATIENCE_SECONDS) + _MORE_PATIENCE_SECONDS
        try:
            answer = self._ask({"do": "run", "what": code}, seconds=seconds)
        except TimeoutError:
            answer = {"exit_code": None, "stdout": "", "stderr": ""}
        seconds = time.monotonic() - start
        return Execution(**answer, seconds=seconds, cpu_seconds=0, peak_mib=0)

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Open the file and read it.

        Raises:
            NaiveReaderError: If that went wrong.
        """
        answer = self._ask({"do": "read", "what": path}, seconds=_START_SECONDS)
        if "error" in answer:
            raise NaiveReaderError(answer["error"])
        return None if answer["data"] is None else base64.b64decode(answer["data"])

    def close(self) -> None:
        """Remove the folder.

        Raises:
            NaiveReaderError: If that went wrong.
        """
        try:
            answer = self._ask({}, seconds=_START_SECONDS)
        finally:
            self._lines.close()
            self._socket.close()
        if "error" in answer:
            raise NaiveReaderError(answer["error"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _ask(self, message: dict[str, Any], *, seconds: float) -> dict[str, Any]:
        self._socket.settimeout(seconds)
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            line = self._lines.readline()
        except TimeoutError:
            raise
        except OSError as exc:
            raise SandboxError(f"the plain target is gone: {exc}") from exc
        if not line:
            raise SandboxError("the plain target is gone")
        answer: dict[str, Any] = json.loads(line)
        return answer
