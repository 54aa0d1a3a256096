"""Small messages that keep their borders, with descriptors; the other end may be hostile."""

from __future__ import annotations

import array
import json
import os
import socket
from typing import Any, NamedTuple

_MAX_BYTES = 1 << 16
_MAX_DESCRIPTORS = 8


class Packet(NamedTuple):
    """One message."""

    head: dict[str, Any]
    descriptors: tuple[int, ...] = ()


def packet_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new connection."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_packet(sock: socket.socket, packet: Packet, *, wait: bool = True) -> None:
    """Send one message of at most 64 KiB.

    Raises:
        OSError: If the other end is gone, or, without `wait`, does not read.
    """
    data = json.dumps(packet.head).encode()
    given = array.array("i", packet.descriptors)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, given)] if given else []
    # Not `socket.send_fds`, which forgets its flags before Python 3.12.
    sock.sendmsg([data], ancillary, 0 if wait else socket.MSG_DONTWAIT)


def receive_packet(sock: socket.socket) -> Packet:
    """Receive one message; the descriptors in it belong to the caller.

    Raises:
        EOFError: If the other end is gone, or what came is no message.
    """
    size = array.array("i").itemsize
    space = socket.CMSG_SPACE(_MAX_DESCRIPTORS * size)
    data, ancillary, flags, _ = sock.recvmsg(_MAX_BYTES, space, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(content[: len(content) - len(content) % size])
    try:
        head = json.loads(data)
    except (ValueError, RecursionError):
        head = None
    if not isinstance(head, dict) or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
        for fd in descriptors:
            os.close(fd)
        raise EOFError
    return Packet(head, tuple(descriptors))
