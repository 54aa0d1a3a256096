"""From latent numbers to columns as a domain writes them: dependence, labels, scales, decimals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Field
from sandmle.core.record import Record

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def draw_loadings(
    rng: np.random.Generator,
    count: int,
    *,
    factors: int = 2,
    share: tuple[float, float] = (0.1, 0.4),
    first: float = 1.0,
) -> list[list[float]]:
    """Draw how much each of `count` latents follows common factors, shape (count, factors).

    Real tables have dependent columns; by default between a tenth and four tenths of each latent
    is shared. The first factor is `first` times as strong as any other.
    """
    direction = rng.standard_normal((count, factors))
    direction[:, 0] *= first
    direction /= np.sqrt((direction**2).sum(axis=1, keepdims=True))
    part = np.sqrt(rng.uniform(*share, size=(count, 1)))
    return [[round(float(value), 5) for value in row] for row in direction * part]


def draw_bundle(
    rng: np.random.Generator, count: int, *, highest: float = 0.95
) -> list[list[float]]:
    """Draw loadings whose strength differs from table to table, as it does among real tables.

    Two factors, of which one may lead, hold from a tenth of the variance up to `highest` of it.
    """
    top = float(rng.uniform(0.15, highest))
    first = float(rng.choice((1.0, 4.0, 4.0)))
    return draw_loadings(rng, count, share=(0.6 * top, top), first=first)


class Writing(Record):
    """How one table writes a field: its spread there, its unit and its precision."""

    power: int
    """Values are multiplied by this power of ten: `in hundredths`."""
    decimals: int
    stretch: float
    """Factor on the spread of a log-normal quantity."""

    def of(self, field: Field) -> Field:
        """Return the field as this table writes it."""
        change: dict[str, object] = {"decimals": self.decimals, "power": self.power}
        if self.power:
            change["text"] = f"{field.text}, written in {_PARTS[self.power]}"
        if field.shape == "lognormal":
            change["spread"] = round(field.spread * self.stretch, 5)
        return field.model_copy(update=change)


_PARTS = {
    1: "tenths",
    2: "hundredths",
    3: "thousandths",
    4: "ten-thousandths",
    5: "hundred-thousandths",
}


def draw_writing(
    rng: np.random.Generator, fields: Sequence[Field], *, reach: float = 3.0
) -> dict[str, Writing]:
    """Draw how finely each field is written, and in tables with long or short tails.

    One table is kept coarsely, another finely; most write whole numbers. A step is at most two
    fifths of a column's spread, so that rounding takes next to nothing from what the column tells,
    and a quantity whose latent is at least -`reach` is not rounded to zero.
    """
    habit = float(np.exp(rng.uniform(np.log(2.5), np.log(40.0))))
    whole = float(rng.uniform(0.2, 1.0))
    tails = float(np.exp(rng.uniform(np.log(0.5), np.log(1.6))))
    found = {}
    for field in fields:
        stretch = tails * float(np.exp(0.15 * rng.standard_normal()))
        steps = max(2.5, habit * float(np.exp(0.4 * rng.standard_normal())))
        digits = min(_digits(field, steps, stretch, reach), field.decimals)
        # a number under zero must not be taken for a code
        shifted = digits > 0 and _stays_positive(field) and rng.random() < whole
        power, decimals = (digits, 0) if shifted else (0, digits)
        found[field.name] = Writing(power=power, decimals=decimals, stretch=round(stretch, 4))
    return found


def as_written(fields: Sequence[Field], writing: Mapping[str, Writing]) -> dict[str, Field]:
    """Return fields by name, those in `writing` as they are written there."""
    return {
        field.name: writing[field.name].of(field) if field.name in writing else field
        for field in fields
    }


def _digits(field: Field, steps: float, stretch: float, reach: float) -> int:
    """Return the decimals that give so many steps within a field's spread."""
    if field.shape == "lognormal":
        spread = field.spread * stretch
        step = min(field.centre * spread / steps, field.centre * float(np.exp(-reach * spread)))
    elif field.shape == "normal":
        step = field.spread / steps
    else:
        step = field.centre * (100.0 - field.centre) / 100.0 * field.spread / steps
    return max(-2, int(np.ceil(-np.log10(step) - 1e-9)))


def _stays_positive(field: Field) -> bool:
    return field.shape != "normal" or field.centre > 8 * field.spread


def draw_flat(rng: np.random.Generator, count: int) -> tuple[int, ...]:
    """Draw which of `count` latents are spread evenly instead of normally: few tables have many."""
    share = float(rng.choice((0.0, 0.3, 0.9)))
    return tuple(int(i) for i in np.flatnonzero(rng.random(count) < share))


def latents(
    rng: np.random.Generator,
    rows: int,
    *,
    loadings: Sequence[Sequence[float]],
    flat: Sequence[int] = (),
) -> Floats:
    """Draw standard normal latents with common factors, rounded, shape (rows, len(loadings)).

    Those in `flat` are spread evenly, with the same mean and spread.
    """
    table = np.asarray(loadings, dtype=np.float64)
    common = rng.standard_normal((rows, table.shape[1]))
    own = rng.standard_normal((rows, table.shape[0]))
    # explicit sums instead of a matrix product: BLAS libraries differ in their last bits
    shared = (common[:, None, :] * table[None, :, :]).sum(axis=2)
    rest = np.sqrt(1.0 - (table**2).sum(axis=1))
    z = np.clip(shared + own * rest, -3.0, 3.0)
    for place in flat:
        z[:, place] = [math.sqrt(3.0) * math.erf(value / math.sqrt(2.0)) for value in z[:, place]]
    return rounded(z)


def probe(
    loadings: Sequence[Sequence[float]], *, rows: int = 2_000, flat: Sequence[int] = ()
) -> Floats:
    """Draw latents that no task holds, always the same, to measure a rule's spread on."""
    return latents(np.random.Generator(np.random.PCG64(0)), rows, loadings=loadings, flat=flat)


def as_codes(values: Sequence[str], labels: Sequence[str]) -> list[int]:
    """Write each label as its place among `labels`, from 1."""
    place = {label: number for number, label in enumerate(labels, start=1)}
    return [place[value] for value in values]


def legend(labels: Sequence[str]) -> str:
    """Say what codes mean: "1 chip, 2 contactless"."""
    return ", ".join(f"{number} {label}" for number, label in enumerate(labels, start=1))


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
    return np.round(rounded(raw * 10.0**field.power), field.decimals)


def as_cells(values: Floats, *, decimals: int) -> list[str | None]:
    """Write numbers with all their decimals, 12.30 for 12.3; NaN becomes an empty cell.

    Without the zeros at the end, how long a cell is would go with how large its number is.
    """
    # adding zero turns -0.0 into 0.0
    shown = np.round(values, decimals) + 0.0
    places = max(decimals, 0)
    return [None if np.isnan(value) else f"{value:.{places}f}" for value in shown]
