"""The addresses of this machine."""

from __future__ import annotations

import fcntl
import socket
import struct

LOOPBACK = "127.0.0.1"

_GET_ADDRESS = 0x8915
_REQUEST = struct.Struct("16s16x")


def own_addresses() -> list[str]:
    """Return the IPv4 address of each network interface, the loopback last."""
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _, name in socket.if_nameindex():
            request = _REQUEST.pack(name.encode())
            try:
                answer = fcntl.ioctl(sock, _GET_ADDRESS, request)
            except OSError:
                # An interface without an IPv4 address.
                continue
            found.append(socket.inet_ntoa(answer[20:24]))
    return sorted(
        set(found), key=lambda address: (address.startswith("127."), found.index(address))
    )
