"""One run in bubblewrap: started with nothing to leak, released, killed with all its processes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._limits import OPEN_FILES, limit_this_process
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._reply import Spent
from sandmle.sandbox._seccomp import seccomp_filter
from sandmle.sandbox._stage import ARGUMENTS_FD
from sandmle.sandbox._watch import kill_and_wait

OWN_TASKS = 3
"""Processes beside the code's own: the holder, bubblewrap, and the sandbox's first process."""
_SETUP_SECONDS = 30.0
_FIRST_TO_GO = "500"
"""Makes the run, not the trainer, the kernel's choice where the whole machine is out of memory."""
_FAILED_BEFORE_BWRAP = 125


@dataclass(frozen=True)
class Recipe:
    """How the runs of a session are started."""

    bwrap: str
    arguments: tuple[str, ...]
    command: tuple[str, ...]
    memory_mib: int
    disk_mib: int
    processes: int | None
    """None where the kernel cannot count a user's processes per namespace."""
    gpus: bool
    """Whether code has a GPU, whose driver reserves address space without measure."""
    user: int | None
    """The user and group to give the run up to; None for the one at hand."""


class BubblewrapRun:
    """A run that waits to be released.

    Args:
        recipe: How to start it.
        script: The code.
        captures: Its stdout and stderr.
    """

    def __init__(self, recipe: Recipe, script: bytes, captures: tuple[Capture, Capture]) -> None:
        self._status = b""
        self._status_read, status_write = os.pipe()
        block_read, self._block_write = os.pipe()
        program = seccomp_filter()
        # In the order of `_stage`, after the three standard ones.
        given = [
            os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC),
            *(capture.write_end for capture in captures),
            _in_memory("\0".join(recipe.arguments).encode() + b"\0"),
            status_write,
            block_read,
            _in_memory(script),
            *([] if program is None else [_in_memory(program)]),
        ]
        self._pid = os.fork()
        if self._pid == 0:
            _become_bubblewrap(recipe, given)
        for capture in captures:
            capture.close_write_end()
        for fd in (given[0], *given[3:]):
            os.close(fd)
        self.ended = os.pidfd_open(self._pid)
        """pidfd that is readable once the code has ended."""

    def wait_for_init(self) -> int:
        """Return the id of the sandbox's first process, which waits for `release`.

        Raises:
            SetupError: If bubblewrap gave up.
        """
        while b"\n" not in self._status:
            ready = select.select([self._status_read], [], [], _SETUP_SECONDS)[0]
            block = os.read(self._status_read, 4096) if ready else b""
            if not block:
                self.reap()
                raise SetupError("bubblewrap could not set up the sandbox")
            self._status += block
        return int(json.loads(self._status.splitlines()[0])["child-pid"])

    def release(self) -> None:
        """Let the code start."""
        os.write(self._block_write, b"1")

    def reap(self) -> Spent:
        """Wait for bubblewrap and for what it left to this process; the sandbox is dead."""
        kill_and_wait(self.ended)
        cpu_seconds = peak_kib = 0.0
        with contextlib.suppress(ChildProcessError):
            while True:
                usage = os.wait4(-1, 0)[2]
                cpu_seconds += usage.ru_utime + usage.ru_stime
                peak_kib = max(peak_kib, usage.ru_maxrss)
        return Spent(cpu_seconds, peak_kib / 1024)

    def exit_code(self) -> int | None:
        """Return the code's exit code, 128 + the number of a signal; None if there was none."""
        while block := os.read(self._status_read, 4096):
            self._status += block
        for fd in (self._status_read, self._block_write, self.ended):
            os.close(fd)
        heads = [json.loads(line) for line in self._status.splitlines()]
        return next((int(head["exit-code"]) for head in heads if "exit-code" in head), None)


def _become_bubblewrap(recipe: Recipe, given: Sequence[int]) -> NoReturn:
    try:
        _arrange(given)
        limit_this_process(
            memory_mib=None if recipe.gpus else recipe.memory_mib,
            disk_mib=recipe.disk_mib,
            tasks=None if recipe.processes is None else recipe.processes + OWN_TASKS,
            open_files=OPEN_FILES,
        )
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
        if recipe.user is not None:
            os.setgroups([])
            os.setresgid(recipe.user, recipe.user, recipe.user)
            os.setresuid(recipe.user, recipe.user, recipe.user)
        words = ["bwrap", "--args", str(ARGUMENTS_FD), "--", *recipe.command]
        # No environment: the sandbox's first process shows bubblewrap's in /proc/1/environ.
        os.execve(recipe.bwrap, words, {})  # noqa: S606 - no shell is wanted
    except OSError as exc:
        os.write(2, f"cannot start {recipe.bwrap}: {exc.strerror}".encode())
    finally:
        os._exit(_FAILED_BEFORE_BWRAP)


def _arrange(given: Sequence[int]) -> None:
    """Number the descriptors from 0 in their order, and close all others."""
    count = len(given)
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, count) for fd in given]
    for number, fd in enumerate(high):
        os.dup2(fd, number)
    os.closerange(count, os.sysconf("SC_OPEN_MAX"))


def _in_memory(data: bytes) -> int:
    fd = os.memfd_create("sandmle")
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd
