"""Which places to allow so that some can be read and others, within them, cannot.

Landlock knows no exceptions: what is allowed for a folder is allowed for all beneath it. A folder
with something hidden in it is only listed, and what else it holds is allowed one by one.

Stops: reading what is hidden, by whatever path. Does not stop: seeing its name, and those of the
files in it. What is put into such a folder later cannot be read either.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple


class Readable(NamedTuple):
    """Places by their real paths."""

    read: list[str]
    """Files, and folders with all beneath."""
    list_only: list[str]
    """Folders whose names may be read, but not all of their contents."""


def readable(shown: Iterable[str], hidden: Iterable[str]) -> Readable:
    """Return what to allow so that `shown` can be read but for `hidden`.

    Links within what is shown are followed by the kernel, and lead no further than to what is shown
    itself. A place of `shown` that is a link stands for what it leads to.

    Args:
        shown: Files and folders; missing ones are passed over.
        hidden: Files and folders, also outside of `shown`; missing ones are passed over.
    """
    closed = {os.path.realpath(place) for place in hidden if os.path.lexists(place)}
    found = Readable([], [])
    for place in _outermost({os.path.realpath(place) for place in shown}):
        if not any(_within(place, hidden_place) for hidden_place in closed):
            _add(place, closed, found)
    return found


def _add(place: str, closed: set[str], found: Readable) -> None:
    if not any(_within(hidden, place) for hidden in closed):
        if os.path.lexists(place):
            found.read.append(place)
        return
    if place in closed:
        return
    found.list_only.append(place)
    try:
        with os.scandir(place) as entries:
            beneath = sorted(entry.path for entry in entries if not entry.is_symlink())
    except PermissionError:
        return
    for entry in beneath:
        _add(entry, closed, found)


def _outermost(places: Iterable[str]) -> list[str]:
    kept: list[str] = []
    for place in sorted(places, key=len):
        if not any(_within(place, outer) for outer in kept):
            kept.append(place)
    return kept


def _within(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip("/") + "/")
