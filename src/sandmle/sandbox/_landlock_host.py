"""The process behind a `landlock` sandbox: as that of `warm`, with ordinary folders for mounts.

As root it gives fork servers up to an unprivileged user for good; otherwise they are the user's.
What is left behind a fork server that was killed becomes a child of this process, and is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from sandmle.sandbox._claims import abandoned, claim
from sandmle.sandbox._host import Host, serve_sessions
from sandmle.sandbox._landlock_launch import LAUNCH
from sandmle.sandbox._landlock_view import DEVICES, PROCESSES, SETTINGS, closed_folder
from sandmle.sandbox._mounts import SetupError, become_subreaper
from sandmle.sandbox._plain_storage import PlainStorage
from sandmle.sandbox._removal import remove_tree
from sandmle.sandbox._seccomp_strict import strict_errors
from sandmle.sandbox._servers import BUNDLE_FD, CONTROL_FD
from sandmle.sandbox._staging import user_to_become
from sandmle.sandbox._storage import SessionFiles

_PREFIX = "sandbox-of-scripts-"
_SWEEP_SECONDS = 0.5
_DROP_FROM_BOUNDING_SET = 24

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Serve sessions whose runs are held by Landlock and the filter of system calls."""
    serve_sessions(LandlockHost)


class LandlockHost(Host):
    """What the sessions share; see `Host`."""

    def storage(self, head: dict[str, Any], contents: bytes) -> SessionFiles:
        """Make the files of a new session.

        Raises:
            SetupError: If they cannot be written.
        """
        return PlainStorage(
            self._folder / f"session-{next(self._numbers)}",
            files=head["files"],
            contents=contents,
            disk_mib=head["disk_mib"],
            owner=self.user,
            input_name=self.settings["input"],
        )

    def close(self) -> None:
        """End the fork servers and remove all files."""
        super().close()
        remove_tree(self._folder)

    def _enter(self) -> int | None:
        user = self._user()
        become_subreaper()
        threading.Thread(target=_sweep, daemon=True).start()
        self.errors = strict_errors()
        parent = Path(self.settings["folder"])
        _drop_stale(parent)
        try:
            # Under another name until it is claimed, or others would take it for left behind.
            made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=parent))
            self._claim = claim(made)
            self._folder = made.rename(parent / made.name.removeprefix("."))
            imports = self._folder / "imports"
            imports.mkdir()
            if user is not None:
                self._folder.chmod(0o711)
                os.chown(imports, user, user)
        except OSError as exc:
            raise SetupError(f"cannot make a folder for sessions in {parent}: {exc}") from exc
        self._complete_settings(imports)
        return user

    def _user(self) -> int | None:
        """Return the user to give fork servers up to.

        Raises:
            SetupError: If there is none, or it cannot reach the interpreter.
        """
        user = user_to_become()
        if user is None:
            if os.geteuid() == 0:
                raise SetupError("there is no other user here to give up root to")
            return None
        closed = closed_folder([Path(place) for place in self.settings["binds"]])
        if closed is not None:
            raise SetupError(
                f"runs give up root, and then cannot reach the interpreter: {closed} is closed to "
                f"other users; use an interpreter in /usr or /opt, run `chmod o+x {closed}`, or "
                "run as the user who owns it"
            )
        for number in range(64):
            if _libc.prctl(_DROP_FROM_BOUNDING_SET, number, 0, 0, 0) != 0:
                break
        return user

    def _complete_settings(self, imports: Path) -> None:
        """Add what only this process knows: where its folder is."""
        launch = self.settings["launch"]
        settings = {
            **launch,
            "system": [*SETTINGS, PROCESSES],
            "devices": DEVICES,
            "writable": [str(self._folder)],
            "environment": {
                **launch["environment"],
                "HOME": str(imports),
                "TMPDIR": str(imports),
            },
        }
        words = [self.settings["python"], "-I", "-S", "-B", "-c", LAUNCH, BUNDLE_FD, CONTROL_FD]
        self.settings["words"] = [*words, json.dumps(settings)]
        self.settings["zygote"]["readable"] = [*launch["shown"], *SETTINGS]


def _drop_stale(parent: Path) -> None:
    """Remove the folders of hosts that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        with abandoned(folder) as left:
            if left and folder.stat().st_uid == os.geteuid():
                remove_tree(folder)


def _sweep() -> None:
    """Kill, for ever, what has lost its fork server; servers are in this process's own group."""
    own = os.getpgrp()
    while True:
        time.sleep(_SWEEP_SECONDS)
        for children in Path("/proc/self/task").glob("*/children"):
            with contextlib.suppress(OSError):
                for pid in map(int, children.read_text(encoding="ascii").split()):
                    if os.getpgid(pid) != own:
                        os.kill(pid, signal.SIGKILL)
                        os.waitpid(pid, os.WNOHANG)
