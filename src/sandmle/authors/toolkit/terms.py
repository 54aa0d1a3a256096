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

    kind: Literal["linear", "square", "product", "hinge", "threshold", "periodic"]
    of: tuple[int, ...]
    """Latent columns that it takes: two for `product`, else one."""
    weight: float
    at: float = 0.0
    """Knee of a hinge, place of a threshold, phase of a periodic term in radians."""
    cycles: float = 0.3
    """Periods of a periodic term per unit of its latent."""

    def value(self, z: Floats) -> Floats:
        """Return weight times the term for latents of shape (n, k), shape (n,)."""
        first = z[:, self.of[0]]
        if self.kind == "linear":
            raw = first
        elif self.kind == "square":
            raw = (first**2 - 1.0) / np.sqrt(2.0)
        elif self.kind == "hinge":
            raw = 2.0 * np.maximum(first - self.at, 0.0)
        elif self.kind == "threshold":
            raw = np.where(first > self.at, 1.0, -1.0)
        elif self.kind == "periodic":
            raw = np.sqrt(2.0) * np.sin(2.0 * np.pi * self.cycles * first + self.at)
        else:
            raw = first * z[:, self.of[1]]
        return np.asarray(self.weight * raw, dtype=np.float64)


OPERATIONS = {
    "linear": "additive",
    "square": "bend",
    "product": "interaction",
    "hinge": "bend",
    "threshold": "threshold",
    "periodic": "periodic",
}
"""What each kind of term is called where a rule's grammar is reported."""


def grammar(terms: Sequence[Term]) -> tuple[str, ...]:
    """Name the operations of a rule, each once, in alphabetical order."""
    return tuple(sorted({OPERATIONS[term.kind] for term in terms}))


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
