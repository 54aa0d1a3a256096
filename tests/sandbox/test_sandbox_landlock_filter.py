"""The strict filter of system calls, step by step and on the real kernel."""

from __future__ import annotations

import errno
import json
import platform
import struct
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sandmle.sandbox import _seccomp_strict as strictly
from sandmle.sandbox._seccomp import seccomp_filter
from sandmle.sandbox._seccomp_strict import strict_errors, strict_filter

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
ALLOW, ASK, ERROR, KILL = 0x7FFF0000, 0x7FC00000, 0x50000, 0x80000000


def _verdict(
    program: bytes, number: int, *, machine: str, arguments: tuple[int, int] = (0, 0)
) -> int:
    """Do what the kernel does with a program."""
    steps = list(struct.iter_unpack("=HBBI", program))
    data = struct.pack("=IIQ2Q", number, ARCHITECTURES[machine], 0, *arguments)
    held, at = 0, 0
    while True:
        code, yes, no, operand = steps[at]
        at += 1
        if code == 0x20:
            held = struct.unpack_from("=I", data, operand)[0]
        elif code == 0x06:
            return operand
        else:
            holds = {
                0x15: held == operand,
                0x25: held > operand,
                0x35: held >= operand,
                0x45: bool(held & operand),
            }
            at += yes if holds[code] else no


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_nothing_that_the_ordinary_filter_refuses_is_allowed(machine: str) -> None:
    ordinary, strict = seccomp_filter(machine), strict_filter(machine)
    assert ordinary is not None
    assert strict is not None
    for number in [*range(500), 0x40000001]:
        for arguments in ((0, 0), (1, 0x5412), (16, 1), (0x10000000, 0x541C), (0x8000, 0x8000)):
            verdict = _verdict(ordinary, number, machine=machine, arguments=arguments)
            if verdict != ALLOW:
                found = _verdict(strict, number, machine=machine, arguments=arguments)
                assert found != ALLOW, (number, arguments)


@pytest.mark.parametrize("machine", ARCHITECTURES)
@pytest.mark.parametrize("notify", [False, True])
def test_every_table_has_its_verdict(machine: str, notify: bool) -> None:
    program = strict_filter(machine, notify=notify)
    assert program is not None
    column = list(ARCHITECTURES).index(machine)
    tables = (
        (strictly._REFUSED, ASK if notify else ERROR | errno.EPERM),
        (strictly._ABSENT, ERROR | errno.ENOSYS),
        (strictly._IGNORED, ERROR),
        (strictly._UNSUPPORTED, ERROR | errno.EOPNOTSUPP),
    )
    for table, expected in tables:
        for name, numbers in table.items():
            if (number := numbers[column]) is not None:
                assert _verdict(program, number, machine=machine) == expected, name
    for rule in strictly._RULES:
        for value, listed in (*((value, True) for value in rule.values), (0x7777, False)):
            # The kernel looks at the low half of such an argument only.
            arguments = [0, 0]
            arguments[rule.argument] = 1 << 32 | value
            verdict = _verdict(
                program,
                rule.numbers[column],
                machine=machine,
                arguments=(arguments[0], arguments[1]),
            )
            assert verdict == (ALLOW if listed == rule.allowed else ERROR | rule.error), rule.name


@pytest.mark.parametrize("machine", ARCHITECTURES)
def test_whoever_listens_knows_every_call_that_it_is_asked_about(machine: str) -> None:
    asking, plain = strict_filter(machine, notify=True), strict_filter(machine)
    assert asking is not None
    assert plain is not None
    errors = strict_errors(machine)
    for number in range(500):
        for arguments in ((0, 0), (16, 0x5412), (0x10000000, 0)):
            if _verdict(asking, number, machine=machine, arguments=arguments) == ASK:
                verdict = _verdict(plain, number, machine=machine, arguments=arguments)
                assert verdict == ERROR | errors[number][1], number


def test_there_is_none_for_an_unknown_processor() -> None:
    assert strict_filter("riscv64") is None


@pytest.mark.skipif(platform.machine() != "x86_64", reason="headers of that processor")
def test_the_numbers_are_those_of_the_kernels_headers() -> None:
    names = ("x86_64-linux-gnu/asm/unistd_64.h", "asm-generic/unistd.h")
    headers = [Path("/usr/include", name) for name in names]
    if not all(header.exists() for header in headers):
        pytest.skip("the kernel's headers are not installed")
    tables = (strictly._REFUSED, strictly._ABSENT, strictly._IGNORED, strictly._UNSUPPORTED)
    calls = {name: numbers for table in tables for name, numbers in table.items()}
    calls |= {rule.name: rule.numbers for rule in strictly._RULES}
    for column, header in enumerate(headers):
        known = {
            words[1].removeprefix("__NR_").removeprefix("__NR3264_"): int(words[2])
            for line in header.read_text().splitlines()
            if len(words := line.split()) == 3 and words[1].startswith("__NR")
            if words[2].isdecimal()
        }
        for name, numbers in calls.items():
            assert known.get(name, numbers[column]) == numbers[column], (header, name)


_LOADED = """
import ctypes, errno, json, os, struct, sys
sys.path.insert(0, sys.argv[1])
from sandmle.sandbox._seccomp_strict import strict_filter

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def load():
    program = strict_filter()
    kept = ctypes.create_string_buffer(program, len(program))
    argument = struct.pack("@HP", len(program) // 8, ctypes.addressof(kept))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, argument, 0, 0) == 0, os.strerror(ctypes.get_errno())

def outcome(act, *arguments, **named):
    try:
        act(*arguments, **named)
    except OSError as exc:
        return errno.errorcode[exc.errno]
    return "done"
"""


def _run(code: str) -> Any:
    source = str(Path(strictly.__file__).parents[2])
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", _LOADED + textwrap.dedent(code), source],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


pytestmark = pytest.mark.skipif(strict_filter() is None, reason="no filter for this processor")


def test_modes_owners_and_times_of_files_stay_as_they_are() -> None:
    code = """
        open("file", "w").close()
        os.chmod("file", 0o600)
        os.utime("file", (1, 1))
        fd = os.open("file", os.O_RDONLY)
        load()
        tried = [outcome(os.chmod, "file", 0o777), outcome(os.fchmod, fd, 0o777),
                 outcome(os.utime, "file", (2, 2)), outcome(os.chown, "file", 1, 1),
                 outcome(os.setxattr, "file", "user.mark", b"1")]
        found = os.stat("file")
        print(json.dumps([tried, oct(found.st_mode & 0o777), found.st_mtime]))
    """
    assert _run(code) == [["done", "done", "done", "EPERM", "ENOTSUP"], "0o600", 1.0]


def test_copying_files_works_all_the_same() -> None:
    code = """
        import shutil, tarfile
        load()
        os.makedirs("a/b")
        open("a/b/file", "w").write("text")
        shutil.copy("a/b/file", "copy")
        shutil.copy2("a/b/file", "copy2")
        shutil.copytree("a", "tree")
        with tarfile.open("tar", "w") as file:
            file.add("tree")
        with tarfile.open("tar") as file:
            file.extractall("out")
        shutil.move("out", "moved")
        print(json.dumps([open(name).read() for name in
                          ("copy", "copy2", "tree/b/file", "moved/tree/b/file")]))
    """
    assert _run(code) == ["text"] * 4


def test_only_connected_streams_are_left_of_sockets() -> None:
    code = """
        import asyncio, socket
        pair = socket.socketpair()
        load()
        async def loop():
            await asyncio.sleep(0)
        asyncio.run(loop())
        one, other = socket.socketpair()
        one.sendall(b"hello")
        print(json.dumps([
            other.recv(9).decode(),
            outcome(socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM),
            [outcome(socket.socket, family, kind) for family in (1, 2, 10, 16, 40)
             for kind in (1, 2)],
            outcome(one.connect, "\\0name"), outcome(one.bind, "\\0name"),
        ]))
    """
    assert _run(code) == ["hello", "EPERM", ["EPERM"] * 10, "EPERM", "EPERM"]


def test_other_processes_limits_and_schedules_are_out_of_reach() -> None:
    code = """
        import resource
        load()
        parent = os.getppid()
        before = os.getpriority(os.PRIO_PROCESS, parent)
        print(json.dumps([
            outcome(resource.prlimit, parent, resource.RLIMIT_NOFILE),
            outcome(resource.prlimit, 0, resource.RLIMIT_NOFILE),
            outcome(os.sched_setaffinity, parent, os.sched_getaffinity(0)),
            outcome(os.sched_setaffinity, 0, os.sched_getaffinity(0)),
            outcome(os.setpriority, os.PRIO_PROCESS, parent, 19),
            os.getpriority(os.PRIO_PROCESS, parent) == before,
        ]))
    """
    assert _run(code) == ["EPERM", "done", "EPERM", "done", "done", True]


def test_nothing_leaves_its_process_group() -> None:
    code = """
        load()
        group, session = os.getpgrp(), os.getsid(0)
        if os.fork() == 0:
            os.setsid()
            os.setpgid(0, 0)
            same = (os.getpgrp(), os.getsid(0)) == (group, session)
            print(json.dumps(same), flush=True)
            os._exit(0)
        os.wait()
    """
    assert _run(code) is True


def test_shared_memory_of_others_cannot_be_attached() -> None:
    code = """
        key = libc.shmget(0, ctypes.c_size_t(4096), 0o1600)
        libc.shmat.restype = ctypes.c_long
        load()
        found = [libc.shmat(key, None, 0), ctypes.get_errno()]
        print(json.dumps([found[0], errno.errorcode[found[1]]]))
    """
    try:
        assert _run(code) == [-1, "EPERM"]
    finally:
        _remove_shared_memory()


def _remove_shared_memory() -> None:
    """Remove segments of this user to which nobody is attached."""
    import ctypes
    import os

    libc = ctypes.CDLL(None)
    for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]:
        words = line.split()
        if words[6] == "0" and int(words[7]) == os.getuid() and words[3] == "4096":
            libc.shmctl(int(words[1]), 0, None)


def test_requests_that_change_open_files_are_unknown() -> None:
    code = """
        import array, fcntl, termios
        open("file", "w").close()
        fd = os.open("file", os.O_RDONLY)
        load()
        reader, writer = os.pipe()
        os.write(writer, b"12345")
        waiting = array.array("i", [0])
        fcntl.ioctl(reader, termios.FIONREAD, waiting)
        set_flags = 0x40086602
        print(json.dumps([waiting[0], outcome(fcntl.ioctl, fd, set_flags, bytes(8)),
                          outcome(fcntl.fcntl, fd, fcntl.F_NOTIFY, 2),
                          outcome(fcntl.fcntl, fd, fcntl.F_SETLEASE, fcntl.F_RDLCK),
                          outcome(fcntl.fcntl, fd, fcntl.F_GETFL)]))
    """
    assert _run(code) == [5, "ENOTTY", "EPERM", "EPERM", "done"]
