"""A process that tries the steps of isolation for `probe`, and ends with what it changed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._stage import STAGE


def main() -> None:
    """Try each step in turn; send what went wrong by the name of the step, "" where nothing did."""
    sock = socket.socket(fileno=0)
    receive(sock)
    found = {}
    steps: dict[str, Callable[[], None]] = {
        "user namespaces": partial(mounts.enter_namespaces, mounts.NEW_USER | mounts.NEW_MOUNTS),
        "memory file systems": partial(mounts.mount_tmpfs, STAGE, mode=0o755, mib=1),
    }
    for name, step in steps.items():
        try:
            step()
        except mounts.SetupError as exc:
            found[name] = str(exc)
        else:
            found[name] = ""
    send(sock, Frame(found))
