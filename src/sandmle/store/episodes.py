"""`episodes.jsonl`: one episode per line, fsynced one by one, so a run may be killed at any time.

A line counts once its newline is on disk. What lies behind the last newline is a write that was
cut short: readers pass over it, the next writer moves it to `NAME.torn`.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError

EpisodeKey = tuple[str, int]
"""`(task_id, replica)`: the name of an episode within a log."""

_BLOCK = 1 << 16
_LOCK_SECONDS = 2.0
"""How long a lock is waited for: what a killed writer leaves behind ends within that time."""
_LOCK_POLL_SECONDS = 0.05


class EpisodeLog:
    """Episodes of one run: read by anybody, written by one process at a time.

    Reading needs nothing. Writing happens inside `with EpisodeLog(path) as log:`, which makes the
    file, takes the lock and sets a torn last line aside.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: int | None = None
        self._keys: set[EpisodeKey] = set()

    def __enter__(self) -> Self:
        """Become the one writer.

        Raises:
            UsageError: If another process, or another log of this one, writes the file, or it
                cannot be opened.
        """
        if self._file is not None:
            raise UsageError(f"{self.path} is open for writing already")
        self._file = _open_locked(self.path)
        try:
            _set_torn_line_aside(self._file, self.path)
            self._keys = self.keys()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()

    def append(self, episode: Episode) -> None:
        """Write one episode; when this returns it is on disk.

        Raises:
            UsageError: If the log is not open for writing, holds the episode already, or the disk
                takes no more; the file is as it was before.
        """
        if self._file is None:
            raise UsageError(f"{self.path} is not open for writing; use it in a `with` block")
        key = (episode.task_id, episode.replica)
        if key in self._keys:
            raise UsageError(f"{self.path} already holds replica {key[1]} of task {key[0]}")
        line = episode.to_record().encode() + b"\n"
        size = os.fstat(self._file).st_size
        try:
            _write_all(self._file, line)
            os.fsync(self._file)
        except OSError as exc:
            os.ftruncate(self._file, size)
            raise _no_room(self.path, exc) from exc
        self._keys.add(key)

    def take_out(self, wanted: Callable[[Episode], bool], aside: Path) -> int:
        """Move episodes to another file, so that they are played again; returns how many.

        Killed at any moment, it has moved all of them or none, and the same call finishes what
        is left: a line is in `aside` before it is gone from here, and is in there only once.

        Args:
            wanted: Whether an episode is to go.
            aside: The file to add them to.

        Raises:
            UsageError: If the log is not open for writing, or the disk takes no more.
        """
        if self._file is None:
            raise UsageError(f"{self.path} is not open for writing; use it in a `with` block")
        lines = [line for _, line in self._lines()]
        going = [wanted(episode) for episode in self]
        gone = [line for line, goes in zip(lines, going, strict=True) if goes]
        if not gone:
            return 0
        try:
            add_lines(aside, gone)
            kept = b"".join(line for line, goes in zip(lines, going, strict=True) if not goes)
            new = _replace_locked(self.path, kept)
        except OSError as exc:
            raise _no_room(self.path, exc) from exc
        os.close(self._file)
        self._file = new
        self._keys = self.keys()
        return len(gone)

    def __iter__(self) -> Iterator[Episode]:
        """Yield the episodes in the order in which they were finished, one line at a time.

        Raises:
            UsageError: If a complete line is not an episode; the message names the line.
        """
        for number, line in self._lines():
            try:
                yield Episode.model_validate_json(line)
            except ValidationError as exc:
                first = exc.errors()[0]
                where = ".".join(str(part) for part in first["loc"]) or "the whole line"
                raise self._damaged(number, f"{where}: {first['msg']}") from exc

    def keys(self) -> set[EpisodeKey]:
        """Return `(task_id, replica)` of every episode in the file.

        Raises:
            UsageError: If a complete line is not JSON of an episode.
        """
        found = set()
        for number, line in self._lines():
            try:
                raw = json.loads(line)
                found.add((str(raw["task_id"]), int(raw["replica"])))
            except (ValueError, KeyError, TypeError) as exc:
                raise self._damaged(number, f"{type(exc).__name__}: {exc}") from exc
        return found

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return
        except OSError as exc:
            raise UsageError(f"{self.path} cannot be read ({exc.strerror})") from exc
        with file:
            for number, line in enumerate(file, start=1):
                if line.endswith(b"\n"):
                    yield number, line

    def _damaged(self, number: int, what: str) -> UsageError:
        return UsageError(
            f"{self.path}, line {number} is not an episode ({what}); "
            "take the line out or start a new file"
        )

    def _release(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def count_lines(path: Path) -> int:
    """Count the episodes of a log without reading them; 0 where there is none."""
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def is_written(path: Path) -> bool:
    """Say whether a process has a log open for writing."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not _locks(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def add_lines(path: Path, lines: list[bytes]) -> None:
    """Add lines to a file that are not in it yet; on disk when it returns.

    Raises:
        OSError: If the disk takes no more; what was in the file before stays in it.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        # the end of a write that was cut short is part of a line that is written now
        os.ftruncate(file, _end_of_last_line(file, os.fstat(file).st_size))
        with path.open("rb") as present:
            known = set(present)
        size = os.fstat(file).st_size
        try:
            _write_all(file, b"".join(line for line in lines if line not in known))
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)
    _sync_folder(path.parent)


def _replace_locked(path: Path, data: bytes) -> int:
    """Put other contents in the place of a file, and return the new file, open and locked."""
    new = path.with_name(f".{path.name}.new")
    file = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        # locked before it has the name: nobody else can become the writer in between
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_all(file, data)
        os.fsync(file)
        new.replace(path)
        _sync_folder(path.parent)
    except BaseException:
        os.close(file)
        new.unlink(missing_ok=True)
        raise
    return file


def _open_locked(path: Path) -> int:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        file, is_new = _open_file(path)
        # the name may have gone to another file between opening and locking
        if _locks(file, fcntl.LOCK_EX) and _is_at(file, path):
            if is_new:
                _sync_folder(path.parent)
            return file
        os.close(file)
        if time.monotonic() > deadline:
            raise UsageError(
                f"{path} is being written by another run; wait for it or choose another file"
            )
        time.sleep(_LOCK_POLL_SECONDS)


def _open_file(path: Path) -> tuple[int, bool]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644), is_new
    except OSError as exc:
        raise UsageError(f"{path} cannot be opened for writing ({exc.strerror})") from exc


def _locks(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _no_room(path: Path, exc: OSError) -> UsageError:
    return UsageError(
        f"{path} cannot be written ({exc.strerror}); what is finished is kept: "
        "make room and run the same command again"
    )


def _set_torn_line_aside(file: int, path: Path) -> None:
    size = os.fstat(file).st_size
    end = _end_of_last_line(file, size)
    if end == size:
        return
    try:
        with path.with_name(f"{path.name}.torn").open("ab") as torn:
            torn.write(_read_at(file, size - end, end) + b"\n")
            torn.flush()
            os.fsync(torn.fileno())
        os.ftruncate(file, end)
        os.fsync(file)
    except OSError as exc:
        raise _no_room(path, exc) from exc


def _end_of_last_line(file: int, size: int) -> int:
    """Return the offset behind the last newline, 0 where there is none."""
    at = size
    while at > 0:
        start = max(0, at - _BLOCK)
        newline = _read_at(file, at - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return 0


def _read_at(file: int, count: int, offset: int) -> bytes:
    """Read exactly `count` bytes; one call of the system gives less past 2 GiB."""
    parts = bytearray()
    while len(parts) < count and (part := os.pread(file, count - len(parts), offset + len(parts))):
        parts += part
    return bytes(parts)


def _write_all(file: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(file, left) :]


def _sync_folder(folder: Path) -> None:
    # A new file's name is on disk only once its folder is.
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
