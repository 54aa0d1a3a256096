import ctypes
import errno
import mmap
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.sandbox._bundle import BOOT, bundle
from sandmle.sandbox._hot_pages import (
    Region,
    copy_pages,
    pack,
    pages_of_its_own,
    unpack,
    writable_regions,
)
from sandmle.sandbox._notes import Noted, noted
from sandmle.sandbox._packets import Packet, packet_pair, receive_packet, send_packet
from sandmle.sandbox._preload import TABLES, preload, rehearse
from sandmle.sandbox._process_tree import stopped
from sandmle.sandbox._turns import Turns

PAGE = mmap.PAGESIZE


@pytest.mark.parametrize("descriptors", [0, 1, 8])
def test_a_packet_arrives_with_its_descriptors(descriptors: int) -> None:
    ours, theirs = packet_pair()
    with ours, theirs:
        sent = [os.open(os.devnull, os.O_RDONLY) for _ in range(descriptors)]
        send_packet(ours, Packet({"a": [1, "ü"]}, tuple(sent)))
        got = receive_packet(theirs)
        assert got.head == {"a": [1, "ü"]}
        assert [os.fstat(fd).st_rdev for fd in got.descriptors] == [
            Path(os.devnull).stat().st_rdev
        ] * descriptors
        for fd in (*sent, *got.descriptors):
            os.close(fd)


HOSTILE = {
    "text": b"exit_code 0",
    "a list": b"[1]",
    "a number": b"7",
    "half of it": b'{"exit_code": ',
    "no UTF-8": b"\xff\xfe",
    "deep nesting": b"[" * 50_000,
    "too long": b'{"a": "' + b"x" * 70_000 + b'"}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_is_no_packet_reads_as_an_end_and_leaks_nothing(kind: str) -> None:
    ours, theirs = packet_pair()
    before = len(list(Path("/proc/self/fd").iterdir()))
    with ours, theirs:
        fd = os.open(os.devnull, os.O_RDONLY)
        socket.send_fds(ours, [HOSTILE[kind]], [fd] * 20)
        os.close(fd)
        with pytest.raises(EOFError):
            receive_packet(theirs)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_sender_need_not_wait_for_a_reader_that_does_not_read() -> None:
    ours, theirs = packet_pair()
    error = 0
    with ours, theirs:
        while not error:
            try:
                send_packet(ours, Packet({}), wait=False)
            except OSError as exc:
                error = exc.errno or -1
    assert error == errno.EAGAIN


def test_a_closed_connection_is_an_end() -> None:
    ours, theirs = packet_pair()
    with theirs:
        ours.close()
        with pytest.raises(EOFError):
            receive_packet(theirs)


@given(st.lists(st.tuples(st.integers(0, 2**63), st.integers(0, 2**63)), max_size=20))
def test_regions_survive_packing(pairs: list[tuple[int, int]]) -> None:
    assert unpack(pack([Region(*pair) for pair in pairs])) == pairs


def _in_child(act: object) -> list[int]:
    """Run a function of ours in a forked child and return the numbers that it returns."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(write_end, repr(act()).encode())  # type: ignore[operator]
        os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as file:
        numbers = [int(word) for word in file.read().strip("[]").split(",")]
    os.waitpid(pid, 0)
    return numbers


def test_the_pages_that_a_child_writes_to_are_found_and_can_be_copied_beforehand() -> None:
    pages = 8
    block = mmap.mmap(-1, pages * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    block.write(b"x" * pages * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(block))
    region = [Region(start, pages * PAGE)]
    assert any(r.start <= start < r.start + r.size for r in writable_regions())

    def own() -> list[int]:
        return [(r.start - start) // PAGE * 100 + r.size // PAGE for r in pages_of_its_own(region)]

    def write_some() -> list[int]:
        for page in (1, 2, 5):
            block[page * PAGE] = 1
        return own()

    def copy_some() -> list[int]:
        copy_pages([Region(start + 3 * PAGE, 2 * PAGE)])
        return own()

    assert _in_child(write_some) == [102, 501]
    if tuple(int(n) for n in os.uname().release.split(".")[:2]) >= (5, 14):
        assert _in_child(copy_some) == [302]


def test_a_bundle_runs_without_our_files() -> None:
    code = f"""
import os, sys, subprocess
fd = os.memfd_create("bundle")
os.write(fd, sys.stdin.buffer.read())
os.lseek(fd, 0, os.SEEK_SET)
words = [sys.executable, "-I", "-S", "-c", {BOOT!r}, str(fd), "7"]
subprocess.run(words, pass_fds=[fd], check=True)
"""
    content = (
        bundle("_mounts").decode()[:-1]
        + ', "_last": "'
        + (
            "import sys\\nfrom sandmle.sandbox import _mounts\\n"
            "def main(number):\\n"
            "    assert _mounts.INSIDE_ID == 1000\\n"
            "    assert not any('sandmle' in place for place in sys.path)\\n"
            "    print(number, _mounts.__name__)\\n"
            '"}'
        )
    )

    told = subprocess.run(
        [sys.executable, "-c", code],
        input=content.encode(),
        capture_output=True,
        check=False,
        cwd="/",
    )
    assert told.stdout == b"7 sandmle.sandbox._mounts\n", told.stderr


def test_a_preload_passes_over_what_is_not_installed() -> None:
    assert preload(["json", "no_such_module", "no_such_package.inner"]) == ["json"]
    rehearse(TABLES)


def test_nobody_overtakes_in_the_queue_for_a_slot() -> None:
    turns, order, threads = Turns(2), list[int](), list[threading.Thread]()
    numbers = set()

    def play(number: int) -> None:
        with turns.one() as slot:
            numbers.add(slot)
            order.append(number)
            time.sleep(0.03)

    for number in range(8):
        threads.append(threading.Thread(target=play, args=(number,)))
        threads[-1].start()
        time.sleep(0.005)
    for thread in threads:
        thread.join()
    assert order == list(range(8))
    assert numbers == {0, 1}


def test_a_slot_is_given_back_after_an_error() -> None:
    turns = Turns(1)
    for _ in range(3):
        with pytest.raises(KeyError), turns.one():
            raise KeyError
    with turns.one() as slot:
        assert slot == 0


def test_a_process_is_seen_to_be_stopped() -> None:
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    try:
        assert not stopped([pid])
        os.kill(pid, 19)
        os.waitpid(pid, os.WUNTRACED)
        assert stopped([pid])
        assert stopped([]), "what is dead does not run"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_notes_are_two_numbers_of_eight_bytes() -> None:
    assert noted(b"\x05" + bytes(7) + b"\x07" + bytes(7)) == Noted(opens=5, peak_kib=7)
