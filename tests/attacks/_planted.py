"""What the host has that code in a sandbox must not reach, and who on the host listens."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import selectors
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

KEY = "sk-planted-0123456789"
ANSWER = "answer-planted-77"
KEY_VARIABLE = "PLANTED_API_KEY"
_WAKE_SECONDS = 0.2
_STATE, _FLAGS, _EXITING = 0, 6, 4
"""Fields of /proc/PID/stat behind the name, and the kernel's PF_EXITING."""
_HIDDEN = ("~/.ssh", "~/.bash_history", "~/.netrc", "~/.config", "/root/.ssh", "/var/lib", "/home")


class Planted:
    """A task's folder with answers, a key in the environment, and servers on the host.

    Args:
        owners: The users as whom code may run; each owns a file of the task.
    """

    def __init__(self, *, owners: Sequence[int]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trainer-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.answers = self.folder / "private" / "answers.csv"
        self._owners = owners
        self._owned: list[Path] = []
        self.restore()
        os.environ[KEY_VARIABLE] = KEY
        self._servers = _Servers(self.folder)
        self._free_port = _free_port()

    def facts(self) -> dict[str, Any]:
        """Return what an attacker is told, which is more than one could know; a new token each."""
        return {
            "task": str(self.folder),
            "answers": str(self.answers),
            "owned": [str(place) for place in self._owned],
            # Backwards, so that a search does not find the telling itself.
            "marks": [mark[::-1] for mark in (KEY, ANSWER)],
            "host": socket.gethostname(),
            "accounts": [entry.pw_name for entry in pwd.getpwall()],
            "hidden": [str(Path(place).expanduser()) for place in _HIDDEN] + [__file__],
            "token": f"a-{secrets.token_hex(5)}",
            "neighbour_port": self._free_port,
            **self._servers.addresses,
        }

    def heard(self, token: str) -> bool:
        """Say whether a server of the host got a message with that token."""
        return any(token.encode() in message for message in self._servers.messages)

    @property
    def touched(self) -> bool:
        """Whether a file of the task is not as it was."""
        return self._describe() != self._metadata

    def restore(self) -> None:
        """Make the task's files what they are to be."""
        for name in ("private", "public"):
            folder = self.folder / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            os.chown(folder, self._owners[0], -1)
        self._owned = [self.answers.with_name(f"of-{owner}.csv") for owner in self._owners]
        for place, owner in zip(
            [self.answers, *self._owned], [self._owners[0], *self._owners], strict=True
        ):
            place.write_text(f"id,y\n1,{ANSWER}\n")
            os.chown(place, owner, -1)
        self._metadata = self._describe()

    def close(self) -> None:
        """Take everything away."""
        self._servers.close()
        os.environ.pop(KEY_VARIABLE, None)
        # These tools cope with trees that are too deep for shutil, and with closed folders.
        for tool in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
            subprocess.run([*tool, "--", self.folder], check=True, capture_output=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _describe(self) -> list[object]:
        return [_metadata(place) for place in (self.answers, *self._owned)]


def _metadata(place: Path) -> object:
    if not place.exists():
        return None
    found = place.stat()
    facts = found.st_mode, found.st_uid, found.st_mtime_ns, found.st_nlink
    return facts, os.listxattr(place), place.read_bytes()


def processes_named(token: str) -> dict[int, bool]:
    """Return the processes of this machine that go by that name, and whether they are dead."""
    found = {}
    for place in Path("/proc").iterdir():
        if place.name.isdecimal():
            with contextlib.suppress(OSError):
                name, state = (place / "stat").read_text().rsplit(")", 1)
                if name.partition("(")[2] == token:
                    fields = state.split()
                    # One that the kernel takes down runs no more code, whatever its state.
                    exiting = int(fields[_FLAGS]) & _EXITING
                    found[int(place.name)] = fields[_STATE] in "ZX" or bool(exiting)
    return found


class _Servers:
    """Sockets of all kinds, on which a thread greets whoever comes and notes what it hears."""

    def __init__(self, folder: Path) -> None:
        self.messages: list[bytes] = []
        abstract = f"planted-{secrets.token_hex(4)}"
        makers = {
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "tcp6": (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
            "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "unix": (socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "stream")),
            "datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, str(folder / "datagram")),
            "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0{abstract}"),
            "abstract_datagram": (socket.AF_UNIX, socket.SOCK_DGRAM, f"\0{abstract}-d"),
        }
        self.addresses: dict[str, Any] = {}
        self._selector = selectors.DefaultSelector()
        for name, (family, kind, address) in makers.items():
            try:
                sock = socket.socket(family, kind)
                sock.bind(address)
            except OSError:
                sock.close()
                assert family == socket.AF_INET6, "only IPv6 may be missing on a machine"
                self.addresses[name] = 9
                continue
            if kind == socket.SOCK_STREAM:
                sock.listen()
            bound = sock.getsockname()
            self.addresses[name] = bound[1] if isinstance(bound, tuple) else _text(bound)
            if isinstance(address, str) and address.startswith("/"):
                Path(address).chmod(0o777)
            self._selector.register(sock, selectors.EVENT_READ)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ending.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # only sockets were registered
        self._selector.close()

    def _serve(self) -> None:
        while not self._ending.is_set():
            for key, _ in self._selector.select(_WAKE_SECONDS):
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                with contextlib.suppress(OSError):
                    self._greet(sock)

    def _greet(self, sock: socket.socket) -> None:
        if sock.type == socket.SOCK_DGRAM:
            data, sender = sock.recvfrom(4096)
            self.messages.append(data)
            if sender:
                sock.sendto(b"hello", sender)
            return
        with sock.accept()[0] as peer:
            peer.settimeout(_WAKE_SECONDS)
            peer.send(b"hello")
            self.messages.append(peer.recv(4096))


def _text(address: bytes | str) -> str:
    return address if isinstance(address, str) else address.decode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
