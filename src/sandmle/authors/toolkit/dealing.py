"""Labels dealt out in given shares, so that luck does not change how frequent each one is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def dealt(rng: np.random.Generator, rows: int, *, shares: Sequence[float]) -> NDArray[np.int64]:
    """Deal labels to rows in random order, each as often as its share says but for rounding.

    Args:
        rng: One permutation is drawn.
        rows: How many labels.
        shares: Of the labels; they sum to 1.

    Returns:
        Index of each row's label, shape (rows,).
    """
    edges = np.cumsum(np.asarray(shares))[:-1]
    spaced = (np.arange(rows) + 0.5) / rows
    return rng.permutation(np.searchsorted(edges, spaced, side="right")).astype(np.int64)
