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
from sandmle.sandbox import NOT_LINUX, _remedies, make_sandbox
from sandmle.sandbox import _landlock as landlock
from sandmle.sandbox._cgroups import Groups
from sandmle.sandbox._companion import Companion
from sandmle.sandbox._seccomp import seccomp_filter
from sandmle.sandbox.cold import bwrap_version, counts_processes, find_bwrap

_NESTING_FORBIDDEN_SINCE = (0, 8)
LEVELS = ("warm", "cold", "landlock")
"""The backends that isolate on this machine itself, the best first."""


class Capability(Record):
    """One thing that isolation needs or profits from."""

    name: str
    available: bool
    needed: bool
    """Whether `warm` does without it."""
    detail: str
    """What was found."""
    remedy: str = ""
    """What to do about it; empty where nothing need be done."""


class Level(Record):
    """One way to isolate agents' code, and whether it works here."""

    sandbox: str
    """Its name for `--sandbox`."""
    works: bool
    detail: str
    """How long a first run took, or why there was none."""
    how: str
    """What holds the code."""
    does_not_stop: str
    """What it leaves open."""


def probe() -> list[Capability]:
    """Try what isolation needs, from the ground up."""
    if sys.platform != "linux":
        return [_capability("Linux", needed=True)(False, f"this is {sys.platform}", NOT_LINUX)]
    return [
        _user(),
        _bubblewrap(),
        *_kernel_features(),
        _filter(),
        _landlock(),
        _control_groups(),
        _process_limit(),
    ]


def probe_levels(python: Path | None = None) -> list[Level]:
    """Run a script at each level; takes a few seconds.

    Args:
        python: The interpreter that agents would use; by default the one that runs sandmle.
    """
    if sys.platform != "linux":
        return []
    return [_level(name, python) for name in LEVELS]


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
            f"{path}, version {words}: too old to forbid user namespaces inside `cold`",
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


def _landlock() -> Capability:
    make = _capability("Landlock", needed=False)
    version = landlock.abi()
    if not version:
        return make(
            False,
            "none: a second lock on files is missing",
            "use Linux 5.13 or newer with `landlock` among the kernel's `lsm=`",
        )
    if version < landlock.SCOPES_SINCE:
        return make(
            True,
            f"version {version}: too old for the sandbox 'landlock', which needs "
            f"{landlock.SCOPES_SINCE} (Linux 6.12)",
        )
    return make(True, f"version {version}")


def _control_groups() -> Capability:
    make = _capability("control groups", needed=False)
    groups = Groups.find()
    if groups is None:
        return make(
            False,
            "may not be made here; memory and processes are held by limits and a watchdog",
            "run as root, or give this process a group of its own: "
            "`systemd-run --user --scope -p Delegate=yes ...`",
        )
    groups.close()
    return make(True, "bound the memory and the processes of each run")


def _process_limit() -> Capability:
    make = _capability("process limit by the kernel", needed=False)
    if counts_processes():
        return make(True, "counted for each run")
    return make(
        False,
        "this kernel counts all processes of a user together; only the watchdog limits a run",
        "use Linux 5.14 or newer, or run as root",
    )


def _level(name: str, python: Path | None) -> Level:
    how, does_not_stop = _LEVELS[name]
    if name == "warm" and not _control_groups().available:
        does_not_stop = f"{_BURSTS}; {does_not_stop}"
    start = time.monotonic()
    try:
        with make_sandbox(name, python=python) as sandbox, sandbox.open({}, Limits()) as session:
            opened = time.monotonic()
            execution = session.run("print('hello')")
    except SandboxError as exc:
        works, detail = False, str(exc)
    else:
        milliseconds = 1000 * (time.monotonic() - opened)
        works = execution.stdout == "hello\n"
        detail = (
            f"a script ran in {milliseconds:.0f} ms after {opened - start:.1f} s of preparation"
            if works
            else f"a script that prints does not: {execution.stderr}"
        )
    return Level(sandbox=name, works=works, detail=detail, how=how, does_not_stop=does_not_stop)


_ALWAYS = "bugs of the kernel, side channels of the processor"
_BURSTS = "bursts of memory between two looks, 50 ms apart"
_LEVELS = {
    "warm": (
        "a fork per run in namespaces of its own, inside bubblewrap; filter, Landlock, limits, "
        "and control groups where they can be made",
        _ALWAYS,
    ),
    "cold": (
        "a new interpreter per run in bubblewrap; filter, limits",
        f"{_BURSTS}; {_ALWAYS}",
    ),
    "landlock": (
        "a fork per run under Landlock, a strict filter and limits; no namespaces",
        "a look at the size, time and owner of any file whose path is known; bursts of files and "
        f"processes; {_BURSTS}; {_ALWAYS}",
    ),
}
"""How each level holds code, and what it leaves open."""


def _capability(name: str, *, needed: bool) -> Callable[..., Capability]:
    def make(available: bool, detail: str, remedy: str = "") -> Capability:
        return Capability(
            name=name, available=available, needed=needed, detail=detail, remedy=remedy
        )

    return make
