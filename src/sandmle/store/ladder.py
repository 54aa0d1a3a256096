"""The baseline scripts of a task in one file: a small file of its own costs a whole disk block.

Every script is a cell, as editors know them: a line `# %% NAME, N lines` and the N lines of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandmle.core.draft import Baseline

_HEAD = re.compile(r"# %% (?P<name>\S+), (?P<lines>\d+) lines")


def pack_ladder(ladder: Iterable[Baseline]) -> bytes:
    """Put scripts into one text."""
    cells = []
    for rung in ladder:
        # a script that ends its last line has an empty one more, which sets the cells apart
        lines = rung.script.count("\n") + 1
        cells.append(f"# %% {rung.name}, {lines} lines\n{rung.script}\n")
    return "".join(cells).encode()


def unpack_ladder(data: bytes) -> tuple[Baseline, ...]:
    """Take the scripts out again, exactly as they were.

    Raises:
        ValueError: If a line that should begin a script does not, or the text is no UTF-8.
    """
    lines = data.decode().split("\n")
    ladder: list[Baseline] = []
    at = 0
    while at < len(lines) - 1:
        head = _HEAD.fullmatch(lines[at])
        if head is None:
            raise ValueError(f"line {at + 1} should be like `# %% dummy, 12 lines`")
        end = at + 1 + int(head["lines"])
        ladder.append(Baseline(head["name"], "\n".join(lines[at + 1 : end])))
        at = end
    return tuple(ladder)
