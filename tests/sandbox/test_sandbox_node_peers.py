"""The trainer among several nodes, strangers, and nodes that do not keep to the protocol."""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from _impostor import LIMITS, SETTINGS, Impostor

from sandmle.core.errors import SandboxError, UsageError
from sandmle.sandbox._remote import RemoteNodes
from sandmle.sandbox._remote_address import LOOPBACK
from sandmle.sandbox._remote_sandbox import Launch, import_path
from sandmle.sandbox._remote_wire import LostError, dial, greet


@pytest.fixture
def nodes() -> Iterator[RemoteNodes]:
    with RemoteNodes(SETTINGS, address=LOOPBACK) as made:
        yield made


@pytest.fixture
def start(nodes: RemoteNodes) -> Iterator[Callable[[int], Launch]]:
    """Start a real node as one launch and wait until it is there."""
    launches = []

    def start_one(number: int) -> Launch:
        launch = Launch(
            nodes.command(Path(sys.executable), launch=number),
            token=nodes.token,
            environment={"PATH": os.defpath, **import_path()},
            when_ended=lambda: nodes.drop("its process ended", launch=number),
        )
        launches.append(launch)
        nodes.wait(1, launch=number, seconds=60, ended=lambda: None)
        return launch

    yield start_one
    for launch in launches:
        launch.end()


def connect(nodes: RemoteNodes) -> socket.socket:
    return socket.create_connection((LOOPBACK, int(nodes.reachable[0].rpartition(":")[2])))


def is_dropped(sock: socket.socket) -> bool:
    sock.settimeout(15)
    try:
        while sock.recv(1 << 16):
            pass
    except ConnectionResetError:
        return True
    return True


@pytest.mark.isolation
def test_sessions_go_to_the_node_with_the_fewest_and_away_from_lost_ones(
    nodes: RemoteNodes, start: Callable[[int], Launch]
) -> None:
    launches = [start(1), start(2)]
    sessions = [nodes.open({}, LIMITS, stateful=False) for _ in range(4)]
    loads = {node.launch: node.load for node in nodes.alive}
    assert loads == {1: 2.0, 2: 2.0}
    launches[0].end()
    ended = {1: 0, 2: 0}
    for session in sessions:
        try:
            assert session.run("print(1)").stdout == "1\n"
            ended[2] += 1
        except SandboxError:
            ended[1] += 1
        session.close()
    assert ended == {1: 2, 2: 2}
    with nodes.open({}, LIMITS, stateful=False) as session:
        assert session.run("print(2)").stdout == "2\n"
    start(3)
    with (
        nodes.open({}, LIMITS, stateful=False) as one,
        nodes.open({}, LIMITS, stateful=False) as two,
    ):
        assert {node.launch: node.load for node in nodes.alive} == {2: 1.0, 3: 1.0}
        assert one.run("pass").ok
        assert two.run("pass").ok


@pytest.mark.isolation
def test_a_node_that_has_ended_is_found_out_at_once(
    nodes: RemoteNodes, start: Callable[[int], Launch]
) -> None:
    launch = start(1)
    with nodes.open({}, LIMITS, stateful=False) as session:
        assert session.run("pass").ok
        launch.end()
        before = time.monotonic()
        with pytest.raises(SandboxError, match="lost"):
            session.run("pass")
        assert time.monotonic() - before < 1
    with pytest.raises(LostError, match="no node"):
        nodes.open({}, LIMITS, stateful=False)


@pytest.mark.isolation
def test_strangers_are_turned_away_while_nodes_work_on(
    nodes: RemoteNodes, start: Callable[[int], Launch]
) -> None:
    start(1)
    said = [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        bytes(64),
        b"\xff" * 100_000,
        b'{"role": "node"}' * 100,
    ]
    strangers = [connect(nodes) for _ in range(300)]
    for number, stranger in enumerate(strangers):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            stranger.sendall(said[number % len(said)])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with nodes.open({}, LIMITS, stateful=False) as session:
        assert session.run("print(1)").stdout == "1\n"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 << 10
    for stranger in strangers:
        assert is_dropped(stranger)
        stranger.close()
    assert len(nodes.alive) == 1


def test_a_peer_with_another_token_is_not_listened_to(nodes: RemoteNodes) -> None:
    with pytest.raises(LostError):
        dial((LOOPBACK, int(nodes.reachable[0].rpartition(":")[2])), bytes(16), seconds=5)
    host = subprocess.run(
        nodes.command(Path(sys.executable), launch=1),
        input=b"0" * 32 + b"\n",
        capture_output=True,
        env={**os.environ, **import_path()},
        check=False,
    )
    assert host.returncode == 3
    assert b"cannot reach the trainer from" in host.stderr
    assert nodes.alive == []


@pytest.mark.parametrize("given", [b"", b"\n", b"00\n", b"x" * 100 + b"\n", b"\xff" * 9])
def test_a_host_without_a_token_says_so(given: bytes, nodes: RemoteNodes) -> None:
    host = subprocess.run(
        nodes.command(Path(sys.executable), launch=1),
        input=given,
        capture_output=True,
        env={**os.environ, **import_path()},
        check=False,
    )
    assert host.returncode == 1
    assert b"first line of the standard input must be 32 digits" in host.stderr


def test_messages_altered_on_the_way_end_the_session(nodes: RemoteNodes) -> None:
    """A relay between node and trainer passes the handshake on, and alters what follows."""
    upstream = (LOOPBACK, int(nodes.reachable[0].rpartition(":")[2]))

    def relay(source: socket.socket, target: socket.socket, *, intact: int) -> None:
        passed = 0
        while data := source.recv(1 << 16):
            altered = bytearray(data)
            if passed + len(data) > intact:
                altered[-1] ^= 1
            target.sendall(altered)
            passed += len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    with socket.create_server((LOOPBACK, 0)) as server:
        launch = subprocess.Popen(
            [
                *nodes.command(Path(sys.executable), launch=1)[:-1],
                f"{LOOPBACK}:{server.getsockname()[1]}",
            ],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **import_path()},
        )
        assert launch.stdin is not None
        launch.stdin.write(nodes.token)
        launch.stdin.close()
        near, _ = server.accept()
        far = socket.create_connection(upstream)
        with near, far:
            down = threading.Thread(target=relay, args=(far, near), kwargs={"intact": 1 << 30})
            up = threading.Thread(target=relay, args=(near, far), kwargs={"intact": 64})
            down.start()
            up.start()
            assert launch.wait(15) == 0
            down.join(5)
            up.join(5)
        assert launch.stderr is not None
        launch.stderr.close()
    assert nodes.alive == []


@pytest.mark.parametrize(
    "settings",
    [{}, {"backend": 1}, {"backend": "cold", "slots": -1}, {"error": "SandboxError"}],
)
def test_a_host_leaves_a_trainer_that_makes_no_sense(settings: dict[str, Any]) -> None:
    token = bytes(range(16))
    with socket.create_server((LOOPBACK, 0)) as server:
        command = [sys.executable, "-P", "-m", "sandmle.sandbox._node", "--connect"]
        host = subprocess.Popen(
            [*command, f"{LOOPBACK}:{server.getsockname()[1]}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **import_path()},
        )
        assert host.stdin is not None
        host.stdin.write(token.hex().encode() + b"\n")
        host.stdin.close()
        sock, _ = server.accept()
        wire = greet(sock, token)
        assert wire.receive(seconds=5).head["role"] == "node"
        wire.send(settings)
        assert host.wait(10) in (0, 3)
        wire.close()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(UsageError, match="give a name or IPv4 address of this machine"):
        RemoteNodes(SETTINGS, address="192.0.2.1")


def test_closing_wakes_who_waits_and_frees_the_port() -> None:
    nodes = RemoteNodes(SETTINGS, address=LOOPBACK)
    impostor = Impostor(nodes)
    nodes.wait(1, launch=1, seconds=5, ended=lambda: None)
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(nodes.open, {}, LIMITS, stateful=False)
        impostor.control.receive(seconds=5)
        start = time.monotonic()
        nodes.close()
        nodes.close()
        with pytest.raises(LostError):
            opening.result(5)
        assert time.monotonic() - start < 2
    impostor.control.close()
    with pytest.raises(ConnectionRefusedError):
        connect(nodes)


def test_a_host_ends_at_a_signal_and_leaves_nothing(
    nodes: RemoteNodes, start: Callable[[int], Launch]
) -> None:
    launch = start(1)
    with nodes.open({}, LIMITS, stateful=False) as session:
        session.run("pass")
        below = subprocess.run(
            ["pgrep", "-P", str(launch._process.pid)], capture_output=True, check=True, text=True
        )
        os.kill(int(below.stdout), signal.SIGTERM)
        deadline = time.monotonic() + 5
        while launch.running and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not launch.running
        with pytest.raises(SandboxError):
            session.run("pass")
