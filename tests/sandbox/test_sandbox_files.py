import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import InvalidSubmission, UsageError
from sandmle.sandbox._files import parts_of, public_files, read_file, write_file


@pytest.fixture
def root(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "box").mkdir()
    fd = os.open(tmp_path / "box", os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_a_written_file_is_read_back(root: int) -> None:
    write_file(root, "a/b/c.bin", b"\x00data")
    assert read_file(root, "a/b/c.bin", max_bytes=5) == b"\x00data"


def test_a_file_of_exactly_the_limit_is_read_and_one_byte_more_is_refused(root: int) -> None:
    write_file(root, "f", b"12345")
    assert read_file(root, "f", max_bytes=5) == b"12345"
    with pytest.raises(InvalidSubmission, match="larger than 4 bytes"):
        read_file(root, "f", max_bytes=4)


@pytest.mark.parametrize("path", ["/etc/passwd", "..", "a/../../b", "", ".", "a\0b"])
def test_paths_that_leave_the_directory_are_refused(root: int, path: str) -> None:
    with pytest.raises(UsageError, match="below the work directory"):
        read_file(root, path, max_bytes=1)


@given(st.text(max_size=40))
def test_accepted_paths_never_have_a_way_up(path: str) -> None:
    try:
        parts = parts_of(path)
    except UsageError:
        return
    assert parts
    assert not {"", ".", "..", "/"} & set(parts)


def test_a_link_on_the_way_is_refused_for_reading_and_writing(tmp_path: Path, root: int) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret").write_text("x")
    (tmp_path / "box" / "way").symlink_to(tmp_path / "outside")
    with pytest.raises(InvalidSubmission, match="way/secret"):
        read_file(root, "way/secret", max_bytes=9)
    with pytest.raises(InvalidSubmission, match="way/new"):
        write_file(root, "way/new", b"x")
    assert not (tmp_path / "outside" / "new").exists()


def test_writing_replaces_a_link_and_leaves_its_target(tmp_path: Path, root: int) -> None:
    (tmp_path / "target").write_text("kept")
    (tmp_path / "box" / "f").symlink_to(tmp_path / "target")
    write_file(root, "f", b"new")
    assert (tmp_path / "target").read_text() == "kept"
    assert stat.S_ISREG((tmp_path / "box" / "f").lstat().st_mode)


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path: Path, root: int) -> None:
    os.mkfifo(tmp_path / "box" / "pipe")
    with pytest.raises(InvalidSubmission, match="pipe is a FIFO"):
        read_file(root, "pipe", max_bytes=9)


def test_the_input_folder_is_not_written_to(root: int) -> None:
    with pytest.raises(UsageError, match="read-only"):
        write_file(root, "input/train.csv", b"x")


def test_public_files_of_a_folder_are_listed_without_links(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(b"a")
    (tmp_path / "train.csv").write_bytes(b"t")
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert sorted(public_files(tmp_path)) == ["images/a.png", "train.csv"]


def test_public_files_by_name_are_checked() -> None:
    assert public_files({"a//b.csv": b"x"}) == {"a/b.csv": b"x"}
    with pytest.raises(UsageError, match="below the work directory"):
        public_files({"../escape": b"x"})


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere"):
        public_files(tmp_path / "nowhere")
