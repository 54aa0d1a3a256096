"""How traits of the DNA become numbers of a task: classes, their shares, the size of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandmle.seeds.dna import TaskDNA

_COMMONEST = {"none": 1.0, "mild": 3.0, "strong": 8.0}
"""How often the most frequent class comes for each time of the rarest."""
_SIZES = ("small", "medium", "large")


def class_count(dna: TaskDNA, rng: np.random.Generator, *, low: int, high: int) -> int:
    """Return the DNA's number of classes within the bounds; drawn where it has none."""
    if dna.n_classes is None:
        return int(rng.integers(low, high + 1))
    return int(np.clip(dna.n_classes, low, high))


def class_shares(dna: TaskDNA, rng: np.random.Generator, count: int) -> list[float]:
    """Return frequencies of classes as uneven as the DNA says, in random order; they sum to 1."""
    raw = np.geomspace(1.0, _COMMONEST[dna.imbalance], count)
    shares = [round(float(value), 4) for value in rng.permutation(raw / raw.sum())]
    shares[-1] = round(1.0 - sum(shares[:-1]), 4)
    return shares


def side(dna: TaskDNA, sides: Sequence[int] = (24, 32, 40)) -> int:
    """Return the side of a picture in pixels: small, medium or large by the DNA's resolution."""
    size = dna.resolution if dna.resolution in _SIZES else "medium"
    return sides[min(_SIZES.index(size), len(sides) - 1)]
