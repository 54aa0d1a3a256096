"""What this machine can isolate, found by trying it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sandmle.core.errors import SandboxError
from sandmle.core.record import Record
from sandmle.core.task import Limits
from sandmle.sandbox import NOT_LINUX, _remedies
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._seccomp import seccomp_filter
from sandmle.sandbox.cold import ColdSandbox, bwrap_version, counts_processes, find_bwrap

_NESTING_FORBIDDEN_SINCE = (0, 8)


class Capability(Record):
    """One thing that isolation needs or profits from."""

    name: str
    available: bool
    needed: bool
    """Whether `cold` does without it."""
    detail: str
    """What was found."""
    remedy: str = ""
    """What to do about it; empty where nothing need be done."""


def probe(python: Path | None = None) -> list[Capability]:
    """Try what isolation needs, from the ground up; takes about a second.

    Args:
        python: The interpreter that agents would use; by default the one that runs sandmle.
    """
    if sys.platform != "linux":
        return [_capability("Linux", needed=True)(False, f"this is {sys.platform}", NOT_LINUX)]
    found = [_user(), _bubblewrap(), *_kernel_features(), _filter(), _process_limit()]
    return [*found, _cold_run(python)]


def _user() -> Capability:
    root = os.geteuid() == 0
    how = "root: runs are given up to an unprivileged user" if root else "an ordinary user"
    return Capability(name="user", available=True, needed=False, detail=how)


def _bubblewrap() -> Capability:
    make = _capability("bubblewrap", needed=True)
    try:
        path = find_bwrap()
    except SandboxError:
        return make(False, "not installed", _remedies.BUBBLEWRAP)
    version = bwrap_version(Path(path))
    words = ".".join(str(number) for number in version)
    if version < _NESTING_FORBIDDEN_SINCE:
        return make(
            True,
            f"{path}, version {words}: too old to forbid user namespaces inside",
            "version 0.8 adds a second lock to the system call filter",
        )
    return make(True, f"{path}, version {words}")


def _kernel_features() -> list[Capability]:
    trial = Companion("_trial", python=Path(sys.executable), flags=("-S",), settings={})
    trial.close()
    return [
        _capability(name, needed=True)(
            not problem, problem or "work", _remedies.namespaces() if problem else ""
        )
        for name, problem in trial.hello.head.items()
    ]


def _filter() -> Capability:
    make = _capability("system call filter", needed=False)
    machine = os.uname().machine
    if seccomp_filter() is None:
        return make(False, f"no table for {machine}", "use a machine with x86_64 or aarch64")
    return make(True, f"for {machine}")


def _process_limit() -> Capability:
    make = _capability("process limit by the kernel", needed=False)
    if counts_processes():
        return make(True, "counted for each run")
    return make(
        False,
        "this kernel counts all processes of a user together; only the watchdog limits a run",
        "use Linux 5.14 or newer, or run as root",
    )


def _cold_run(python: Path | None) -> Capability:
    make = _capability("cold sandbox", needed=True)
    start = time.monotonic()
    try:
        with ColdSandbox(python=python) as sandbox, sandbox.open({}, Limits()) as session:
            opened = time.monotonic()
            execution = session.run("print('hello')")
    except SandboxError as exc:
        return make(False, str(exc), "see what is missing above")
    seconds = time.monotonic() - opened
    if execution.stdout != "hello\n":
        return make(False, f"a script that prints does not: {execution.stderr}", "report this")
    return make(
        True,
        "a script ran without network, environment, privileges and sandmle, "
        f"in {seconds * 1000:.0f} ms after {(opened - start) * 1000:.0f} ms of preparation",
    )


def _capability(name: str, *, needed: bool) -> Callable[..., Capability]:
    def make(available: bool, detail: str, remedy: str = "") -> Capability:
        return Capability(
            name=name, available=available, needed=needed, detail=detail, remedy=remedy
        )

    return make
