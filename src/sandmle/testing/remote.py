"""A sandbox whose host is another process, started by a command: as another user, for example.

What it runs is the same node host that Slurm starts on other machines.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sandmle.core.errors import SandboxError
from sandmle.sandbox._remote import BACKEND, RemoteNodes
from sandmle.sandbox._remote_address import LOOPBACK
from sandmle.sandbox._remote_messages import Settings
from sandmle.sandbox._remote_sandbox import Launch, RemoteSandbox, import_path

ORDINARY_USER = 65_534
"""A user without any right, on nearly every system."""


class SandboxElsewhere(RemoteSandbox):
    """A sandbox that is served by a node host on this machine; see `Sandbox`.

    Args:
        command: Words that come before the node's own command, `["setpriv", ...]` for example;
            what they start must keep its standard input.
        backend: Name of the sandbox that the host makes; it must isolate.
        python: The interpreter that runs the code; by default the host's own.
        slots: See `make_sandbox`.
        preload: See `make_sandbox`.
        gpus: See `make_sandbox`.
        node_python: The interpreter that runs the host; by default this one.
        wait_seconds: How long the host may take to come up.
    """

    def __init__(
        self,
        command: Sequence[str] = (),
        *,
        backend: str = BACKEND,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
        node_python: Path | None = None,
        wait_seconds: float = 120.0,
    ) -> None:
        settings = Settings(
            backend=backend,
            python=None if python is None else str(python),
            slots=slots,
            preload=None if preload is None else tuple(preload),
            gpus=tuple(gpus),
        )
        super().__init__(settings, address=LOOPBACK)
        self.name = backend
        self._command = tuple(command)
        self._node_python = node_python or Path(sys.executable)
        self._wait_seconds = wait_seconds
        self._launch: Launch | None = None
        self._launches = 0

    def _provide(self, nodes: RemoteNodes) -> None:
        if nodes.alive:
            return
        self._end()
        self._launches += 1
        launch = Launch(
            [*self._command, *nodes.command(self._node_python, launch=self._launches)],
            token=nodes.token,
            environment={"PATH": os.defpath, "LANG": "C.UTF-8", **import_path()},
            when_ended=lambda: nodes.drop("its process ended"),
        )
        self._launch = launch

        def ended() -> str | None:
            if self._closed:
                return "the sandbox was closed meanwhile"
            return None if launch.running else f"the node's host ended: {launch.said}"

        try:
            nodes.wait(1, launch=self._launches, seconds=self._wait_seconds, ended=ended)
        except TimeoutError:
            raise SandboxError(
                f"the node's host did not come up within {self._wait_seconds:g} s: {launch.said}"
            ) from None

    def _end(self) -> None:
        launch, self._launch = self._launch, None
        if launch is not None:
            launch.end()


def as_user(user: int = ORDINARY_USER) -> list[str]:
    """Return command words that run what follows as another user; root only.

    The interpreter and sandmle may lie below folders that this user cannot enter, such as root's
    home: they are shown in private mounts, where the rest of those folders is empty.

    Args:
        user: Its number; it is the number of its group, too.
    """
    return [sys.executable, "-P", "-m", "sandmle.testing._as_user", str(user)]
