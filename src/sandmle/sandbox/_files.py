"""Files of a work directory that an agent controls, reached through descriptors only.

Stops: links in any part of a path, devices, FIFOs, files that grow or are swapped while they are
read. Does not stop: hostile content; whoever parses it must.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from sandmle.core.errors import InvalidSubmission, UsageError
from sandmle.core.execution import INPUT_DIR

_DIRECTORY = os.O_DIRECTORY | os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def parts_of(path: str) -> tuple[str, ...]:
    """Split a relative path into its parts.

    Raises:
        UsageError: If it is absolute, empty, has a `..` or a NUL.
    """
    pure = PurePosixPath(path)
    if pure.is_absolute() or not pure.parts or ".." in pure.parts or "\0" in path:
        raise UsageError(f"{path!r} is not a path below the work directory")
    return pure.parts


def read_file(root: int, path: str, *, max_bytes: int) -> bytes | None:
    """Read a regular file below the directory `root`; None where there is no such file.

    Raises:
        InvalidSubmission: If it is anything but a regular file of at most `max_bytes`.
    """
    *parents, name = parts_of(path)
    try:
        with _parent(root, tuple(parents)) as parent:
            _refuse_special(path, os.stat(name, dir_fd=parent, follow_symlinks=False))
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            with open(os.open(name, flags, dir_fd=parent), "rb", buffering=0) as file:  # noqa: PTH123 - opens a descriptor
                found = os.fstat(file.fileno())
                _refuse_special(path, found)
                # One more than allowed shows growth past the size that was checked.
                data = _read_up_to(file.fileno(), max_bytes + 1, size=found.st_size)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise InvalidSubmission(_sentence(path, exc)) from None
    if data is None or len(data) > max_bytes:
        raise InvalidSubmission(f"{path} is larger than {max_bytes:,} bytes; write a smaller file")
    return data


def write_file(root: int, path: str, data: bytes, *, mode: int = 0o644) -> None:
    """Write a file below the directory `root`, in place of what was there; parents are made.

    Raises:
        UsageError: If the path leaves the directory, or lies in the read-only `input/`.
        InvalidSubmission: If a part of the path is a link or no directory.
    """
    *parents, name = parts_of(path)
    if (*parents, name)[0] == INPUT_DIR:
        raise UsageError(f"{path}: {INPUT_DIR}/ holds the task's own files and is read-only")
    owner = os.fstat(root)
    try:
        with _parent(root, tuple(parents), make=True) as parent:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=parent)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            fd = os.open(name, flags, mode, dir_fd=parent)
            with open(fd, "wb") as file:  # noqa: PTH123 - opens a descriptor
                file.write(data)
                _give(fd, owner)
    except OSError as exc:
        raise InvalidSubmission(_sentence(path, exc)) from None


def contents_of(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the regular files of a folder of ours by relative path, sorted; links are left out."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), path


def public_files(public: Path | Mapping[str, bytes]) -> dict[str, bytes | Path]:
    """Return a task's public files, contents or places, by checked relative path.

    Raises:
        UsageError: If there is no such folder, or a path leaves it.
    """
    if isinstance(public, Path):
        if not public.is_dir():
            raise UsageError(f"there is no folder {public} with the task's public files")
        return dict(contents_of(public))
    return {PurePosixPath(*parts_of(path)).as_posix(): data for path, data in public.items()}


@contextlib.contextmanager
def _parent(root: int, parents: tuple[str, ...], *, make: bool = False) -> Iterator[int]:
    current = os.dup(root)
    try:
        for name in parents:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o755, dir_fd=current)
                    made = os.open(name, _DIRECTORY, dir_fd=current)
                    try:
                        _give(made, os.fstat(root))
                    finally:
                        os.close(made)
            below = os.open(name, _DIRECTORY, dir_fd=current)
            os.close(current)
            current = below
        yield current
    finally:
        os.close(current)


def _give(fd: int, owner: os.stat_result) -> None:
    """Make the work directory's owner the owner of what was written into it, where one can."""
    if os.geteuid() == 0 and os.fstat(fd).st_uid != owner.st_uid:
        os.fchown(fd, owner.st_uid, owner.st_gid)


def _read_up_to(fd: int, limit: int, *, size: int) -> bytes | None:
    if size >= limit:
        return None
    data = bytearray()
    while len(data) < limit:
        block = os.read(fd, min(limit - len(data), 1 << 20))
        if not block:
            break
        data += block
    return bytes(data)


def _refuse_special(path: str, found: os.stat_result) -> None:
    for is_kind, words in _KINDS:
        if is_kind(found.st_mode):
            raise InvalidSubmission(f"{path} is {words}; write a regular file")


def _sentence(path: str, exc: OSError) -> str:
    if exc.errno in (errno.ELOOP, errno.ENOTDIR):
        return f"a part of the path {path} is a link or not a directory; use plain folders"
    return f"{path} cannot be used: {exc.strerror}"
