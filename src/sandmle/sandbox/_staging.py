"""Lays out the stage: what a sandbox shows, in private mounts of the process that holds it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from sandmle.sandbox import _mounts as mounts
from sandmle.sandbox._stage import EMPTY_FILE, ETC, MASK, PREFIXES, STAGE

_FIRST_USER, _USERS = 60_000, 5_000
"""Users that root gives runs up to; accounts of people and services lie below."""
_ETC_FILES = {
    "passwd": f"agent:x:{mounts.INSIDE_ID}:{mounts.INSIDE_ID}::/tmp:/bin/sh\n",
    "group": f"agent:x:{mounts.INSIDE_ID}:\n",
    "hosts": "127.0.0.1 localhost sandbox\n",
}
_MASKED_PACKAGE = "raise ModuleNotFoundError(\"No module named 'sandmle'\", name='sandmle')\n"


def enter_stage(binds: Sequence[str]) -> int | None:
    """Move this process to mounts of its own, with the interpreter's files on the stage.

    Args:
        binds: Files and folders of the host, shown by number below `PREFIXES`.

    Returns:
        The user to give runs up to; None where there is no right to, and none is needed.

    Raises:
        SetupError: If the kernel refuses.
    """
    user = user_to_become()
    own = mounts.NEW_USER if user is None else 0
    mounts.enter_namespaces(mounts.NEW_MOUNTS | own)
    sources = [os.open(place, os.O_PATH | os.O_CLOEXEC) for place in binds]
    mounts.mount_tmpfs(STAGE, mode=0o755)
    PREFIXES.mkdir()
    for number, source in enumerate(sources):
        place = PREFIXES / str(number)
        make_like(Path(f"/proc/self/fd/{source}"), place)
        mounts.bind(source, place)
        os.close(source)
    EMPTY_FILE.touch()
    EMPTY_FILE.chmod(0o644)
    _place(MASK / "__init__.py", _MASKED_PACKAGE.encode())
    for name, text in _ETC_FILES.items():
        _place(ETC / name, text.encode())
    return user


def place_files(folder: Path, files: Iterable[tuple[str, int]], contents: bytes) -> None:
    """Write files, given by relative path and size in the order of `contents`, into `folder`."""
    folder.mkdir()
    folder.chmod(0o755)
    at = 0
    for path, size in files:
        _place(folder / path, contents[at : at + size])
        at += size


def make_like(original: Path, place: Path) -> None:
    """Make an empty folder or file for `original` to be bound on."""
    place.parent.mkdir(parents=True, exist_ok=True)
    if original.is_dir():
        place.mkdir(exist_ok=True)
    else:
        place.touch()


def _place(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def user_to_become() -> int | None:
    """Return an unprivileged user that nobody else is; None where there is no right to be one."""
    if os.geteuid() != 0:
        return None
    user = _FIRST_USER + os.getpid() % _USERS
    ranges = [
        [int(word) for word in line.split()]
        for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    ]
    mapped = any(first <= user < first + count for first, _, count in ranges)
    return user if mapped else None
