"""A running container of ours, talked to in frames over the standard streams of `docker run`.

It ends when those streams close, so nothing stays behind a trainer that was killed.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sandmle.core import errors
from sandmle.core.errors import SandboxError
from sandmle.core.execution import INPUT_DIR
from sandmle.sandbox._channel import Channel
from sandmle.sandbox._docker_words import Client, Size, explained
from sandmle.sandbox._frames import Frame

_MODULES = (
    "_frames",
    "_capture",
    "_process_tree",
    "_limits",
    "_watch",
    "_reply",
    "_files",
    "_docker_cgroup",
    "_docker_clean",
    "_docker_keeper",
)
"""What the first process is made of, each after those that it imports."""
# Reads no more of its input than the modules: what follows are frames.
_BOOT = """
import sys
if sys.version_info < (3, 9):
    sys.exit("the image's Python is %d.%d; use an image with 3.9 or newer" % sys.version_info[:2])
import json, os, types
def take(size):
    data = b""
    while len(data) < size:
        block = os.read(0, size - len(data))
        if not block:
            sys.exit("nobody talks to this container")
        data += block
    return data
sources = json.loads(take(int(take(8), 16)))
for name in ("sandmle", "sandmle.core", "sandmle.sandbox"):
    sys.modules[name] = types.ModuleType(name)
for name, source in sources.items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, name, "exec"), module.__dict__)
module.main()
"""
_START_SECONDS = 120.0
_END_SECONDS = 5.0


class Container:
    """A container; not safe for use from several threads at once, but for `close`.

    Args:
        client: The command that starts it.
        image: What it is made of.
        size: How large it is.
        gpus: Numbers of the GPUs that it may use.
        options: Further options of `docker run`.
        settings: Sent to its first process.
        payload: The contents of the task's files.

    Raises:
        SandboxError: If it does not start, with what was said and the next move.
    """

    def __init__(
        self,
        client: Client,
        image: str,
        *,
        size: Size,
        gpus: Sequence[int],
        options: Sequence[str],
        settings: dict[str, Any],
        payload: bytes,
    ) -> None:
        self._client = client
        self._name = f"sandmle-{secrets.token_hex(8)}"
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._closing = threading.Lock()
        self._closed = False
        words = client.run(
            image, "-I", "-S", "-B", "-c", _BOOT,
            name=self._name, size=size, gpus=gpus, options=options,
        )  # fmt: skip
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                words,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as exc:
            ours.close()
            self._errors.close()
            raise SandboxError(f"cannot start {words[0]}: {exc}") from exc
        finally:
            theirs.close()
        self._channel = Channel(ours, "a container", last_words=self._last_words)
        with contextlib.suppress(OSError):
            ours.sendall(_sources())
        self.request(settings, payload=payload, seconds=_START_SECONDS)

    def request(self, head: dict[str, Any], *, payload: bytes = b"", seconds: float) -> Frame:
        """Send a message and return the answer.

        Raises:
            SandboxError: If none came in time, or the answer is an error; the container is removed.
        """
        try:
            return self._channel.request(head, payload=payload, seconds=seconds)
        except ValueError as exc:
            self.close()
            raise SandboxError(f"a container does not talk as ours do: {exc}") from exc
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End and remove it; calling it twice is fine."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._channel.close()
        try:
            self._process.wait(timeout=_END_SECONDS)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._client.remove(self._name)
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_END_SECONDS)
        self._errors.seek(0)
        said = explained(self._errors.read()[-2_000:].decode(errors="replace"))
        return f": {said}" if said else ""


def _sources() -> bytes:
    """Return the modules of the first process by name, after their length in 8 digits."""
    folder = Path(__file__).parent
    texts = {
        "sandmle.core.errors": Path(errors.__file__).read_text(encoding="utf-8"),
        # All that is needed of a module that imports what an image may not have.
        "sandmle.core.execution": f"INPUT_DIR = {INPUT_DIR!r}\n",
    }
    for name in _MODULES:
        source = (folder / f"{name}.py").read_text(encoding="utf-8")
        texts[f"sandmle.sandbox.{name}"] = source
    data = json.dumps(texts).encode()
    return f"{len(data):08x}".encode() + data
