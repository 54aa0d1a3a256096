"""Randomness by name: every stream is derived from a root seed and a path of names.

`seed + i` is never used: it makes item 1 of seed 0 equal item 0 of seed 1.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np


def derive_seed(root: int, *path: str | int) -> int:
    """Derive a 128-bit seed from `root` and a path of names and numbers, by SHA-256.

    Args:
        root: A seed of any size, not negative.
        path: Names that lead to the stream: `("tabular/price-v2", 7, "attempt", 0)`.

    Returns:
        An integer in [0, 2**128). Equal arguments give equal seeds on every machine; one cannot
        be computed back to its root other than by trying roots.

    Raises:
        ValueError: If `root` is negative.
    """
    if root < 0:
        raise ValueError(f"seed {root} is negative; use an integer of at least 0")
    digest = hashlib.sha256(repr((root, *path)).encode()).digest()
    return int.from_bytes(digest[:16], "big")


@dataclass(frozen=True)
class Streams:
    """Independent named random streams of one draft.

    A draw added in one stream never shifts another, and training rows can be drawn again while the
    hidden rule stays as it is.
    """

    seed: int
    """Root of all streams; private to the task: whoever knows it can rebuild the answers."""

    def rng(self, *name: str | int) -> np.random.Generator:
        """Return a new generator for the stream `name`; the same name gives the same numbers."""
        return np.random.Generator(np.random.PCG64(derive_seed(self.seed, *name)))

    def child(self, *name: str | int) -> Streams:
        """Return the streams below `name`."""
        return Streams(derive_seed(self.seed, *name))
