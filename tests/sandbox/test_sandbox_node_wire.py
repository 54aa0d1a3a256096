"""The connection between trainer and node, without either."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.sandbox._remote_address import LOOPBACK, own_addresses
from sandmle.sandbox._remote_wire import (
    MAX_HEAD_BYTES,
    LostError,
    Wire,
    _seal,
    dial,
    greet,
)

TOKEN = bytes(range(16))
OTHER = bytes(16)
NONCES = bytes(64)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server((LOOPBACK, 0)) as server:
        near = socket.create_connection(server.getsockname())
        far, _ = server.accept()
    return near, far


@pytest.fixture
def wires() -> Iterator[tuple[Wire, Wire]]:
    near, far = tcp_pair()
    trainer = Wire(near, side="trainer", token=TOKEN, nonces=NONCES)
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    yield trainer, node
    trainer.close()
    node.close()


@pytest.fixture
def trainer() -> Iterator[Callable[[bytes], tuple[str, int]]]:
    """Start something that accepts one connection and greets it with a token."""
    with socket.create_server((LOOPBACK, 0)) as server, ThreadPoolExecutor(1) as threads:
        server.settimeout(10)

        def accept(token: bytes) -> None:
            sock, _ = server.accept()
            try:
                greet(sock, token).close()
            except LostError:
                sock.close()

        def start(token: bytes) -> tuple[str, int]:
            threads.submit(accept, token)
            address: tuple[str, int] = server.getsockname()
            return address

        yield start


class Recorder(socket.socket):
    """A socket that keeps what is sent through it instead of sending it."""

    sent = b""

    def sendall(self, data: bytes, flags: int = 0) -> None:  # type: ignore[override] # bytes will do
        self.sent += data


def sealed(head: dict[str, object], payload: bytes, *, side: str = "trainer") -> bytes:
    with Recorder() as recorder:
        wire = Wire(recorder, side=side, token=TOKEN, nonces=NONCES)  # type: ignore[arg-type] # a Side
        wire.send(head, payload)
        return recorder.sent


@given(head=st.dictionaries(st.text(), JSON), payload=st.binary(max_size=2_000))
def test_what_is_sent_arrives(head: dict[str, object], payload: bytes) -> None:
    near, far = tcp_pair()
    trainer = Wire(near, side="trainer", token=TOKEN, nonces=NONCES)
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    try:
        for sender, receiver in ((trainer, node), (node, trainer), (trainer, node)):
            sender.send(head, payload)
            frame = receiver.receive(max_payload=2_000, seconds=5)
            assert (frame.head, frame.payload) == (json.loads(json.dumps(head)), payload)
    finally:
        trainer.close()
        node.close()


@given(place=st.integers(min_value=0), flip=st.integers(1, 255))
def test_a_message_that_is_altered_anywhere_is_refused(place: int, flip: int) -> None:
    data = bytearray(sealed({"op": "run"}, b"print(1)"))
    data[place % len(data)] ^= flip
    near, far = tcp_pair()
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    near.sendall(data)
    near.close()
    with pytest.raises(LostError):
        node.receive(max_payload=100, seconds=5)
    node.close()


@pytest.mark.parametrize("side", ["trainer", "node"])
def test_a_message_that_is_repeated_or_sent_back_is_refused(side: str) -> None:
    data = sealed({"op": "run"}, b"x", side=side)
    near, far = tcp_pair()
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    near.sendall(data + data)
    if side == "trainer":
        assert node.receive(max_payload=1, seconds=5).payload == b"x"
    with pytest.raises(LostError, match="wrong seal"):
        node.receive(max_payload=1, seconds=5)
    near.close()
    node.close()


@pytest.mark.parametrize("sizes", [(MAX_HEAD_BYTES + 1, 0), (2**32 - 1, 2**64 - 1), (2, 101)])
def test_a_size_over_the_bound_is_refused_before_anything_is_read(sizes: tuple[int, int]) -> None:
    near, far = tcp_pair()
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    near.sendall(struct.pack("!IQ", *sizes))
    with pytest.raises(LostError, match="sent a message of"):
        node.receive(max_payload=100, seconds=5)
    near.close()
    node.close()


@pytest.mark.parametrize("head", [b"[1]", b"\xff", b"", b"{" * 100_000, b"[" * 100_000])
def test_a_head_that_is_no_object_is_refused(head: bytes) -> None:
    near, far = tcp_pair()
    node = Wire(far, side="node", token=TOKEN, nonces=NONCES)
    sizes = struct.pack("!IQ", len(head), 0)
    near.sendall(sizes + head + _seal(node._receiving, bytes(8), sizes, head))
    with pytest.raises(LostError, match=r"not JSON|without fields"):
        node.receive(seconds=5)
    near.close()
    node.close()


def test_silence_and_an_ended_connection_are_told_apart(wires: tuple[Wire, Wire]) -> None:
    trainer, node = wires
    start = time.monotonic()
    with pytest.raises(LostError, match="in time"):
        trainer.receive(seconds=0.2)
    assert 0.1 < time.monotonic() - start < 2
    node.close()
    with pytest.raises(LostError, match="ended the connection"):
        trainer.receive(seconds=5)


def test_hanging_up_wakes_who_waits_on_either_side(wires: tuple[Wire, Wire]) -> None:
    trainer, node = wires
    waiting = threading.Thread(target=node.wait_for_hangup)
    waiting.start()
    with ThreadPoolExecutor(1) as threads:
        receiving = threads.submit(trainer.receive)
        time.sleep(0.1)
        assert waiting.is_alive()
        trainer.hang_up()
        with pytest.raises(LostError):
            receiving.result(5)
    waiting.join(5)
    assert not waiting.is_alive()


def test_both_sides_prove_themselves(trainer: Callable[[bytes], tuple[str, int]]) -> None:
    dial(trainer(TOKEN), TOKEN, seconds=5).close()
    with pytest.raises(LostError):
        dial(trainer(OTHER), TOKEN, seconds=5)


def test_a_node_does_not_talk_to_a_trainer_that_does_not_know_the_token() -> None:
    heard = []

    def pretend(server: socket.socket) -> None:
        sock, _ = server.accept()
        with sock:
            sock.sendall(b"sandmle1" + bytes(32))
            heard.append(sock.recv(64, socket.MSG_WAITALL))
            sock.sendall(bytes(32))
            heard.append(sock.recv(1))

    with socket.create_server((LOOPBACK, 0)) as server:
        pretender = threading.Thread(target=pretend, args=(server,))
        pretender.start()
        with pytest.raises(LostError, match="does not know the token"):
            dial(server.getsockname(), TOKEN, seconds=5)
        pretender.join()
    assert [len(said) for said in heard] == [64, 0]


def test_another_service_is_left_alone() -> None:
    with socket.create_server((LOOPBACK, 0)) as server, ThreadPoolExecutor(1) as threads:
        dialled = threads.submit(dial, server.getsockname(), TOKEN, seconds=5)
        sock, _ = server.accept()
        with sock:
            sock.sendall(b"SSH-2.0-")
            with pytest.raises(LostError, match="not a trainer"):
                dialled.result()
            assert sock.recv(1) == b""


def test_the_addresses_of_this_machine_end_with_the_loopback() -> None:
    addresses = own_addresses()
    assert addresses[-1] == LOOPBACK
    assert all(socket.inet_aton(address) for address in addresses)
