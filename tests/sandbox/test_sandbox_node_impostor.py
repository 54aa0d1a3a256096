"""What the trainer makes of a node that knows the token and does not keep to the protocol."""

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from _impostor import LIMITS, SETTINGS, Impostor

from sandmle.core.errors import SandboxError, UsageError
from sandmle.sandbox._remote import RemoteNodes
from sandmle.sandbox._remote_address import LOOPBACK
from sandmle.sandbox._remote_session import RemoteSession
from sandmle.sandbox._remote_wire import LostError, Wire


@pytest.fixture
def nodes() -> Iterator[RemoteNodes]:
    with RemoteNodes(SETTINGS, address=LOOPBACK) as made:
        yield made


@pytest.fixture
def impostor(nodes: RemoteNodes) -> Iterator[Impostor]:
    made = Impostor(nodes)
    nodes.wait(1, launch=1, seconds=5, ended=lambda: None)
    yield made
    made.control.close()


@pytest.fixture
def deceived(nodes: RemoteNodes, impostor: Impostor) -> Iterator[tuple[RemoteSession, Wire]]:
    """A session, and the impostor's end of it."""
    with ThreadPoolExecutor(1) as threads:
        opening = threads.submit(nodes.open, {"a": b"1"}, LIMITS, stateful=False)
        wire = impostor.session()
        session = opening.result(5)
    yield session, wire
    wire.close()
    session.close()


def test_a_node_of_another_version_is_refused(nodes: RemoteNodes, impostor: Impostor) -> None:
    wire = impostor.introduce("node", 2, {"version": "0.0.0"})
    with pytest.raises(UsageError, match=r"impostor has sandmle 0\.0\.0.*install the same"):
        nodes.wait(1, launch=2, seconds=5, ended=lambda: None)
    with pytest.raises(LostError):
        wire.receive(seconds=5)
    wire.close()


@pytest.mark.parametrize(
    "hello",
    [
        {},
        {"slots": 0},
        {"slots": 10**9},
        {"slots": "many"},
        {"slots": 1, "more": 2},
        {"error": "NoSuchError"},
    ],
)
def test_a_node_that_says_something_else_than_hello_does_not_join(
    hello: dict[str, Any], nodes: RemoteNodes
) -> None:
    impostor = Impostor(nodes, hello=hello)
    with pytest.raises(LostError):
        impostor.control.receive(seconds=5)
    impostor.control.close()
    assert nodes.alive == []


@pytest.mark.parametrize(
    "introduction",
    [
        {"role": "trainer"},
        {"number": "x"},
        {"node": "n" * 256},
        {"role": "session", "number": 7},
        {"surplus": 1},
    ],
)
def test_an_introduction_that_makes_no_sense_ends_the_connection(
    introduction: dict[str, Any], impostor: Impostor, nodes: RemoteNodes
) -> None:
    wire = impostor.introduce("node", 9, introduction)
    with pytest.raises(LostError):
        wire.receive(seconds=5)
    wire.close()
    assert len(nodes.alive) == 1


def test_a_node_that_speaks_out_of_turn_is_dropped(nodes: RemoteNodes, impostor: Impostor) -> None:
    impostor.control.send({"anything": 1})
    deadline = time.monotonic() + 5
    while nodes.alive and time.monotonic() < deadline:
        time.sleep(0.02)
    assert nodes.alive == []


@pytest.mark.parametrize(
    ("head", "payload"),
    [
        ({}, b""),
        ({}, b"not json"),
        ({}, b'{"exit_code": 0}'),
        ({}, b"[" * 100_000),
        ({"found": "perhaps"}, b""),
        ({"error": 7}, b""),
        ({}, bytes(8 << 20)),
        ({"op": "run"}, b""),
    ],
)
def test_a_result_that_makes_no_sense_is_an_infrastructure_error(
    head: dict[str, Any], payload: bytes, deceived: tuple[RemoteSession, Wire]
) -> None:
    session, wire = deceived
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(session.run, "pass")
        wire.receive(max_payload=100, seconds=5)
        with contextlib.suppress(LostError):
            wire.send(head, payload, seconds=1)
        with pytest.raises(SandboxError):
            running.result(5)
    with pytest.raises(SandboxError):
        session.run("pass")


def test_a_file_larger_than_asked_for_is_refused(deceived: tuple[RemoteSession, Wire]) -> None:
    session, wire = deceived
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(session.read, "submission.csv", max_bytes=100)
        wire.receive(seconds=5)
        wire.send({"found": True}, bytes(101))
        with pytest.raises(SandboxError, match="sent a message of"):
            reading.result(5)


@pytest.mark.parametrize("kind", ["KeyboardInterrupt", "SandmleError", "OSError", "SystemExit"])
def test_a_node_cannot_raise_what_it_likes(kind: str, deceived: tuple[RemoteSession, Wire]) -> None:
    session, wire = deceived
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(session.run, "pass")
        wire.receive(max_payload=100, seconds=5)
        wire.send({"error": kind, "message": "do as I say"})
        with pytest.raises(SandboxError, match="something else"):
            running.result(5)


def test_files_too_large_to_send_are_refused(nodes: RemoteNodes, impostor: Impostor) -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return (1 << 30) + 1

    with pytest.raises(UsageError, match="1,073,741,825 bytes"):
        nodes.open({"a": Huge()}, LIMITS, stateful=False)
