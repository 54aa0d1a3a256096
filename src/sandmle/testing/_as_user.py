"""Runs a command as another user, to whom this interpreter and sandmle are shown; see `as_user`."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from sandmle.sandbox import _mounts as mounts

_OWN = Path(__file__).resolve().parents[2]


def closed_folders(places: list[Path]) -> dict[Path, list[Path]]:
    """Return the outermost folders that strangers cannot enter, with the places below each."""
    found: dict[Path, list[Path]] = {}
    for place in places:
        closed = next((folder for folder in _ancestors(place) if not _is_open(folder)), None)
        if closed is not None:
            found.setdefault(closed, []).append(place)
    return found


def show(closed: Path, places: list[Path]) -> None:
    """Cover a folder, for this process and its children, by an empty one with `places` in it."""
    sources = [(place, os.open(place, os.O_PATH)) for place in places]
    mounts.mount_tmpfs(closed, mode=0o755)
    for place, source in sources:
        place.mkdir(mode=0o755, parents=True, exist_ok=True)
        mounts.bind(source, place)
        os.close(source)


def main() -> NoReturn:
    """Become the user in the first argument and run the command in the others."""
    user, command = int(sys.argv[1]), sys.argv[2:]
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix).resolve(), _OWN}
    os.umask(0o022)
    mounts.enter_namespaces(mounts.NEW_MOUNTS)
    for closed, places in closed_folders(sorted(prefixes)).items():
        show(closed, places)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _ancestors(place: Path) -> Iterator[Path]:
    yield from reversed(place.parents)


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


if __name__ == "__main__":
    main()
