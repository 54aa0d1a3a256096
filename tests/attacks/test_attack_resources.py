import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox

MEMORY = {
    "private": "held = [bytearray(b'x') * (32 << 20) for _ in range(128)]",
    "shared": (
        "import mmap\nheld = [mmap.mmap(-1, 32 << 20) for _ in range(128)]\n"
        "for block in held:\n    block.write(b'x' * (32 << 20))"
    ),
    "shared by no process": (
        "import ctypes, os\n"
        "libc = ctypes.CDLL(None, use_errno=True)\n"
        "held = [libc.memfd_create(b'x', 0) for _ in range(128)]\n"
        "for fd in held:\n    os.write(fd, b'x' * (8 << 20))"
    ),
    "in many processes": (
        "import os, time\n"
        "for _ in range(20):\n"
        "    if os.fork() == 0:\n"
        "        held = bytearray(b'x') * (60 << 20)\n        time.sleep(20)\n        os._exit(0)\n"
        "time.sleep(20)"
    ),
    "in temporary files": (
        "for folder in ('/tmp', '/dev/shm', '/box'):\n"
        "    for number in range(64):\n"
        "        open(f'{folder}/{number}', 'wb').write(bytes(8 << 20))"
    ),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_memory_of_every_kind_is_bounded(kind: str, cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session, ThreadPoolExecutor(1) as threads:
        before = lowest = _available_mib()
        running = threads.submit(session.run, MEMORY[kind] + "\nprint('took it')")
        while not running.done():
            lowest = min(lowest, _available_mib())
            time.sleep(0.02)
        execution = running.result()
        assert not execution.ok
        assert "took it" not in execution.stdout
        assert execution.killed_by in (None, "memory")
        assert session.run("print(1)").ok
    # Other programs of the machine move too; a bomb of 4 GiB would show all the same.
    assert before - lowest < 2_500


def _available_mib() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(dict(line.split(":") for line in lines)["MemAvailable"].split()[0]) >> 10


def test_temporary_places_have_one_small_quota(cold: Sandbox, limits: Limits) -> None:
    code = """
total = 0
for folder in ("/tmp", "/dev/shm"):
    with open(folder + "/big", "wb", buffering=0) as file:
        try:
            for _ in range(64):
                total += file.write(bytes(1 << 20))
        except OSError:
            pass
print(total <= 16 << 20)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "True\n"


def test_the_quota_holds_over_the_whole_session(cold: Sandbox, limits: Limits) -> None:
    code = "for n in range(6): open(f'{n}-' + open('input/n').read(), 'wb').write(bytes(1 << 20))"
    with cold.open({"n": b"a"}, limits) as session:
        results = [session.run(code.replace("{n}-", f"{{n}}-{run}-")).ok for run in range(4)]
    assert results == [True, True, False, False]


def test_a_full_disk_is_the_scripts_own_error(cold: Sandbox, limits: Limits) -> None:
    with cold.open({}, limits) as session:
        execution = session.run("open('big', 'wb').write(bytes(64 << 20))")
        assert execution.exit_code == 1
        assert "No space left" in execution.stderr or "File too large" in execution.stderr
        session.run("import os; os.remove('big')")
        assert session.run("open('small', 'w').write('fits')").ok


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_flood_ends_the_run_and_keeps_the_trainer_lean(
    stream: str, cold: Sandbox, limits: Limits
) -> None:
    with cold.open({}, limits) as session:
        execution = session.run(f"import sys\nwhile True: sys.{stream}.write('\\x1b[31mx' * 9999)")
    assert execution.killed_by == "output"
    assert execution.truncated
    assert len(getattr(execution, stream)) < limits.output_bytes + 200


def test_descriptors_run_out_before_the_hosts(cold: Sandbox, limits: Limits) -> None:
    code = """
import os
held = []
try:
    while len(held) < 100_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    pass
print(len(held) < 2_000)
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == "True\n"


def test_limits_cannot_be_raised(cold: Sandbox, limits: Limits) -> None:
    code = """
import resource
for name in ("AS", "DATA", "FSIZE", "NPROC", "NOFILE", "CORE", "MEMLOCK"):
    kind = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(kind)
    if hard == resource.RLIM_INFINITY:
        print("no bound on", name)
    try:
        resource.setrlimit(kind, (soft, hard + 1))
        print("raised", name)
    except (OSError, ValueError):
        pass
"""
    with cold.open({}, limits) as session:
        assert session.run(code).stdout == ""


def test_runs_beyond_the_slots_wait_and_waiting_does_not_count(limits: Limits) -> None:
    code = "import time; time.sleep(0.4)"
    with make_sandbox("cold", slots=1) as sandbox, ThreadPoolExecutor(3) as threads:
        sessions = [sandbox.open({}, limits) for _ in range(3)]
        start = time.monotonic()
        runs = list(threads.map(lambda session: session.run(code), sessions))
        elapsed = time.monotonic() - start
    assert elapsed > 1.2
    assert all(0.4 <= run.seconds < elapsed - 0.7 for run in runs), runs


def test_cpu_time_and_memory_are_accounted(cold: Sandbox, limits: Limits) -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    with cold.open({}, limits) as session:
        alone = session.run(burn)
        child = session.run(
            f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
        )
        large = session.run("x = bytearray(b'x') * (200 << 20)")
    assert 0.3 <= alone.cpu_seconds < 3
    assert 0.3 <= child.cpu_seconds < 3
    assert 200 < large.peak_mib < 300


def test_no_descriptor_of_the_trainer_leaks(cold: Sandbox, limits: Limits) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with cold.open({}, limits) as session:
        session.run("print(1)")
    before = count()
    for _ in range(3):
        with cold.open({}, limits) as session:
            session.run("print(1)")
            session.run("while True: pass", timeout_seconds=0.1)
    assert count() == before
