"""What a training run's folder holds as JSON: the recipe's file and a checkpoint's marker."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.training.curriculum import SamplerState
from sandmle.training.recipe import Recipe

FORMAT = 1
"""Version of the folder and its checkpoints; raised when an older reader could misread them."""
_LOCK_SECONDS = 2.0
"""How long a lock is waited for: what a killed process leaves behind ends within that time."""
_LOCK_POLL_SECONDS = 0.05

_R = TypeVar("_R", bound=Record)


class Written(Record):
    """`recipe.json`."""

    format: int = FORMAT
    id: str = ""
    """Tells this run from others with the same recipe."""
    recipe: Recipe
    versions: dict[str, str]
    """Of the packages that the run began with."""


class Completed(Record):
    """`complete.json` of a checkpoint."""

    format: int = FORMAT
    step: int
    seconds: float
    """Wall time of the run until then."""
    sampler: SamplerState
    sizes: dict[str, int] = Field(default_factory=dict)
    """Bytes of the checkpoint's other files, by their path in it."""


def read(path: Path, kind: type[_R]) -> _R:
    """Read a record that has a format.

    Raises:
        UsageError: If it cannot be read, or has another version's format.
    """
    try:
        raw = json.loads(path.read_bytes())
        known = raw["format"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise UsageError(
            f"{path} cannot be read ({type(exc).__name__}: {exc}); choose another --out"
        ) from exc
    if known != FORMAT:
        raise UsageError(
            f"{path} has format {known}, and this version of sandmle reads {FORMAT}; go on "
            "with the version that wrote it, or start another run"
        )
    try:
        return kind.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UsageError(
            f"{path} cannot be read ({where}: {first['msg']}); it was changed, or written by "
            "another version: start another run with another --out"
        ) from exc


def differences(before: Recipe, now: Recipe) -> list[str]:
    """Name the settings in which two recipes differ: `grpo.steps 60, here 20`."""
    a, b = _flat(before.model_dump(mode="json")), _flat(now.model_dump(mode="json"))
    return [
        f"{key} {_short(a.get(key))}, here {_short(b.get(key))}"
        for key in dict.fromkeys((*a, *b))
        if a.get(key) != b.get(key)
    ]


def sizes_on_disk(folder: Path, *, without: str) -> dict[str, int]:
    """Wait until a folder's files are on the disk, and return their sizes by path.

    Args:
        folder: The folder.
        without: Name of a file to leave out.
    """
    sizes = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != without:
            _sync(path, os.O_RDONLY)
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
        elif path.is_dir():
            _sync(path, os.O_RDONLY | os.O_DIRECTORY)
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)
    return sizes


def is_whole(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Say whether a folder holds all files with these sizes."""
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == size
        for name, size in sizes.items()
    )


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Be the only one who writes into a folder.

    Raises:
        UsageError: If another process is.
    """
    handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        _wait_for(handle, path)
        yield
    finally:
        os.close(handle)


def _wait_for(handle: int, path: Path) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise UsageError(
                    f"{path} is being trained by another process; wait for it, or give another "
                    "--out"
                ) from None
            time.sleep(_LOCK_POLL_SECONDS)
        else:
            return


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """Return the leaves of nested tables by dotted key; an empty table is a leaf."""
    parts: list[tuple[Any, Any]]
    if isinstance(value, dict) and value:
        parts = list(value.items())
    elif isinstance(value, list) and any(isinstance(part, dict) for part in value):
        parts = [(part.get("name", index), part) for index, part in enumerate(value)]
    else:
        return {key: value}
    found: dict[str, Any] = {}
    for name, part in parts:
        found |= _flat(part, f"{key}.{name}" if key else str(name))
    return found


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + "..."
