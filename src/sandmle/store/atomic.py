"""Folders and files that are there whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandmle.core.errors import UsageError


@contextmanager
def new_folder(target: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary folder beside `target` and rename it to `target` when the block is done.

    A process that is killed leaves a folder whose name starts with a dot and nothing else.

    Args:
        target: The folder to make.
        force: Replace a folder that is there; it is moved away first and removed last.

    Raises:
        UsageError: If `target` is there and `force` is not given.
    """
    _refuse_taken(target, force=force)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield work
        work.chmod(0o755)
        # again: another process may have made it while the block ran
        _refuse_taken(target, force=force)
        if target.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
            target.rename(old / target.name)
            work.rename(target)
            shutil.rmtree(old)
        else:
            work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _refuse_taken(target: Path, *, force: bool) -> None:
    if target.exists() and not force:
        raise UsageError(f"{target} is there already; choose another name or give --force")


def write_file(target: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old contents or the new ones, never a part."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)
