"""Task folders on their way to another machine: packed into bytes, kept there by their hash."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import tarfile
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.errors import InfraError, UsageError
from sandmle.store import TaskDir
from sandmle.store.artefacts import sha256_of
from sandmle.store.atomic import new_folder
from sandmle.store.manifest import listing

_PREFIX = "sandmle-tasks-"


@dataclass(frozen=True)
class Parcel:
    """A task folder as bytes."""

    digest: str
    """SHA-256 of `data`: equal folders have equal ones, whenever and wherever they were made."""
    data: bytes


def pack(task_dir: TaskDir) -> Parcel:
    """Pack a task's folder, its private part included, since episodes are graded where they end.

    Raises:
        UsageError: If the folder cannot be read, or holds something other than regular files.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name in listing(task_dir.path):
            path = task_dir.path / name
            if path.is_symlink() or not path.is_file():
                raise UsageError(f"{path} is not a regular file; such a task cannot be sent")
            try:
                data = path.read_bytes()
            except OSError as exc:
                raise UsageError(f"{path} cannot be read ({exc.strerror})") from exc
            # Owner, time and mode stay out of it, so that equal contents have equal hashes.
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    data = out.getvalue()
    return Parcel(sha256_of(data), data)


class TaskCache:
    """Unpacked task folders in a private temporary folder, by hash; old ones make room.

    A folder that is in use is never removed. What a killed process left behind is removed by the
    next one of the same user on the machine: the folders hold answers.

    Args:
        most: How many tasks are kept beyond those in use.
    """

    def __init__(self, *, most: int = 64) -> None:
        _remove_left_behind()
        self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._most = most
        self._used: OrderedDict[str, int] = OrderedDict()

    def __contains__(self, digest: str) -> bool:
        return digest in self._used

    def add(self, parcel: Parcel) -> None:
        """Unpack a parcel, unless it is there.

        Raises:
            InfraError: If the bytes are not those that the hash was made of.
        """
        if parcel.digest in self._used:
            return
        if sha256_of(parcel.data) != parcel.digest:
            raise InfraError(f"the task {parcel.digest[:12]} arrived damaged: another SHA-256")
        with (
            new_folder(self._folder / parcel.digest) as work,
            tarfile.open(fileobj=io.BytesIO(parcel.data)) as archive,
        ):
            archive.extractall(work, filter="data")
        self._used[parcel.digest] = 0

    @contextmanager
    def using(self, digest: str) -> Iterator[TaskDir]:
        """Give the folder of a task that was added, and keep it while the block runs."""
        self._used[digest] += 1
        self._used.move_to_end(digest)
        try:
            yield TaskDir(self._folder / digest)
        finally:
            self._used[digest] -= 1
            self._make_room()

    def close(self) -> None:
        """Remove everything; calling it twice is fine."""
        if self._lock >= 0:
            shutil.rmtree(self._folder, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1

    def _make_room(self) -> None:
        idle = [digest for digest, users in self._used.items() if users == 0]
        for digest in idle[: max(0, len(self._used) - self._most)]:
            del self._used[digest]
            shutil.rmtree(self._folder / digest, ignore_errors=True)


def _remove_left_behind() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                continue
            lock = os.open(folder / ".lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            # Being made or removed by somebody else at this moment.
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(lock)
