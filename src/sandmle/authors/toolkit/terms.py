"""The grammar of hidden rules on tables: a rule is a sum of weighted terms of latent columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.core.record import Record

Floats = NDArray[np.float64]


class Term(Record):
    """One summand; all kinds have variance near 1 for independent standard normal latents."""

    kind: Literal["linear", "square", "product", "hinge"]
    of: tuple[int, ...]
    """Latent columns that it takes: two for `product`, else one."""
    weight: float
    at: float = 0.0
    """Knee of a hinge."""

    def value(self, z: Floats) -> Floats:
        """Return weight times the term for latents of shape (n, k), shape (n,)."""
        first = z[:, self.of[0]]
        if self.kind == "linear":
            raw = first
        elif self.kind == "square":
            raw = (first**2 - 1.0) / np.sqrt(2.0)
        elif self.kind == "hinge":
            raw = 2.0 * np.maximum(first - self.at, 0.0)
        else:
            raw = first * z[:, self.of[1]]
        return np.asarray(self.weight * raw, dtype=np.float64)


def total(terms: Sequence[Term], z: Floats) -> Floats:
    """Sum all terms in their order, shape (n,)."""
    out = np.zeros(len(z))
    for term in terms:
        out = out + term.value(z)
    return out


def weights(rng: np.random.Generator, count: int, *, low: float, high: float) -> list[float]:
    """Draw weights with magnitudes in [low, high] and random signs."""
    size = rng.uniform(low, high, size=count)
    sign = rng.choice([-1.0, 1.0], size=count)
    return [round(float(value), 5) for value in size * sign]
