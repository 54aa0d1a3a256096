"""The defect layer: what goes wrong between a clean table and the file that an engineer gets.

Each defect is one function on one column; a family's difficulty is how many of them it uses.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import rounded

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def missing_by_value(
    rng: np.random.Generator, latent: Floats, *, at: float, steepness: float = 3.0
) -> Mask:
    """Say which cells are missing *because of their own value* (MNAR): mostly those above `at`.

    Args:
        rng: One uniform number is drawn for each row.
        latent: The standard normal behind the column, shape (n,).
        at: Where half of the cells are missing; negative steepness makes low values vanish.
        steepness: How sharply missingness sets in.
    """
    chance = 1.0 / (1.0 + np.exp(-steepness * (latent - at)))
    return np.asarray(rng.random(len(latent)) < np.round(chance, 6))


def missing_at_random(rng: np.random.Generator, rows: int, *, share: float) -> Mask:
    """Say which cells are missing for no reason."""
    return np.asarray(rng.random(rows) < share)


def blanked(values: Floats, missing: Mask, *, code: float | None = None) -> Floats:
    """Empty the missing cells, or write a sentinel code such as -999 there."""
    return np.where(missing, np.nan if code is None else code, values)


def in_other_unit(values: Floats, other: Mask, *, factor: float, decimals: int) -> Floats:
    """Write the masked cells in another unit, with the same number of decimals."""
    return np.where(other, np.round(rounded(values * factor), decimals), values)


def with_unit(cells: Sequence[str | None], units: Sequence[str]) -> list[str | None]:
    """Write the unit into the cell, `12.5 kg`; an empty cell stays empty."""
    return [
        None if cell is None else f"{cell} {unit}" for cell, unit in zip(cells, units, strict=True)
    ]


def clipped(values: Floats, *, low: float, high: float) -> Floats:
    """Let a sensor saturate: values beyond its range read as the end of the range."""
    return np.clip(values, low, high)


def messy(rng: np.random.Generator, labels: Sequence[str], *, share: float) -> list[str]:
    """Spell a share of the labels another way: case, blanks, separators or two swapped letters."""
    hit = rng.random(len(labels)) < share
    how = rng.integers(0, 4, size=len(labels))
    where = rng.random(len(labels))
    return [
        _misspelt(label, int(kind), float(place)) if wrong else label
        for label, wrong, kind, place in zip(labels, hit, how, where, strict=True)
    ]


def _misspelt(label: str, kind: int, place: float) -> str:
    if kind == 0:
        return label.upper()
    if kind == 1:
        return label + " "
    if kind == 2:
        return label.replace(" ", "-") if " " in label else label.capitalize()
    if len(label) < 5:
        return label.upper()
    # the first two letters stay: people notice those
    start = 2 + int(place * (len(label) - 3))
    return label[:start] + label[start + 1] + label[start] + label[start + 2 :]
