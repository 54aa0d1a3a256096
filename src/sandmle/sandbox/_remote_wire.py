"""A connection between the trainer and a node: both prove who they are, every message is sealed.

Stops: peers without the token, messages that were forged, altered, repeated or reordered on the
way, sizes that would fill the memory. Does not stop: listening in. What travels is code, output and
public files, never answers.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import select
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, Literal

from sandmle.sandbox._frames import Frame

MAX_HEAD_BYTES = 8 << 20
MAX_PAYLOAD_BYTES = 1 << 30
"""What one message may carry, public files of a task included."""
TOKEN_BYTES = 16
HANDSHAKE_SECONDS = 10.0
"""How long a peer may take to prove that it knows the token."""

Side = Literal["trainer", "node"]

_MAGIC = b"sandmle1"
_NONCE_BYTES = 32
_SEAL_BYTES = 32
_SIZES = struct.Struct("!IQ")
_COUNT = struct.Struct("!Q")
# A machine that is switched off says no goodbye; the kernel finds out for us.
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 20),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 60_000),
)


class LostError(Exception):
    """The other side is gone, is silent, or is not who it should be."""


class Wire:
    """One proved connection; one thread at a time sends, and one receives.

    Args:
        sock: The connected socket; closed with this.
        side: Which side this is.
        token: The secret of both sides.
        nonces: What each side drew for this connection.
    """

    def __init__(self, sock: socket.socket, *, side: Side, token: bytes, nonces: bytes) -> None:
        keys = {way: _seal(token, b"from " + way.encode(), nonces) for way in ("trainer", "node")}
        self._socket = sock
        self._sending = keys.pop(side)
        (self._receiving,) = keys.values()
        self._sent = 0
        self._received = 0

    def send(
        self, head: Mapping[str, Any], payload: bytes = b"", *, seconds: float | None = None
    ) -> None:
        """Send a message.

        Raises:
            LostError: If it did not get through in time.
        """
        encoded = json.dumps(head).encode()
        sizes = _SIZES.pack(len(encoded), len(payload))
        seal = _seal(self._sending, _COUNT.pack(self._sent), sizes, encoded, payload)
        self._sent += 1
        try:
            self._socket.settimeout(seconds)
            self._socket.sendall(b"".join((sizes, encoded, payload, seal)))
        except OSError as exc:
            raise LostError(_why(exc, seconds)) from exc

    def receive(self, *, max_payload: int = 0, seconds: float | None = None) -> Frame:
        """Receive a message with at most `max_payload` bytes behind its head.

        Raises:
            LostError: If none came in time, or it is too large, not whole or not the other side's.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        sizes = _exactly(self._socket, _SIZES.size, deadline)
        head_size, payload_size = _SIZES.unpack(sizes)
        if head_size > MAX_HEAD_BYTES or payload_size > max_payload:
            raise LostError(f"sent a message of {head_size:,} + {payload_size:,} bytes")
        head = _exactly(self._socket, head_size, deadline)
        payload = _exactly(self._socket, payload_size, deadline)
        seal = _exactly(self._socket, _SEAL_BYTES, deadline)
        due = _seal(self._receiving, _COUNT.pack(self._received), sizes, head, payload)
        self._received += 1
        if not hmac.compare_digest(seal, due):
            raise LostError("sent a message with a wrong seal")
        try:
            decoded = json.loads(head)
        except (ValueError, RecursionError) as exc:
            raise LostError("sent a message that is not JSON") from exc
        if not isinstance(decoded, dict):
            raise LostError("sent a message without fields")
        return Frame(decoded, payload)

    def wait_for_hangup(self) -> None:
        """Return when the other side, or this one, has ended the connection."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        poll.poll()

    @property
    def closed(self) -> bool:
        """Whether this side has closed it."""
        return self._socket.fileno() == -1

    def hang_up(self) -> None:
        """End the connection; whoever waits on it wakes up. For any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hang up and give the socket back; for the thread that uses it, when it is done."""
        self.hang_up()
        self._socket.close()


def greet(sock: socket.socket, token: bytes) -> Wire:
    """Take a connection that was accepted; the other side proves itself first.

    Raises:
        LostError: If it does not know the token.
    """
    try:
        own, deadline = _prepare(sock)
        sock.sendall(_MAGIC + own)
        theirs = _exactly(sock, _NONCE_BYTES, deadline)
        proof = _exactly(sock, _SEAL_BYTES, deadline)
        if not hmac.compare_digest(proof, _seal(token, b"node", own, theirs)):
            raise LostError("does not know the token")
        sock.sendall(_seal(token, b"trainer", own, theirs))
    except OSError as exc:
        raise LostError(_why(exc, HANDSHAKE_SECONDS)) from exc
    return Wire(sock, side="trainer", token=token, nonces=own + theirs)


def dial(address: tuple[str, int], token: bytes, *, seconds: float) -> Wire:
    """Connect to the trainer and let it prove itself.

    Raises:
        LostError: If nobody is there, or somebody else.
    """
    try:
        sock = socket.create_connection(address, timeout=seconds)
    except OSError as exc:
        raise LostError(_why(exc, seconds)) from exc
    try:
        nonces = _prove(sock, token)
    except OSError as exc:
        sock.close()
        raise LostError(_why(exc, seconds)) from exc
    except LostError:
        sock.close()
        raise
    return Wire(sock, side="node", token=token, nonces=nonces)


def _prove(sock: socket.socket, token: bytes) -> bytes:
    own, deadline = _prepare(sock)
    if _exactly(sock, len(_MAGIC), deadline) != _MAGIC:
        raise LostError("is not a trainer of this version")
    theirs = _exactly(sock, _NONCE_BYTES, deadline)
    sock.sendall(own + _seal(token, b"node", theirs, own))
    proof = _exactly(sock, _SEAL_BYTES, deadline)
    if not hmac.compare_digest(proof, _seal(token, b"trainer", theirs, own)):
        raise LostError("does not know the token")
    return theirs + own


def _prepare(sock: socket.socket) -> tuple[bytes, float]:
    """Set up a fresh socket; return a nonce and when the handshake must be over."""
    # Without it a small message waits 40 ms for the acknowledgement of the one before.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for level, option, value in _KEEPALIVE:
        sock.setsockopt(level, option, value)
    sock.settimeout(HANDSHAKE_SECONDS)
    return secrets.token_bytes(_NONCE_BYTES), time.monotonic() + HANDSHAKE_SECONDS


def _seal(key: bytes, *parts: bytes) -> bytes:
    mac = hmac.new(key, digestmod="sha256")
    for part in parts:
        mac.update(part)
    return mac.digest()


def _exactly(sock: socket.socket, size: int, deadline: float | None) -> bytes:
    parts = bytearray()
    try:
        while len(parts) < size:
            if deadline is not None:
                # Not 0, which would mean: without waiting.
                sock.settimeout(max(deadline - time.monotonic(), 0.001))
            else:
                sock.settimeout(None)
            part = sock.recv(min(size - len(parts), 1 << 20))
            if not part:
                raise LostError("ended the connection")
            parts += part
    except OSError as exc:
        raise LostError(_why(exc, None)) from exc
    return bytes(parts)


def _why(exc: OSError, seconds: float | None) -> str:
    if isinstance(exc, TimeoutError):
        return "did not answer in time" if seconds is None else f"is silent for {seconds:.0f} s"
    return exc.strerror or str(exc)
