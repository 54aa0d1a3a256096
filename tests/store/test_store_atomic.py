"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.store.atomic import new_folder, write_file


def test_a_folder_appears_when_the_block_is_done(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "t"
    with new_folder(target) as work:
        (work / "a").write_text("1")
        assert not target.exists()
    assert (target / "a").read_text() == "1"
    assert [entry.name for entry in target.parent.iterdir()] == ["t"]
    assert target.stat().st_mode & 0o777 == 0o755


def test_a_failing_block_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "t") as work:
            (work / "a").write_text("1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_came_in_the_meantime_is_not_overwritten(tmp_path: Path) -> None:
    def race() -> None:
        with new_folder(tmp_path / "t") as work:
            (work / "a").write_text("mine")
            (tmp_path / "t").mkdir()
            (tmp_path / "t" / "a").write_text("theirs")

    with pytest.raises(UsageError, match="is there already"):
        race()
    assert (tmp_path / "t" / "a").read_text() == "theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize("force", [False, True])
def test_a_file_in_the_place_of_the_folder(tmp_path: Path, force: bool) -> None:
    (tmp_path / "t").write_text("a file")
    if not force:
        with pytest.raises(UsageError, match="is there already"), new_folder(tmp_path / "t"):
            pass
        assert (tmp_path / "t").read_text() == "a file"
        return
    with new_folder(tmp_path / "t", force=True) as work:
        (work / "a").touch()
    assert (tmp_path / "t" / "a").exists()


def test_readers_see_the_old_or_the_new_contents(tmp_path: Path) -> None:
    target = tmp_path / "file"
    old, new = b"a" * 300_000, b"b" * 200_000
    write_file(target, old)
    seen = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(target.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(30):
        write_file(target, new)
        write_file(target, old)
    done.set()
    reader.join()
    assert seen <= {old, new}
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
    assert target.stat().st_mode & 0o777 == 0o644


def test_a_file_makes_its_folder(tmp_path: Path) -> None:
    write_file(tmp_path / "a" / "b" / "file", b"x")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"x"
