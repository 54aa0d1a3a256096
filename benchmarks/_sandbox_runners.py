"""The ways to run a script that `sandbox.py` compares, each as a context that gives a function."""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from sandmle.core.execution import Sandbox, SandboxSession
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox
from sandmle.sandbox._environment import SINGLE_THREADED
from sandmle.sandbox.warm import WarmSandbox
from sandmle.testing.remote import SandboxElsewhere, as_user

FLOOR, PYTHON, COLD, WARM, LANDLOCK = "floor", "python", "cold", "warm", "landlock"
WITHOUT_POOL = "no pool"
Runner = Callable[[str], None]
Times = dict[str, dict[str, list[float]]]
"""Milliseconds of each run, by script and by what ran it."""

_FLOOR = """
import contextlib, io, os, struct, sys
answer = os.fdopen(os.dup(1), "wb", buffering=0)
while head := sys.stdin.buffer.read(4):
    source = sys.stdin.buffer.read(struct.unpack("=I", head)[0]).decode()
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "script.py", "exec"), {"__name__": "__main__"})
    answer.write(b"!")
"""
_UP_SECONDS = 120.0
_IS_IMPORTED = """
import sys
print({module!r} in sys.modules)
if False:
    import {module}
"""
_MODULE_OF = {"torch": "torch"}


class _WithoutPool(WarmSandbox):
    """Forks and isolates a process when a run asks for it, not before."""

    name = WITHOUT_POOL
    _ahead = 0


@contextlib.contextmanager
def _folder(files: Mapping[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sandmle-benchmark-") as name:
        folder = Path(name)
        (folder / "input").mkdir()
        for path, content in files.items():
            (folder / "input" / path).write_bytes(content)
        yield folder


# A sandbox's runs have a session of their own each, to which Linux may give a fair share of the
# processor; so must what they are compared with.


@contextlib.contextmanager
def floor(files: Mapping[str, bytes]) -> Iterator[Runner]:
    """One warm process that executes one script after another; nothing is isolated."""
    with _folder(files) as folder:
        process = subprocess.Popen(
            [sys.executable, "-I", "-c", _FLOOR],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **SINGLE_THREADED},
            bufsize=0,
            start_new_session=True,
        )

        def run(code: str) -> None:
            assert process.stdin
            assert process.stdout
            source = code.encode()
            process.stdin.write(struct.pack("=I", len(source)) + source)
            if process.stdout.read(1) != b"!":
                raise RuntimeError("the script failed, see above")

        try:
            yield run
        finally:
            process.kill()
            process.communicate()


@contextlib.contextmanager
def python(files: Mapping[str, bytes]) -> Iterator[Runner]:
    """A new interpreter per script, without any isolation."""
    with _folder(files) as folder:
        script = folder / "script.py"

        def run(code: str) -> None:
            script.write_text(code)
            subprocess.run(
                [sys.executable, "-I", script],
                cwd=folder,
                env={**os.environ, **SINGLE_THREADED},
                check=True,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )

        yield run


def backend(name: str, *, slots: int = 1) -> Sandbox:
    """Return a sandbox by name; `WITHOUT_POOL` is one as well."""
    if name == WITHOUT_POOL:
        return _WithoutPool(slots=slots)
    if name == LANDLOCK and os.geteuid() == 0:
        # Made for ordinary users, to whom root's own interpreter is often closed. The host is then
        # at the other end of a TCP connection, which a step pays for with less than 1 ms.
        return SandboxElsewhere(as_user(), backend=name, slots=slots)
    return make_sandbox(name, slots=slots)


@contextlib.contextmanager
def session(sandbox: Sandbox, files: Mapping[str, bytes]) -> Iterator[Runner]:
    """One session of a sandbox."""
    with sandbox.open(files, Limits()) as opened:
        yield lambda code: succeed(opened, code)


def succeed(opened: SandboxSession, code: str) -> None:
    """Run code in a session.

    Raises:
        RuntimeError: If it does not end well.
    """
    execution = opened.run(code)
    if not execution.ok:
        raise RuntimeError(f"killed by {execution.killed_by}: {execution.stderr}")


def is_imported(sandbox: Sandbox, script: str) -> bool:
    """Say whether a sandbox imports beforehand what a script needs.

    For some libraries it begins to do so when this asks.
    """
    if script not in _MODULE_OF:
        return True
    with sandbox.open({}, Limits()) as opened:
        return opened.run(_IS_IMPORTED.format(module=_MODULE_OF[script])).stdout == "True\n"


def wait_for_imports(sandbox: Sandbox, script: str) -> None:
    """Wait until a sandbox imports beforehand what a script needs.

    Raises:
        TimeoutError: If that does not happen.
    """
    give_up = time.monotonic() + _UP_SECONDS
    while not is_imported(sandbox, script):
        if time.monotonic() > give_up:
            raise TimeoutError(f"no fork server has imported {_MODULE_OF[script]}")
        time.sleep(0.2)
