"""Frames, captures, process trees and filters: the small parts below the backends."""

import os
import platform
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._process_tree import cpu_seconds, exact_memory_kib, tree, usage
from sandmle.sandbox._seccomp import notified_errors, refused_numbers, seccomp_filter


@given(st.dictionaries(st.text(max_size=9), st.integers()), st.binary(max_size=999))
def test_a_frame_arrives_as_it_was_sent(head: dict[str, int], payload: bytes) -> None:
    one, two = socket.socketpair()
    with one, two:
        send(one, Frame(head, payload))
        assert receive(two) == Frame(head, payload)


def test_descriptors_travel_with_a_frame() -> None:
    one, two = socket.socketpair()
    with one, two, Path(os.devnull).open() as file:
        send(one, Frame({"a": 1}, b"b", (file.fileno(),)))
        frame = receive(two)
        assert frame[:2] == ({"a": 1}, b"b")
        assert os.fstat(frame.descriptors[0]).st_rdev == os.fstat(file.fileno()).st_rdev
        os.close(frame.descriptors[0])


def test_the_end_of_the_other_side_is_an_error() -> None:
    one, two = socket.socketpair()
    with two:
        one.sendall(b"\0\0")
        one.close()
        with pytest.raises(EOFError):
            receive(two)


@given(st.lists(st.binary(max_size=60), max_size=20), st.integers(1, 50))
def test_a_capture_keeps_both_ends_and_counts_the_rest(blocks: list[bytes], keep: int) -> None:
    capture = Capture(keep)
    for block in blocks:
        os.write(capture.write_end, block)
        capture.pull()
    capture.close_write_end()
    capture.close()
    whole = b"".join(blocks)
    assert capture.head == whole[:keep]
    assert whole.endswith(capture.tail)
    assert len(capture.tail) >= min(keep, len(whole) - len(capture.head))
    assert len(capture.head) + capture.dropped + len(capture.tail) == len(whole) == capture.total


def test_a_capture_tells_when_the_writers_are_gone() -> None:
    capture = Capture(10)
    os.write(capture.write_end, b"x")
    assert capture.pull()
    capture.close_write_end()
    assert not capture.pull()
    capture.close()


def test_a_tree_holds_all_descendants_and_their_usage() -> None:
    code = (
        "import os, sys, time\n"
        "if os.fork() == 0:\n    held = bytearray(b'x') * (32 << 20)\n"
        "    end = time.process_time() + 0.1\n    while time.process_time() < end: pass\n"
        "    print('ready', flush=True)\ntime.sleep(20)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        pids = tree(process.pid)
        seen = usage(pids)
        exact = exact_memory_kib(pids)
        spent = cpu_seconds(pids)
        for pid in reversed(pids):
            os.kill(pid, 9)
    assert len(pids) == 2
    assert pids[0] == process.pid
    assert seen.tasks == 2
    assert seen.memory_kib > 32 << 10
    assert seen.peak_kib > 32 << 10
    assert 32 << 10 < exact <= seen.memory_kib
    assert spent >= 0.1


def test_a_process_that_is_gone_counts_for_nothing() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    time.sleep(0.01)
    assert usage([process.pid]) == (0, 0, 0)
    assert cpu_seconds([process.pid]) == 0
    assert exact_memory_kib([process.pid]) == 0


def _evaluate(
    program: bytes, *, number: int, architecture: int, argument: int = 0, second: int = 0
) -> int:
    """Run a classic BPF program as the kernel does; the filter uses six kinds of steps."""
    data = struct.pack("=IIQQQ", number, architecture, 0, argument, second)
    steps = list(struct.iter_unpack("=HBBI", program))
    value, at = 0, 0
    while True:
        code, yes, no, operand = steps[at]
        at += 1
        if code == 0x20:
            value = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x06:
            return operand
        else:
            holds = {
                0x15: value == operand,
                0x25: value > operand,
                0x35: value >= operand,
                0x45: bool(value & operand),
            }
            at += yes if holds[code] else no


ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, KILL, EPERM, ENOSYS, NO_FAMILY = 0x7FFF0000, 0x80000000, 0x50001, 0x50026, 0x50061


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_refuses_its_table_and_allows_the_rest(machine: str) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    numbers = set(refused_numbers(machine).values())
    clone, sock = {"x86_64": (56, 41), "aarch64": (220, 198)}[machine]
    for number in range(500):
        verdict = _evaluate(program, number=number, architecture=ARCHITECTURES[machine])
        if number in numbers:
            assert verdict in (EPERM, ENOSYS), number
        elif number > 462:
            assert verdict == ENOSYS, "a call of a kernel to come"
        elif number == sock:
            assert verdict == NO_FAMILY, "family 0"
        else:
            assert verdict == ALLOW, number
    new_user, thread = 0x10000000, 0x3D0F00
    for argument, expected in ((new_user | 17, EPERM), (thread, ALLOW), (17, ALLOW)):
        got = _evaluate(
            program, number=clone, architecture=ARCHITECTURES[machine], argument=argument
        )
        assert got == expected
    for family, expected in ((1, ALLOW), (2, ALLOW), (10, ALLOW), (16, NO_FAMILY), (40, NO_FAMILY)):
        got = _evaluate(program, number=sock, architecture=ARCHITECTURES[machine], argument=family)
        assert got == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_no_input_can_be_typed_into_a_terminal(machine: str) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    ioctl = {"x86_64": 16, "aarch64": 29}[machine]
    for request, expected in ((0x5412, EPERM), (1 << 32 | 0x541C, EPERM), (0x5401, ALLOW)):
        got = _evaluate(
            program, number=ioctl, architecture=ARCHITECTURES[machine], argument=1, second=request
        )
        assert got == expected


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_a_filter_that_notifies_refuses_the_same_calls(machine: str) -> None:
    plain, asking = seccomp_filter(machine), seccomp_filter(machine, notify=True)
    assert plain is not None
    assert asking is not None
    errors = notified_errors(machine)
    for number in range(500):
        for argument in (0, 1, 16, 0x10000000 | 17):
            call = {
                "number": number,
                "architecture": ARCHITECTURES[machine],
                "argument": argument,
                "second": 0x5412,
            }
            verdict, asked = _evaluate(plain, **call), _evaluate(asking, **call)
            if asked == 0x7FC00000:
                error = errors[number][1]
                assert verdict == (0x50000 | error if error else ALLOW), number
            else:
                assert verdict == asked, number


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_the_filter_kills_what_speaks_another_abi(machine: str) -> None:
    program = seccomp_filter(machine)
    assert program is not None
    other = ARCHITECTURES["aarch64" if machine == "x86_64" else "x86_64"]
    assert _evaluate(program, number=1, architecture=other) == KILL
    x32 = _evaluate(program, number=0x40000001, architecture=ARCHITECTURES[machine])
    assert x32 == KILL


def test_there_is_no_filter_for_an_unknown_processor() -> None:
    assert seccomp_filter("riscv64") is None
    assert refused_numbers("riscv64") == {}


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of that processor")
def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    header = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
    if not header.exists():
        pytest.skip("the kernel's headers are not installed")
    known = {
        words[1].removeprefix("__NR_"): int(words[2])
        for line in header.read_text().splitlines()
        if len(words := line.split()) == 3 and words[1].startswith("__NR_")
    }
    for name, number in refused_numbers("x86_64").items():
        assert known.get(name, number) == number, name
