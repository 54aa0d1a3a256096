"""Runs source in a forked interpreter as a fresh interpreter would run a file."""

from __future__ import annotations

import atexit
import code
import os
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Sequence
from typing import NoReturn


def own_modules() -> tuple[str, ...]:
    """Return the names of our own modules, for `refresh`.

    A fork server asks once: a child that went through all names would touch, and so copy, a page of
    memory for nearly each of them.
    """
    return tuple(name for name in sys.modules if name.partition(".")[0] == "sandmle")


def refresh(own: Sequence[str]) -> None:
    """Give back what a fork shares with its siblings but a fresh interpreter would not.

    Args:
        own: Names of our own modules, which a script must not find.
    """
    atexit._clear()
    tempfile.tempdir = None
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "torch" in sys.modules:
        sys.modules["torch"].seed()
    for name in own:
        del sys.modules[name]
    sys.argv = ["script.py"]


def finish(status: int, *, last: Callable[[], None] = lambda: None) -> NoReturn:
    """End the process as the interpreter ends: threads, exit handlers, streams; then leave.

    Args:
        status: The exit code.
        last: Called when nothing is left to do.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # what the interpreter does at its end
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        last()
        # Whoever watches the streams hears of the end before the kernel has taken down the memory.
        os.close(1)
        os.close(2)
    finally:
        os._exit(status)


class Script(code.InteractiveInterpreter):
    """Runs source as the interpreter runs a file: in a fresh `__main__`, with a trace of errors.

    Args:
        path: What the trace calls the file.
    """

    def __init__(self, path: str) -> None:
        module = types.ModuleType("__main__")
        module.__dict__.update(__file__=path, __builtins__=__builtins__)
        sys.modules["__main__"] = module
        super().__init__(module.__dict__)
        self._path = path
        self._status = 0

    def run(self, source: str) -> int:
        """Run the source and return the exit code; variables of earlier runs are there."""
        self._status = 0
        try:
            compiled = compile(source, self._path, "exec")
        except (SyntaxError, ValueError, OverflowError):
            self.showsyntaxerror(self._path)
            return 1
        try:
            self.runcode(compiled)
        except SystemExit as exit_:
            return _exit_code(exit_.code)
        return self._status

    def showtraceback(self) -> None:
        """Print the trace of the error at hand, which ends the script."""
        self._status = 1
        super().showtraceback()


def _exit_code(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, int):
        return value & 0xFF
    print(value, file=sys.stderr)  # noqa: T201 - as the interpreter does with sys.exit("text")
    return 1
