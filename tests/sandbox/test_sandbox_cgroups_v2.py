"""Control groups of version 2, on a tree of this machine and on a stand-in; and how they are found.

Where version 1 has the memory, the memory files of version 2 are tried on a folder with files of
the same names, and all that needs none of them on a real tree of version 2.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import sandmle.sandbox
from sandmle.sandbox._cgroup import V2, Group
from sandmle.sandbox._cgroups import Groups, own_groups

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


def _soon(condition: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + 5
    while not condition() and time.monotonic() < give_up:
        time.sleep(0.01)
    return condition()


# Where the own groups are, on machines of all kinds.

_V1_CGROUP = "9:pids:/jobs/7\n4:memory:/jobs/7\n2:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n"


def _mount(point: Path, *, root: str = "/", kind: str = "cgroup", options: str = "rw") -> str:
    return f"31 23 0:28 {root} {point} rw,relatime shared:9 - {kind} {kind} {options}\n"


def test_own_groups_of_version_1_are_found_per_hierarchy(tmp_path: Path) -> None:
    for name in ("memory/jobs/7", "pids/jobs/7", "cpu", "unified"):
        (tmp_path / name).mkdir(parents=True)
    mounts = (
        _mount(tmp_path, kind="tmpfs")
        + _mount(tmp_path / "memory", options="rw,memory")
        + _mount(tmp_path / "pids", options="rw,pids")
        + _mount(tmp_path / "cpu", options="rw,cpu,cpuacct")
        + _mount(tmp_path / "unified", kind="cgroup2")
    )
    found = own_groups(_V1_CGROUP, mounts)
    assert found["memory"] == tmp_path / "memory" / "jobs" / "7"
    assert found["pids"] == tmp_path / "pids" / "jobs" / "7"
    assert found["cpu"] == found["cpuacct"] == tmp_path / "cpu"
    assert found[""] == tmp_path / "unified"


def test_own_groups_are_found_where_only_a_part_of_the_tree_is_mounted(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    mounts = _mount(tmp_path, root="/docker/abc", kind="cgroup2")
    assert own_groups("0::/docker/abc/sub\n", mounts) == {"": tmp_path / "sub"}
    assert own_groups("0::/docker/abc\n", mounts) == {"": tmp_path}
    assert own_groups("0::/elsewhere\n", mounts) == {}
    assert own_groups("0::/../outside\n", _mount(tmp_path, kind="cgroup2")) == {}
    assert own_groups("0::/docker/abc/gone\n", mounts) == {}


# Version 2, files of the kernel's names in a folder; rmdir and the kernel's own rules are missing.


def _stand_in(folder: Path, *, controllers: str = "cpu memory pids") -> Path:
    """Lay out what describes a process in /proc, and its own group of version 2."""
    own = folder / "cgroup" / "own"
    own.mkdir(parents=True)
    for name, text in {
        "cgroup.controllers": controllers,
        "cgroup.procs": f"{os.getpid()}\n",
        "cgroup.subtree_control": "",
    }.items():
        (own / name).write_text(text)
    (folder / "cgroup.txt").write_text("")
    proc = folder / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text("0::/own\n")
    (proc / "mountinfo").write_text(_mount(folder / "cgroup", kind="cgroup2"))
    return proc


def test_version_2_is_not_used_without_the_controllers(tmp_path: Path) -> None:
    proc = _stand_in(tmp_path, controllers="cpu pids")
    assert Groups.find(proc=proc) is None
    assert not list((tmp_path / "cgroup" / "own").glob("sandmle-*"))


def test_version_2_is_not_used_when_the_kernel_refuses(tmp_path: Path) -> None:
    proc = _stand_in(tmp_path)
    (tmp_path / "cgroup" / "own" / "cgroup.subtree_control").unlink()
    assert Groups.find(proc=proc) is None
    assert not list((tmp_path / "cgroup" / "own").glob("sandmle-*"))


def test_limits_of_version_2_go_into_its_files(tmp_path: Path) -> None:
    slot = tmp_path / "s0"
    slot.mkdir()
    files = ("memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cgroup.procs")
    for name in (*files, "cgroup.kill"):
        (slot / name).write_text("")
    (slot / "memory.events").write_text("low 0\noom 3\noom_kill 2\noom_group_kill 1\n")
    (slot / "memory.stat").write_text("anon 3145728\nfile 9999999\nshmem 2097152\n")
    group = Group(V2, {"memory": slot, "pids": slot})
    group.limit(memory_mib=100, tasks=7)
    group.add(4_321)
    assert {name: (slot / name).read_text() for name in files} == {
        "memory.max": str(100 << 20),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
        "pids.max": "7",
        "cgroup.procs": "4321",
    }
    assert (group.oom_kills(), group.charged_mib()) == (2, 5.0)
    group.kill()
    assert (slot / "cgroup.kill").read_text() == "1"
    assert (slot / "pids.max").read_text() == "7"


# Version 2 for real, with whatever controller the machine has left for it.


@pytest.fixture
def tree_of_version_2() -> Iterator[Path]:
    """Give a new group of version 2, with no process in it and one controller to hand on."""
    found = own_groups(
        Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text()
    )
    root = found.get("")
    free = (root / "cgroup.controllers").read_text().split() if root else []
    if root is None or not free or not os.access(root, os.W_OK):
        pytest.skip("no tree of version 2 with a controller to make groups in")
    place = root / f"test-of-sandmle-{os.getpid()}"
    with (root / "cgroup.procs").open() as lock:
        # Other tests at once would take each other's controller away.
        fcntl.flock(lock, fcntl.LOCK_EX)
        before = (root / "cgroup.subtree_control").read_text().split()
        try:
            (root / "cgroup.subtree_control").write_text(f"+{free[0]}")
            place.mkdir()
        except OSError as exc:
            pytest.skip(f"no groups of version 2 can be made here: {exc}")
        try:
            yield place
        finally:
            (place / "cgroup.kill").write_text("1")
            inner = [folder for folder in place.rglob("*") if folder.is_dir()]
            for folder in (*sorted(inner, reverse=True), place):
                assert _soon(lambda folder=folder: _removed(folder))  # type: ignore[misc]
            if free[0] not in before:
                (root / "cgroup.subtree_control").write_text(f"-{free[0]}")


def _removed(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


def _in_version_2(tree: Path, tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that is in the group `tree`, beside nobody."""
    mount = next(parent for parent in tree.parents if parent.is_mount())
    (tmp_path / "cgroup").write_text(f"0::/{tree.relative_to(mount)}\n")
    (tmp_path / "mountinfo").write_text(_mount(mount, kind="cgroup2"))
    script = f"""
tree, proc = pathlib.Path("{tree}"), pathlib.Path("{tmp_path}")
controllers = tuple((tree / "cgroup.controllers").read_text().split())
(tree / "cgroup.procs").write_text(str(os.getpid()))
def sleeper():
    return subprocess.Popen(["sleep", "60"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
{textwrap.dedent(code)}
"""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _PRELUDE + script, _SOURCE],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version_2_moves_its_own_process_and_moves_it_back(
    tree_of_version_2: Path, tmp_path: Path
) -> None:
    done = _in_version_2(
        tree_of_version_2,
        tmp_path,
        """
        groups = Groups.find(proc=proc, controllers=controllers)
        inner = sorted(str(place.relative_to(tree)) for place in tree.rglob("*") if place.is_dir())
        print(len(inner), (tree / "cgroup.subtree_control").read_text().split() == [*controllers])
        child = sleeper()
        group = groups.slot(3)
        group.add(child.pid)
        print((next(tree.glob("sandmle-*")) / "s3/cgroup.procs").read_text() == f"{child.pid}\\n")
        group.kill()
        print(child.wait())
        groups.close()
        print([place.name for place in tree.iterdir() if place.is_dir()],
              (tree / "cgroup.procs").read_text() == f"{os.getpid()}\\n")
        """,
    )
    assert done.stdout == "2 True\nTrue\n-9\n[] True\n", done.stderr


def test_version_2_leaves_other_processes_where_they_are(
    tree_of_version_2: Path, tmp_path: Path
) -> None:
    done = _in_version_2(
        tree_of_version_2,
        tmp_path,
        """
        child = sleeper()
        print(Groups.find(proc=proc, controllers=controllers))
        print(len((tree / "cgroup.procs").read_text().split()),
              [place.name for place in tree.iterdir() if place.is_dir()])
        child.kill()
        """,
    )
    assert done.stdout == "None\n2 []\n", done.stderr
