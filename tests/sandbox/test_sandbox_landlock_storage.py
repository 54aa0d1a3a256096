"""A session's files in ordinary folders, in the hands of hostile code."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandmle.sandbox._claims import abandoned, claim
from sandmle.sandbox._disk_use import EVERYTHING, Use, removed_but_open, use_of
from sandmle.sandbox._plain_storage import PlainStorage
from sandmle.sandbox._removal import remove_tree

MIB = 1 << 20


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[PlainStorage]:
    files = [("train.csv", 4), ("images/a.txt", 5)]
    made = PlainStorage(
        tmp_path / "session",
        files=files,
        contents=b"a,b\npixel",
        disk_mib=4,
        owner=None,
        input_name="input",
    )
    with contextlib.closing(made):
        yield made
    assert not (tmp_path / "session").exists()


@pytest.fixture
def work(storage: PlainStorage, tmp_path: Path) -> Path:
    return tmp_path / "session" / "work"


def _run_of(storage: PlainStorage) -> None:
    os.close(storage.tree())


def test_the_public_files_are_there_and_closed_for_writing(work: Path) -> None:
    assert (work / "input" / "train.csv").read_bytes() == b"a,b\n"
    assert (work / "input" / "images" / "a.txt").read_bytes() == b"pixel"
    modes = {place.stat().st_mode & 0o222 for place in (work / "input").rglob("*")}
    assert modes == {0}
    assert (work / "input").stat().st_mode & 0o222 == 0


@pytest.mark.parametrize("instead", ["nothing", "folder", "link", "closed"])
def test_an_input_that_was_put_aside_is_back_before_the_next_run(
    storage: PlainStorage, work: Path, instead: str
) -> None:
    (work / "input").chmod(0o755)
    (work / "input").rename(work / "aside")
    if instead == "folder":
        (work / "input" / "deep").mkdir(parents=True)
        (work / "input" / "train.csv").write_text("forged")
    elif instead == "link":
        (work / "input").symlink_to(work / "aside")
    elif instead == "closed":
        (work / "input").mkdir(mode=0)
    _run_of(storage)
    assert not (work / "input").is_symlink()
    assert (work / "input" / "train.csv").read_bytes() == b"a,b\n"
    assert sorted(place.name for place in (work / "input").iterdir()) == ["images", "train.csv"]


def test_temporary_files_do_not_outlive_a_run_and_work_files_do(
    storage: PlainStorage, work: Path, tmp_path: Path
) -> None:
    temporary = tmp_path / "session" / "tmp"
    _run_of(storage)
    (work / "kept").write_text("1")
    (temporary / "gone").mkdir()
    _run_of(storage)
    assert (work / "kept").read_text() == "1"
    assert list(temporary.iterdir()) == []


def test_many_files_count_together_in_both_places(
    storage: PlainStorage, work: Path, tmp_path: Path
) -> None:
    assert not storage.overfull(())
    (work / "a").write_bytes(bytes(2 * MIB))
    assert not storage.settle()
    (tmp_path / "session" / "tmp" / "b").write_bytes(bytes(3 * MIB))
    storage._next_look = 0
    assert storage.overfull(())


def test_sparse_files_count_by_what_they_take(storage: PlainStorage, work: Path) -> None:
    with (work / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    assert not storage.settle()


def test_empty_files_and_folders_count_by_number(storage: PlainStorage, work: Path) -> None:
    for number in range(90):
        (work / f"{number}").mkdir()
        for inner in range(50):
            (work / f"{number}" / f"{inner}").touch()
    assert storage.settle()
    assert sum(1 for _ in work.rglob("*")) < 4_200


def test_what_a_run_wrote_last_goes_first(storage: PlainStorage, work: Path) -> None:
    (work / "first").write_bytes(bytes(2 * MIB))
    os.utime(work / "first", (1 << 40, 1 << 40))
    for number in range(4):
        (work / f"later{number}").write_bytes(bytes(MIB))
    assert storage.settle()
    assert not storage.settle()
    left = {place.name for place in work.iterdir()}
    assert {"first", "input", "later0"} <= left
    assert "later3" not in left


def test_folders_too_deep_to_look_into_are_removed_as_a_whole(
    storage: PlainStorage, work: Path
) -> None:
    _nest(work, 3_000)
    assert storage.settle()
    assert [place.name for place in work.iterdir()] == ["input"]


def test_closed_folders_hide_nothing(storage: PlainStorage, work: Path) -> None:
    hiding = work / "closed" / "inner"
    hiding.mkdir(parents=True)
    (hiding / "big").write_bytes(bytes(6 * MIB))
    hiding.chmod(0o300)
    hiding.parent.chmod(0o300)
    assert storage.settle()


def test_a_link_to_much_counts_as_a_link(storage: PlainStorage, work: Path, tmp_path: Path) -> None:
    (tmp_path / "much").write_bytes(bytes(8 * MIB))
    (work / "link").symlink_to(tmp_path / "much")
    (work / "folder").symlink_to(tmp_path)
    assert not storage.settle()


def test_files_without_a_name_count_while_they_are_open(storage: PlainStorage, work: Path) -> None:
    code = """
import os, sys
fd = os.open("hidden", os.O_RDWR | os.O_CREAT)
os.unlink("hidden")
os.write(fd, bytes(6 << 20))
print("wrote", flush=True)
sys.stdin.read()
"""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", code], cwd=work, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    use = removed_but_open([process.pid], device=work.stat().st_dev)
    assert 6 * MIB <= use.data < 7 * MIB
    assert storage.overfull([process.pid])
    process.communicate()
    assert removed_but_open([process.pid], device=work.stat().st_dev) == Use()


def test_looking_takes_a_bounded_share_of_the_time(storage: PlainStorage, work: Path) -> None:
    for number in range(2_000):
        (work / f"{number}").touch()
    storage.overfull(())
    next_look = storage._next_look
    (work / "big").write_bytes(bytes(6 * MIB))
    assert not storage.overfull(()), "it looked again at once"
    assert storage._next_look == next_look


def test_a_deep_tree_is_everything(tmp_path: Path) -> None:
    _nest(tmp_path, 400)
    fd = os.open(tmp_path, os.O_DIRECTORY)
    assert use_of(fd, bound=EVERYTHING) == EVERYTHING
    os.close(fd)
    remove_tree(tmp_path)


def test_looking_leaves_no_descriptor_open(tmp_path: Path) -> None:
    _nest(tmp_path, 100)
    (tmp_path / "file").touch()
    before = len(list(Path("/proc/self/fd").iterdir()))
    fd = os.open(tmp_path, os.O_DIRECTORY)
    for bound in (EVERYTHING, Use(0, 3)):
        use_of(fd, bound=bound)
    os.close(fd)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_tree_is_removed_however_deep_closed_wide_or_odd(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    _nest(top, 3_000)
    for number in range(300):
        (top / f"{number}").mkdir()
        (top / f"{number}" / "file").touch()
    (top / os.fsdecode(b"\xff\n\x1b[31m")).mkdir()
    (top / "closed" / "inner").mkdir(parents=True)
    (top / "closed" / "inner" / "file").touch()
    os.mkfifo(top / "closed" / "fifo")
    (top / "closed" / "inner").chmod(0)
    (top / "closed").chmod(0)
    before = len(list(Path("/proc/self/fd").iterdir()))
    remove_tree(top)
    assert not top.exists()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="root's folders with other users' in them")
def test_root_needs_no_program_to_remove_what_others_own(tmp_path: Path) -> None:
    code = f"""
import ctypes, pathlib, sys
for number in range(64):
    ctypes.CDLL(None).prctl(24, number, 0, 0, 0)
from sandmle.sandbox._removal import remove_tree
remove_tree(pathlib.Path({str(tmp_path / "top")!r}))
"""
    (tmp_path / "top" / "theirs").mkdir(parents=True)
    _nest(tmp_path / "top" / "theirs", 2_000)
    os.chown(tmp_path / "top" / "theirs", 60_001, 60_001)
    (tmp_path / "top" / "theirs").chmod(0o700)
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not (tmp_path / "top").exists()


def test_removing_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "gone")
    assert (tmp_path / "kept" / "file").exists()
    assert not (tmp_path / "link").is_symlink()


def test_a_claim_lasts_as_long_as_its_owner(tmp_path: Path) -> None:
    code = "import fcntl, os, sys; fd = os.open('.', 0); fcntl.flock(fd, 1); print(1, flush=True)"
    owner = subprocess.Popen(
        [sys.executable, "-S", "-c", f"{code}; sys.stdin.read()"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert owner.stdout is not None
    owner.stdout.readline()
    assert not _abandoned(tmp_path)
    owner.kill()
    owner.communicate()
    assert _abandoned(tmp_path)
    mine = claim(tmp_path)
    assert not _abandoned(tmp_path)
    os.close(mine)
    assert _abandoned(tmp_path)
    assert not _abandoned(tmp_path / "gone")


def test_only_one_is_told_that_a_folder_is_abandoned(tmp_path: Path) -> None:
    with abandoned(tmp_path) as left, abandoned(tmp_path) as again:
        assert (left, again) == (True, False)


def _abandoned(folder: Path) -> bool:
    with abandoned(folder) as left:
        return left


def _nest(folder: Path, depth: int) -> None:
    here = os.open(folder, os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
