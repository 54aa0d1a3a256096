import socket
from pathlib import Path

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits


def test_tcp_and_udp_reach_nothing(cold: Sandbox, limits: Limits) -> None:
    code = """
import socket
port = int(open("input/port").read())
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "10.0.0.1"),
                        (socket.AF_INET, "1.1.1.1"), (socket.AF_INET6, "::1"),
                        (socket.AF_INET, "169.254.169.254")):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        try:
            with socket.socket(family, kind) as sock:
                sock.settimeout(1)
                sock.connect((address, port))
                sock.send(b"x")
                print("sent", address, kind) if sock.recv(1) else None
        except OSError:
            pass
try:
    print(socket.gethostbyname("example.org"))
except OSError:
    pass
print("cut")
"""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1]).encode()
        with cold.open({"port": port}, limits) as session:
            assert session.run(code).stdout == "cut\n"


def test_unix_sockets_of_the_host_are_out_of_reach(
    tmp_path: Path, cold: Sandbox, limits: Limits
) -> None:
    named, abstract = str(tmp_path / "s"), "\0sandmle-planted"
    code = f"""
import socket
for address in ({named!r}, {abstract!r}, "/run/docker.sock", "/run/dbus/system_bus_socket"):
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(address)
            print("connected", address)
        except OSError:
            pass
"""
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        for sock, address in ((one, named), (two, abstract)):
            sock.bind(address)
            sock.listen()
        with cold.open({}, limits) as session:
            assert session.run(code).stdout == ""


FAMILIES = {"netlink": 16, "packet": 17, "bluetooth": 31, "alg": 38, "vsock": 40, "xdp": 44}


@pytest.mark.parametrize("family", FAMILIES)
def test_other_kinds_of_sockets_cannot_be_made(family: str, cold: Sandbox, limits: Limits) -> None:
    code = f"""
import socket
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
    try:
        socket.socket({FAMILIES[family]}, kind)
        print("made", kind)
    except OSError:
        pass
try:
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
    print("made a raw one")
except OSError:
    pass
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == ""


def test_local_sockets_that_libraries_use_still_work(cold: Sandbox, limits: Limits) -> None:
    code = """
import multiprocessing, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()):
        pass
socket.socketpair()
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "[1, 2]\n"
