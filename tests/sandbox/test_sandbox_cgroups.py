"""The control groups of this machine, with real processes."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sandmle.sandbox
from sandmle.sandbox._cgroups import Groups, own_groups
from sandmle.sandbox._mounts import SetupError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")

_SOURCE = str(Path(sandmle.sandbox.__file__).parents[1])
_PRELUDE = """
import os, pathlib, signal, subprocess, sys, time, types
root = sys.argv[1]
for name, path in (("sandmle", root), ("sandmle.sandbox", root + "/sandbox")):
    package = sys.modules[name] = types.ModuleType(name)
    package.__path__ = [path]
from sandmle.sandbox._cgroups import Groups
"""


@pytest.fixture
def groups() -> Iterator[Groups]:
    found = Groups.find()
    if found is None:
        pytest.skip("this process may not make control groups with memory and pids")
    with contextlib.closing(found):
        yield found


@contextlib.contextmanager
def _waiting(code: str) -> Iterator[subprocess.Popen[str]]:
    """Start a process that waits for a line before it runs the code."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", "input()\n" + textwrap.dedent(code)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _soon(condition: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + 5
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.01)
    return condition()


def _groups_of(pid: int) -> list[Path]:
    own = own_groups(
        Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    )
    return [found for place in set(own.values()) for found in place.glob(f"sandmle-{pid}-*")]


def test_a_memory_bomb_is_killed_by_the_kernel_and_counted(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=64, tasks=16)
    before = group.oom_kills()
    with _waiting("kept = [b'x' * (1 << 20) for _ in range(300)]") as bomb:
        group.add(bomb.pid)
        bomb.communicate("go\n", timeout=30)
        assert bomb.returncode == -signal.SIGKILL
    assert group.oom_kills() == before + 1


def test_many_processes_share_one_bound_of_memory(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=96, tasks=16)
    code = """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                kept = b"x" * (30 << 20)
                time.sleep(30)
        time.sleep(30)
    """
    with _waiting(code) as bomb:
        group.add(bomb.pid)
        assert bomb.stdin is not None
        bomb.stdin.write("go\n")
        bomb.stdin.flush()
        assert _soon(lambda: group.oom_kills() > 0)
        assert group.charged_mib() <= 96
        group.kill()
        bomb.wait(timeout=10)


def test_a_run_within_its_bounds_is_left_alone(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=128, tasks=16)
    with _waiting("kept = b'x' * (40 << 20)\nprint(len(kept))\ninput()") as run:
        group.add(run.pid)
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write("go\n")
        run.stdin.flush()
        assert int(run.stdout.readline()) == 40 << 20
        assert 40 <= group.charged_mib() <= 60
        assert run.communicate("end\n", timeout=10) == ("", "")
    assert (run.returncode, group.oom_kills()) == (0, 0)


def test_a_fork_bomb_is_bounded(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=256, tasks=10)
    code = """
        import os, time
        made = 0
        try:
            for _ in range(40):
                if os.fork() == 0:
                    time.sleep(30)
                    os._exit(0)
                made += 1
        except BlockingIOError:
            print(made, flush=True)
    """
    with _waiting(code) as bomb:
        group.add(bomb.pid)
        assert bomb.stdin is not None
        assert bomb.stdout is not None
        bomb.stdin.write("go\n")
        bomb.stdin.flush()
        assert bomb.stdout.readline() == "9\n"


def test_threads_count_like_processes(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=256, tasks=5)
    code = """
        import threading
        made, stop = 0, threading.Event()
        try:
            for _ in range(20):
                threading.Thread(target=stop.wait, daemon=True).start()
                made += 1
        except RuntimeError:
            print(made)
    """
    with _waiting(code) as bomb:
        group.add(bomb.pid)
        assert bomb.communicate("go\n", timeout=30)[0] == "4\n"


def test_killing_a_group_kills_all_that_is_in_it_and_spares_the_next_run(groups: Groups) -> None:
    group = groups.slot(0)
    group.limit(memory_mib=256, tasks=20)
    code = """
        import os, time
        for _ in range(10):
            if os.fork() == 0:
                os.setsid()
                break
        print(os.getpid(), flush=True)
        time.sleep(60)
    """
    with _waiting(code) as run:
        group.add(run.pid)
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write("go\n")
        run.stdin.flush()
        pids = [int(run.stdout.readline()) for _ in range(11)]
        group.kill()
        run.wait(timeout=10)
        assert _soon(lambda: not any(_lives(pid) for pid in pids))
    group.limit(memory_mib=256, tasks=20)
    with _waiting("import os\nos.fork()\nprint('ran')") as run:
        group.add(run.pid)
        assert run.communicate("go\n", timeout=10)[0] == "ran\n" * 2


def _lives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_slot_can_be_given_more_and_less_than_before(groups: Groups) -> None:
    group = groups.slot(0)
    for memory_mib in (64, 512, 32, 32, 2_048):
        group.limit(memory_mib=memory_mib, tasks=8)
        with _waiting(f"kept = b'x' * ({memory_mib} // 4 << 20)\nprint('ran')") as run:
            group.add(run.pid)
            assert run.communicate("go\n", timeout=30)[0] == "ran\n"
    assert group.oom_kills() == 0


def test_slots_are_apart(groups: Groups) -> None:
    small, large = groups.slot(0), groups.slot(1)
    assert groups.slot(0) is small
    small.limit(memory_mib=32, tasks=8)
    large.limit(memory_mib=256, tasks=8)
    with _waiting("kept = b'x' * (100 << 20)\nprint('ran')") as run:
        large.add(run.pid)
        assert run.communicate("go\n", timeout=30)[0] == "ran\n"
    assert (small.oom_kills(), large.oom_kills()) == (0, 0)


def test_a_process_that_is_gone_cannot_be_added(groups: Groups) -> None:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    with pytest.raises(SetupError, match=f"cannot move the process {process.pid}"):
        groups.slot(0).add(process.pid)


def test_nothing_is_left_after_close(groups: Groups) -> None:
    with _waiting("import time\ntime.sleep(60)") as run:
        groups.slot(0).add(run.pid)
        groups.slot(1)
        assert _groups_of(os.getpid())
        groups.close()
        assert run.wait(timeout=5) == -signal.SIGKILL
    assert not _groups_of(os.getpid())
    groups.close()


def test_two_in_one_process_do_not_share_groups(groups: Groups) -> None:
    second = Groups.find()
    assert second is not None
    groups.slot(0).limit(memory_mib=64, tasks=8)
    second.slot(0).limit(memory_mib=128, tasks=8)
    second.close()
    assert _groups_of(os.getpid())
    with _waiting("print('ran')") as run:
        groups.slot(0).add(run.pid)
        assert run.communicate("go\n", timeout=30)[0] == "ran\n"


_OWNER = """
groups = Groups.find()
groups.slot(0)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_what_a_killed_owner_left_is_removed_by_the_next(groups: Groups) -> None:
    owner = _start_owner(_OWNER)
    assert _groups_of(owner.pid)
    owner.kill()
    owner.communicate()
    assert _groups_of(owner.pid), "nobody has reaped them yet"
    again = Groups.find()
    assert again is not None
    again.close()
    assert not _groups_of(owner.pid)


def test_a_living_owner_keeps_its_groups(groups: Groups) -> None:
    owner = _start_owner(_OWNER)
    try:
        again = Groups.find()
        assert again is not None
        again.close()
        assert _groups_of(owner.pid)
    finally:
        owner.kill()
        owner.communicate()
        reaper = Groups.find()
        assert reaper is not None
        reaper.close()


def _start_owner(code: str) -> subprocess.Popen[str]:
    owner = subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", _PRELUDE + code, _SOURCE],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == f"{owner.pid}\n"
    return owner
