"""A node's host: makes a sandbox on this machine and serves its sessions to a trainer elsewhere.

Reads a token, as one line of hexadecimal digits, from its standard input, connects to the trainer,
and ends when that connection does; nothing stays behind.

    python -m sandmle.sandbox._node --connect HOST:PORT
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sandmle.core.errors import SandmleError, UsageError
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES, make_sandbox
from sandmle.sandbox._environment import usable_cores
from sandmle.sandbox._node_session import serve_session
from sandmle.sandbox._remote_messages import (
    Hello,
    Introduction,
    SessionWanted,
    Settings,
    expect,
    say,
    say_fault,
)
from sandmle.sandbox._remote_wire import TOKEN_BYTES, LostError, Wire, dial
from sandmle.version import __version__

CANNOT_REACH = "cannot reach the trainer"
"""How the message of a node begins that finds no trainer at any address."""

_DIAL_SECONDS = 10.0
_END_SECONDS = 20.0
"""How long closing the sandbox may take; then the processes in it end by losing their host."""


class NodeHost:
    """The connections of this machine to one trainer.

    Args:
        addresses: Where the trainer may be reached; the first that leads to it is kept.
        token: The secret of both sides.
        launch: The number that the trainer gave to the launch of this node.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]], token: bytes, *, launch: int) -> None:
        self._addresses = list(addresses)
        self._token = token
        self._launch = launch
        self._name = node_name()

    def serve(self) -> None:
        """Serve sessions until the trainer is gone.

        Raises:
            LostError: When it is gone.
            SandmleError: If the sandbox does not work here; the trainer was told.
        """
        control = self._connect("node", self._launch)
        settings = expect(Settings, control.receive(), node=self._name)
        try:
            sandbox = working_sandbox(settings)
        except SandmleError as exc:
            say_fault(control, exc)
            raise
        try:
            say(control, Hello(slots=settings.slots or own_cores()))
            while True:
                wanted = expect(SessionWanted, control.receive(), node=self._name)
                threading.Thread(
                    target=self._serve_session, args=(sandbox, wanted.number), daemon=True
                ).start()
        finally:
            last_resort = threading.Timer(_END_SECONDS, os._exit, (1,))
            last_resort.daemon = True
            last_resort.start()
            sandbox.close()

    def _serve_session(self, sandbox: Sandbox, number: int) -> None:
        # Without a connection there is nobody to tell; the trainer waits for it with a limit.
        with contextlib.suppress(LostError):
            serve_session(sandbox, self._connect("session", number))

    def _connect(self, role: str, number: int) -> Wire:
        wire, self._addresses = dial_first(self._addresses, self._token)
        say(
            wire,
            Introduction.model_validate(
                {"role": role, "number": number, "node": self._name, "version": __version__}
            ),
        )
        return wire


def dial_first(
    addresses: Sequence[tuple[str, int]], token: bytes
) -> tuple[Wire, list[tuple[str, int]]]:
    """Connect to the first address that leads to the trainer; return it as the only one left.

    Raises:
        LostError: If none does.
    """
    failures = []
    for address in addresses:
        try:
            return dial(address, token, seconds=_DIAL_SECONDS), [address]
        except LostError as exc:
            failures.append(f"{address[0]}:{address[1]} {exc}")
    raise LostError(f"{CANNOT_REACH} from {node_name()}: {'; '.join(failures)}")


def working_sandbox(settings: Settings) -> Sandbox:
    """Make the sandbox that the trainer asks for, and try it.

    Raises:
        UsageError: If it does not isolate, or is on other machines itself.
        SandboxError: If it does not work on this machine.
    """
    factory = SANDBOXES.get(settings.backend)
    if not factory.isolated or settings.backend == "slurm":
        raise UsageError(
            f"a node does not serve the sandbox {settings.backend!r}; "
            "name one that isolates code on its own machine"
        )
    sandbox = make_sandbox(
        settings.backend,
        python=None if settings.python is None else Path(settings.python),
        slots=settings.slots or own_cores(),
        preload=settings.preload,
        gpus=settings.gpus,
    )
    try:
        sandbox.open({}, Limits()).close()
    except BaseException:
        sandbox.close()
        raise
    return sandbox


# Slurm tells a step about itself by environment variables only.


def own_cores() -> int:
    """Return how many cores of this machine are ours to use."""
    if "SLURM_CPUS_ON_NODE" not in os.environ:
        return usable_cores()
    return min(usable_cores(), int(os.environ["SLURM_CPUS_ON_NODE"]))


def node_name() -> str:
    """Return what Slurm calls this node, or the machine's own name."""
    if "SLURMD_NODENAME" in os.environ:
        return os.environ["SLURMD_NODENAME"][:255]
    return socket.gethostname()[:255]


def main() -> NoReturn:
    """Serve one trainer; see the module."""
    parser = argparse.ArgumentParser(prog="sandmle.sandbox._node", description=__doc__)
    parser.add_argument(
        "--connect",
        action="append",
        required=True,
        type=_address,
        metavar="HOST:PORT",
        help="where the trainer listens; of several, the first that leads to it",
    )
    parser.add_argument("--launch", type=int, default=0, help="number that is told to the trainer")
    options = parser.parse_args()
    token = _read_token()
    # Slurm ends a step with SIGTERM; the sandbox is closed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    status = 0
    try:
        NodeHost(options.connect, token, launch=options.launch).serve()
    except LostError as exc:
        if CANNOT_REACH in str(exc):
            status = _complain(exc)
    except SandmleError as exc:
        status = _complain(exc)
    sys.stderr.flush()
    # Threads of sessions may still wait for their sandbox.
    os._exit(status)


def _read_token() -> bytes:
    line = sys.stdin.buffer.readline(2 * TOKEN_BYTES + 2)
    try:
        token = bytes.fromhex(line.decode("ascii").strip())
    except ValueError:
        token = b""
    if len(token) != TOKEN_BYTES:
        raise SystemExit(f"the first line of the standard input must be {2 * TOKEN_BYTES} digits")
    return token


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 0xFFFF:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def _complain(exc: Exception) -> int:
    sys.stderr.write(f"sandmle node: {exc}\n")
    return 3


if __name__ == "__main__":
    main()
