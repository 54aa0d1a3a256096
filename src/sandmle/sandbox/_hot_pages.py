"""Copies, before a run, the pages of memory that a run is sure to write to.

A forked child shares its parent's pages until it writes to one, and Python writes to nearly all
that it touches, to count references. Each first write is a fault that costs a run microseconds,
some thousand times. So a fork server rehearses once which pages these are, and its children have
them copied while they wait.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

_PAGE = mmap.PAGESIZE
_PRESENT, _EXCLUSIVE = 1 << 63, 1 << 56
_POPULATE_WRITE = 23
_RANGE = struct.Struct("=QQ")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)


class Region(NamedTuple):
    """A range of addresses."""

    start: int
    size: int


def writable_regions() -> list[Region]:
    """Return the private writable memory of this process, without its stack."""
    found = []
    with open("/proc/self/maps", encoding="utf-8") as lines:  # noqa: PTH123 - no Path in children
        for line in lines:
            addresses, rights, *_, name = line.split()
            if rights == "rw-p" and name != "[stack]":
                start, end = (int(word, 16) for word in addresses.split("-"))
                found.append(Region(start, end - start))
    return found


def pages_of_its_own(regions: Iterable[Region]) -> list[Region]:
    """Return those pages of `regions` that this process shares with no other."""
    found: list[Region] = []
    with open("/proc/self/pagemap", "rb", buffering=0) as file:  # noqa: PTH123 - as above
        for region in regions:
            file.seek(region.start // _PAGE * 8)
            content = file.read(region.size // _PAGE * 8)
            for number, (entry,) in enumerate(struct.iter_unpack("=Q", content)):
                if entry & _PRESENT and entry & _EXCLUSIVE:
                    _append(found, region.start + number * _PAGE)
    return found


def copy_pages(regions: Sequence[Region]) -> None:
    """Make this process's own copies of shared pages; without effect before Linux 5.14."""
    for start, size in regions:
        _libc.madvise(start, size, _POPULATE_WRITE)


def pack(regions: Sequence[Region]) -> bytes:
    """Return `regions` as bytes."""
    return b"".join(_RANGE.pack(*region) for region in regions)


def unpack(content: bytes) -> list[Region]:
    """Return the regions that `pack` put into bytes."""
    return [Region(*pair) for pair in _RANGE.iter_unpack(content)]


def _append(found: list[Region], page: int) -> None:
    if found and sum(found[-1]) == page:
        found[-1] = Region(found[-1].start, found[-1].size + _PAGE)
    else:
        found.append(Region(page, _PAGE))
