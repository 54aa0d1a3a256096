"""Keeps the machine alive while attacks succeed: mounts, processes and System V IPC of its own.

The network, the host's name, its environment and, when started by root, its user namespace stay
those of the host: it is what an attack finds where nobody thought of a sandbox. Started by `_plain`
as `python _cage.py SETTINGS`; it ends, with everything in it, when its standard input closes.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import _places

_EMPTY = ("/tmp", "/var/tmp", "/dev/shm")
_MOST_PROCESSES = 96
_MOST_ADDRESS_SPACE = 3 << 30


def main() -> None:
    """Start the cage's first process and wait."""
    # Later on an ordinary user is root as well, of a namespace.
    settings = json.loads(sys.argv[1]) | {"root": os.geteuid() == 0}
    _places.die_with_parent()
    _places.unshare(_places.NEW_MOUNTS | _places.NEW_PIDS | _places.NEW_IPC)
    first = os.fork()
    if first == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _be_first_process(settings)
    while os.read(0, 1):
        pass
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)


def _be_first_process(settings: dict[str, Any]) -> NoReturn:
    _places.die_with_parent()
    folder = Path(settings["folder"])
    places = _places.interpreter_places()
    _places.show([*places, folder], empty=[Path(place) for place in _EMPTY])
    _places.protect(places)
    _places.mount_proc()
    server = os.fork()
    if server == 0:
        _serve(settings)
    # Whatever an attack orphans ends up here; with the server everything ends.
    with contextlib.suppress(ChildProcessError):
        while os.wait()[0] != server:
            pass
    os._exit(0)


def _serve(settings: dict[str, Any]) -> NoReturn:
    Path("/proc/self/oom_score_adj").write_text("500")
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_ADDRESS_SPACE, _MOST_ADDRESS_SPACE))
    home = Path("/tmp/home")
    home.mkdir()
    if settings["user"] is not None:
        if settings["root"]:
            os.chown(home, settings["user"], settings["user"])
        _places.become(settings["user"], root=settings["root"])
        # Counted for the user: only one that has nothing else to do may be bounded so.
        resource.setrlimit(resource.RLIMIT_NPROC, (_MOST_PROCESSES, _MOST_PROCESSES))
    naive = str(Path(__file__).with_name("_naive.py"))
    environment = os.environ | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    os.execve(sys.executable, [sys.executable, naive, *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
