"""Messages between this process and one it started: a JSON head, a payload, and descriptors."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, NamedTuple

_SIZES = struct.Struct("!IQ")


class Frame(NamedTuple):
    """One message."""

    head: dict[str, Any]
    payload: bytes = b""
    descriptors: tuple[int, ...] = ()


def send(sock: socket.socket, frame: Frame) -> None:
    """Send one message over a stream socket."""
    head = json.dumps(frame.head).encode()
    sizes = _SIZES.pack(len(head), len(frame.payload))
    if frame.descriptors:
        socket.send_fds(sock, [sizes], frame.descriptors)
    else:
        sock.sendall(sizes)
    sock.sendall(head + frame.payload)


def receive(sock: socket.socket) -> Frame:
    """Receive one message.

    Raises:
        EOFError: If the other end is gone.
    """
    sizes, descriptors, _, _ = socket.recv_fds(sock, _SIZES.size, maxfds=4)
    if not sizes:
        raise EOFError
    sizes += _exactly(sock, _SIZES.size - len(sizes))
    head_size, payload_size = _SIZES.unpack(sizes)
    head = json.loads(_exactly(sock, head_size))
    return Frame(head, _exactly(sock, payload_size), tuple(descriptors))


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = sock.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
