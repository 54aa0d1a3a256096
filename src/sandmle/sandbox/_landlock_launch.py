"""Starts the fork server of `landlock` in the bounds that bubblewrap would set for `warm`.

Runs in a process of its own, as the user that code will run as, and becomes the fork server: from
its first line on the interpreter can read nothing but itself, its packages and the system's
programs, so that not even its start-up files lead it to sandmle.
"""

from __future__ import annotations

import json
import os
import sys
from typing import NoReturn

from sandmle.sandbox import _landlock as landlock
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._packets import Packet, send_packet
from sandmle.sandbox._readable import readable

LAUNCH = """
import json, os, sys, types
fd = int(sys.argv[1])
sources = json.loads(os.pread(fd, os.fstat(fd).st_size, 0))
for name in ("sandmle", "sandmle.sandbox"):
    sys.modules[name] = types.ModuleType(name)
for name in ("_mounts", "_packets", "_landlock", "_readable", "_landlock_launch"):
    module = sys.modules["sandmle.sandbox." + name] = types.ModuleType("sandmle.sandbox." + name)
    exec(compile(sources[name], name + ".py", "exec"), module.__dict__)
    setattr(sys.modules["sandmle.sandbox"], name, module)
module.main()
"""
"""Runs this module from a bundle; its arguments are a descriptor of the bundle, one of the socket
to the host, and the settings."""


def main() -> NoReturn:
    """Give up all files but those in the settings, and become the command in them."""
    settings = json.loads(sys.argv[3])
    places = readable(settings["shown"], settings["hidden"])
    try:
        landlock.restrict(
            read=[*places.read, *settings["system"]],
            list_only=places.list_only,
            write=settings["writable"],
            devices=settings["devices"],
        )
    except SetupError as exc:
        import socket

        send_packet(socket.socket(fileno=int(sys.argv[2])), Packet({"error": str(exc)}))
        os._exit(1)
    words = [*settings["words"], sys.argv[1], sys.argv[2]]
    os.execve(words[0], words, settings["environment"])  # noqa: S606 - no shell is wanted
