"""Masks as run-length codes, as the metric `dice` reads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def encode(mask: NDArray[np.bool_]) -> str:
    """Write a mask of shape (height, width) as `start length start length ...`.

    Pixels are counted from 1 down the columns first; an empty mask is an empty text.
    """
    line = np.concatenate([[0], np.asarray(mask, dtype=np.int8).T.ravel(), [0]])
    edges = np.flatnonzero(np.diff(line)) + 1
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return " ".join(f"{start} {stop - start}" for start, stop in pairs)


def explained(height: int, width: int) -> str:
    """Say how a mask is written, for the page."""
    return (
        f"as a run-length code, `start length start length ...`: the {height * width} pixels are "
        f"numbered from 1 at the top left, down the columns first, so that pixel 2 lies under "
        f"pixel 1 and pixel {height + 1} is the top of the second column; runs ascend and do not "
        f"overlap; `3 2 {height + 1} 4` marks the third and fourth pixel of the first column and "
        f"the four topmost of the second; an empty cell is an empty mask"
    )
