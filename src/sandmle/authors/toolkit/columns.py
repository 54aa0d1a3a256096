"""From latent numbers to columns as a domain writes them: dependence, labels, scales, decimals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Field

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def draw_loadings(rng: np.random.Generator, count: int, *, factors: int = 2) -> list[list[float]]:
    """Draw how much each of `count` latents follows common factors, shape (count, factors).

    Real tables have dependent columns; between a tenth and four tenths of each latent is shared.
    """
    direction = rng.standard_normal((count, factors))
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    share = np.sqrt(rng.uniform(0.1, 0.4, size=(count, 1)))
    return [[round(float(value), 5) for value in row] for row in direction * share]


def latents(rng: np.random.Generator, rows: int, *, loadings: Sequence[Sequence[float]]) -> Floats:
    """Draw standard normal latents with common factors, rounded, shape (rows, len(loadings))."""
    table = np.asarray(loadings, dtype=np.float64)
    common = rng.standard_normal((rows, table.shape[1]))
    own = rng.standard_normal((rows, table.shape[0]))
    # explicit sums instead of a matrix product: BLAS libraries differ in their last bits
    shared = (common[:, None, :] * table[None, :, :]).sum(axis=2)
    rest = np.sqrt(1.0 - (table**2).sum(axis=1))
    return rounded(np.clip(shared + own * rest, -3.0, 3.0))


def probe(loadings: Sequence[Sequence[float]], *, rows: int = 2_000) -> Floats:
    """Draw latents that no task holds, always the same, to measure a rule's spread on."""
    return latents(np.random.Generator(np.random.PCG64(0)), rows, loadings=loadings)


def draw_shares(rng: np.random.Generator, count: int) -> list[float]:
    """Draw frequencies of `count` labels: a few common ones and a tail; they sum to 1."""
    raw = 1.0 / np.arange(1, count + 1) ** 0.6
    raw = rng.permutation(raw)
    cut = [round(float(value), 4) for value in raw / raw.sum()]
    cut[-1] = round(1.0 - sum(cut[:-1]), 4)
    return cut


def draw_labels(rng: np.random.Generator, rows: int, *, shares: Sequence[float]) -> Integers:
    """Draw label codes with the given frequencies, shape (rows,)."""
    edges = np.cumsum(np.asarray(shares))[:-1]
    return np.searchsorted(edges, rng.random(rows), side="right").astype(np.int64)


def render(field: Field, latent: Floats) -> Floats:
    """Write a latent as the domain does, rounded to the field's decimals, shape (n,)."""
    if field.shape == "normal":
        raw = field.centre + field.spread * latent
    elif field.shape == "lognormal":
        raw = field.centre * np.exp(field.spread * latent)
    else:
        centre = np.log(field.centre / (100.0 - field.centre))
        raw = 100.0 / (1.0 + np.exp(-(centre + field.spread * latent)))
    return np.round(rounded(raw), field.decimals)


def as_cells(values: Floats, *, decimals: int) -> list[str | None]:
    """Write numbers with all their decimals, 12.30 for 12.3; NaN becomes an empty cell.

    Without the zeros at the end, how long a cell is would go with how large its number is.
    """
    # adding zero turns -0.0 into 0.0
    shown = np.round(values, decimals) + 0.0
    return [None if np.isnan(value) else f"{value:.{decimals}f}" for value in shown]
