"""A process of ours that runs code for a sandbox and talks in frames over its standard input.

It ends when the other end of that socket closes, so nothing stays behind a trainer that was killed.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sandmle.core.errors import SandboxError
from sandmle.sandbox._channel import Channel
from sandmle.sandbox._frames import Frame

# Imports the module without `sandmle/__init__.py`, which a run has no need to wait for.
_BOOT = """
import importlib, sys, types
root, module = sys.argv[1:3]
for name, path in (("sandmle", root), ("sandmle.sandbox", root + "/sandbox")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [path]
importlib.import_module(module).main()
"""


class Companion:
    """A running process; not safe for use from several threads at once.

    Args:
        module: Name of the module of this package whose `main()` it runs.
        python: The interpreter that runs it.
        flags: Flags of the interpreter.
        environment: Its whole environment.
        settings: Sent to it as the first message; its answer is `hello`.

    Raises:
        SandboxError: If it does not come up, with what it wrote.
    """

    def __init__(
        self,
        module: str,
        *,
        python: Path,
        settings: dict[str, Any],
        flags: tuple[str, ...] = (),
        environment: MappingProxyType[str, str] = MappingProxyType({}),
        payload: bytes = b"",
    ) -> None:
        root = Path(__file__).resolve().parents[1]
        self._closed = False
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours, module, last_words=self._last_words)
        try:
            self._process = subprocess.Popen(
                [
                    str(python),
                    "-I",
                    "-B",
                    *flags,
                    "-c",
                    _BOOT,
                    str(root),
                    f"sandmle.sandbox.{module}",
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=dict(environment),
                cwd="/",
                start_new_session=True,
            )
        except OSError as exc:
            self._channel.close()
            self._errors.close()
            raise SandboxError(f"cannot start {python}: {exc}") from exc
        finally:
            theirs.close()
        self.hello = self.request(settings, payload=payload, seconds=120)

    def request(self, head: dict[str, Any], *, payload: bytes = b"", seconds: float) -> Frame:
        """Send a message and return the answer.

        Raises:
            SandboxError: If none came in time, or the answer is an error; the process is ended.
        """
        try:
            return self._channel.request(head, payload=payload, seconds=seconds)
        except BaseException:
            self.close()
            raise

    def hand_over(self, descriptor: int) -> None:
        """Give it a descriptor, for example one end of a connection of its own.

        Raises:
            SandboxError: If it has ended.
        """
        self._channel.hand_over(descriptor)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end; say whether it came."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """End it; calling it twice is fine."""
        if self._closed:
            return
        self._closed = True
        self._channel.close()
        if self._process.poll() is None:
            # The socket's end lets it clear up; a kill is for one that hangs.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=2)
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)
        status = self._process.poll()
        by = "" if status is None or status >= 0 else f" by {signal.Signals(-status).name}"
        self._errors.seek(0)
        said = self._errors.read()[-2_000:].decode(errors="replace").strip()
        return f"{by}: {said}" if said else by
