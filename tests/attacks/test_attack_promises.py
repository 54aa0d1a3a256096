"""What the attacked promises around the attacks: limits are felt, not only enforced."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from _attack import LIMITS
from _planted import Planted
from _targets import Target

from sandmle.core.execution import Sandbox

_HOST_SHARE_MIB = 2_500
"""More than other programs of the machine take in a second; a bomb of 4 GiB would show."""


def test_a_printed_score_is_only_text(sandbox: Sandbox) -> None:
    with sandbox.open({}, LIMITS) as session:
        execution = session.run("print('score: 1.0, medal: gold')")
        assert execution.stdout == "score: 1.0, medal: gold\n"
        assert session.read("submission.csv", max_bytes=1_000) is None


def test_a_script_goes_by_a_name_of_no_meaning(sandbox: Sandbox) -> None:
    code = "import getpass, os; print(getpass.getuser(), os.environ['HOME'] != '/root')"
    with sandbox.open({}, LIMITS) as session:
        assert session.run(code).stdout == "agent True\n"


def test_what_libraries_use_between_processes_still_works(target: Target, sandbox: Sandbox) -> None:
    if target.backend == "landlock":
        pytest.skip("without a mount namespace there is no /dev/shm for named semaphores")
    code = """
import multiprocessing, socket
socket.socketpair()
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        print(pool.map(abs, [-1, -2]))
"""
    with sandbox.open({}, LIMITS) as session:
        execution = session.run(code)
    assert execution.stdout == "[1, 2]\n", execution


def test_sockets_on_the_own_loopback_work_where_there_is_one(
    target: Target, sandbox: Sandbox
) -> None:
    if target.backend == "landlock":
        pytest.skip("without a network namespace the loopback would be the host's")
    code = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    with socket.create_connection(server.getsockname()):
        print("connected")
"""
    with sandbox.open({}, LIMITS) as session:
        execution = session.run(code)
    assert execution.stdout == "connected\n", execution


def test_a_file_named_like_a_module_keeps_no_later_run_from_starting(sandbox: Sandbox) -> None:
    code = """
for name in ("os", "site", "types", "enum", "codecs", "io", "re", "encodings", "sitecustomize"):
    open(name + ".py", "w").write("raise SystemExit(77)")
"""
    with sandbox.open({}, LIMITS) as session:
        session.run(code)
        execution = session.run("print('started')")
    assert execution.stdout == "started\n", execution


def test_orphans_are_buried(sandbox: Sandbox) -> None:
    """A script that starts a daemon after the other has few processes, however many there were."""
    code = f"""
import os, time
for _ in range({2 * LIMITS.processes}):
    if os.fork() == 0:
        if os.fork() == 0:
            os._exit(0)
        os._exit(0)
    os.wait()
    time.sleep(0.005)
print("fine")
"""
    with sandbox.open({}, LIMITS) as session:
        execution = session.run(code)
    assert execution.stdout == "fine\n", execution


def test_the_host_keeps_its_memory_while_a_bomb_goes_off(sandbox: Sandbox) -> None:
    code = "held = [bytearray(b'x') * (32 << 20) for _ in range(128)]\nprint('took it')"
    with sandbox.open({}, LIMITS) as session, ThreadPoolExecutor(1) as threads:
        before = lowest = _available_mib()
        running = threads.submit(session.run, code)
        while not running.done():
            lowest = min(lowest, _available_mib())
            time.sleep(0.02)
        execution = running.result()
    assert not execution.ok, execution
    assert execution.killed_by in (None, "memory")
    assert before - lowest < _HOST_SHARE_MIB


def _available_mib() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return int(dict(line.split(":") for line in lines)["MemAvailable"].split()[0]) >> 10


def test_a_full_disk_ends_a_script_that_goes_on_and_costs_the_session_nothing(
    sandbox: Sandbox,
) -> None:
    with sandbox.open({}, LIMITS) as session:
        execution = session.run("import time; open('big', 'wb').write(bytes(64 << 20))")
        full = "No space left" in execution.stderr or "File too large" in execution.stderr
        assert (execution.exit_code == 1 and full) or execution.killed_by == "disk", execution
        session.run("import os; os.remove('big')")
        assert session.run("open('small', 'w').write('fits')").ok


def test_runs_beyond_the_slots_wait_and_waiting_does_not_count(target: Target) -> None:
    code = "import time; time.sleep(0.4)"
    with target.make(slots=1, preload=()) as sandbox, ThreadPoolExecutor(3) as threads:
        sessions = [sandbox.open({}, LIMITS) for _ in range(3)]
        start = time.monotonic()
        runs = list(threads.map(lambda session: session.run(code), sessions))
        elapsed = time.monotonic() - start
        for session in sessions:
            session.close()
    assert elapsed > 1.2
    assert all(0.39 < run.seconds < elapsed - 0.7 for run in runs), (elapsed, runs)


def test_cpu_time_and_memory_are_accounted(sandbox: Sandbox) -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    with sandbox.open({}, LIMITS) as session:
        alone = session.run(burn)
        child = session.run(
            f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
        )
        small = session.run("pass")
        large = session.run("x = bytearray(b'x') * (150 << 20)")
    assert 0.29 <= alone.cpu_seconds < 3, alone
    assert 0.29 <= child.cpu_seconds < 3, child
    assert 150 <= large.peak_mib - small.peak_mib < 250 or 150 < large.peak_mib < 250, large


def test_no_descriptor_of_the_trainer_leaks(sandbox: Sandbox, planted: Planted) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    with sandbox.open({}, LIMITS) as session:
        session.run("print(1)")
    before = count()
    for _ in range(3):
        with sandbox.open({}, LIMITS) as session:
            session.run("print(1)")
            session.run("while True: pass", timeout_seconds=0.1)
    assert count() == before
