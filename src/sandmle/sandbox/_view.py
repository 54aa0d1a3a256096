"""What code sees of the world, as arguments of bubblewrap.

Paths here are of two kinds: inside the sandbox, and on the stage, a tmpfs that only the session's
holder process sees (see `_holder`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sandmle.core.execution import INPUT_DIR
from sandmle.sandbox._environment import script_environment
from sandmle.sandbox._gpus import gpu_devices
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._mounts import INSIDE_ID
from sandmle.sandbox._stage import (
    BLOCK_FD,
    EMPTY_FILE,
    ETC,
    FILTER_FD,
    INPUT,
    MASK,
    PREFIXES,
    SCRATCH,
    SCRIPT_FD,
    STATUS_FD,
    WORK,
)

WORK_DIR = "/box"
"""The work directory inside; a name that no interpreter's path begins with."""
SCRIPT = "/script.py"
_START = f"""
import sys
sys.argv = [{SCRIPT!r}]
sys.path.insert(0, {WORK_DIR!r})
sys.excepthook = lambda kind, error, trace: sys.__excepthook__(kind, error, trace and trace.tb_next)
__file__ = {SCRIPT!r}
exec(compile(open(__file__, "rb").read(), __file__, "exec"))
"""
"""Runs the script as the interpreter does, with the work directory in its path only when the
interpreter is up: a file named like one of its own modules must not keep it from starting."""
_TEMPORARY = "/tmp"  # noqa: S108 - inside the sandbox, and empty for each run
_DEVICES = ("null", "zero", "full", "random", "urandom")
_DEVICE_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}


def command(interpreter: Interpreter) -> list[str]:
    """Return what is run inside: the script, isolated from user settings, unbuffered."""
    return [str(interpreter.executable), "-I", "-B", "-u", "-c", _START]


def arguments(
    interpreter: Interpreter, *, disable_userns: bool, seccomp: bool, gpus: Sequence[int] = ()
) -> list[str]:
    """Return the arguments of bubblewrap for every run of a session.

    Args:
        interpreter: What runs the code.
        disable_userns: Whether this bubblewrap can forbid user namespaces inside.
        seccomp: Whether there is a system call filter for this processor.
        gpus: Numbers of the NVIDIA GPUs that code may use.

    Raises:
        UsageError: If there is no such GPU.
    """
    path = f"{interpreter.executable.parent}:/usr/local/bin:/usr/bin:/bin"
    # CUDA numbers the GPUs whose devices it finds, from 0.
    environment = script_environment(home=_TEMPORARY, path=path, gpus=range(len(gpus)))
    return [
        *_isolation(disable_userns=disable_userns, seccomp=seccomp),
        *shown_system(),
        *(word for place in gpu_devices(gpus) for word in ("--dev-bind", str(place), str(place))),
        *shown_interpreter(interpreter),
        *("--bind", str(WORK), WORK_DIR),
        *("--ro-bind", str(INPUT), f"{WORK_DIR}/{INPUT_DIR}"),
        *("--ro-bind-data", str(SCRIPT_FD), SCRIPT),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *(part for item in environment.items() for part in ("--setenv", *item)),
        *("--chdir", WORK_DIR),
    ]


def _isolation(*, disable_userns: bool, seccomp: bool) -> list[str]:
    return [
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        "--unshare-cgroup-try",
        *(["--disable-userns"] if disable_userns else []),
        *("--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox"),
        *("--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
        *("--json-status-fd", str(STATUS_FD), "--block-fd", str(BLOCK_FD)),
        *(["--seccomp", str(FILTER_FD)] if seccomp else []),
    ]


def shown_system() -> list[str]:
    """Return the arguments that show the system's programs, devices and temporary places."""
    found = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            found += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            found += ["--ro-bind", str(place), str(place)]
    found += ["--perms", "0755", "--dir", "/etc"]
    for name in ("ld.so.cache", "alternatives"):
        found += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for name in ("passwd", "group", "hosts"):
        found += ["--ro-bind", str(ETC / name), f"/etc/{name}"]
    found += ["--proc", "/proc", "--perms", "0755", "--tmpfs", "/dev"]
    for name in _DEVICES:
        found += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    for name, end in _DEVICE_LINKS.items():
        found += ["--symlink", f"/proc/self/fd{end}", f"/dev/{name}"]
    found += ["--perms", "0755", "--dir", "/dev/shm"]  # noqa: S108 - inside the sandbox
    found += ["--bind", str(SCRATCH / "shm"), "/dev/shm"]  # noqa: S108 - inside the sandbox
    return [*found, "--bind", str(SCRATCH / "tmp"), _TEMPORARY]


def shown_interpreter(interpreter: Interpreter) -> list[str]:
    """Return the arguments that show an interpreter without what it must not import."""
    found: list[str] = []
    for parent in _parents(interpreter.binds):
        found += ["--perms", "0755", "--dir", str(parent)]
    for number, place in enumerate(interpreter.binds):
        found += ["--ro-bind", str(PREFIXES / str(number)), str(place)]
    for place in interpreter.masked:
        found += ["--ro-bind", str(MASK if place.is_dir() else EMPTY_FILE), str(place)]
    return found


def _parents(places: Iterable[Path]) -> list[Path]:
    """Return every folder above `places`, outer ones first; bubblewrap would make them 0700."""
    above = {parent for place in places for parent in place.parents}
    return sorted(above - {Path("/"), Path(_TEMPORARY)}, key=lambda place: len(place.parts))
