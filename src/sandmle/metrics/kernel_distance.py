"""Kernel distance between whole samples, with a price on copied rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics import METRICS
from sandmle.metrics._base import FeatureMeans, Values

Floats = NDArray[np.float64]

FLOOR = 0.004
"""Added to every distance: what two samples of some hundred rows differ by anyhow counts little."""
_NEAR = 0.1
"""Share of fresh rows that lie as near to a known row as what counts as a copy."""
_LUCK = 4.0
"""Standard errors by which the share of copies may be higher before it costs anything: the hidden
rows themselves must never pay."""
_PRICE = 4.0
"""What a share of copies beyond the expected one adds to the distance, per unit of its square."""
_WIDTHS = (2.0, 1.0, 0.5)
_WAVES = 120
"""Waves that stand for the three kernels; a third of them for each."""


@METRICS.register("kernel_distance")
@dataclass(frozen=True)
class KernelDistance(FeatureMeans):
    """Log of the kernel distance between the rows of a submission and the hidden rows.

    Both are samples: which row stands where is of no importance. Columns are divided by their
    standard deviations in the known rows. The distance is the squared maximum mean discrepancy
    under the mean of three Gaussian kernels, summed over fixed waves instead of pairs of rows: what
    it costs grows with the rows, not with their square. A submission that holds more near copies of
    known rows than fresh rows do is moved away from the truth.
    """

    name = "kernel_distance"
    title = "log kernel distance between samples"
    formula = (
        "log(D + 4 c^2 + 0.004) with D = mean k(p, p') + mean k(y, y') - 2 mean k(p, y) over pairs "
        "of rows (computed with 120 random Fourier features); k = mean of exp(-r^2 / (2 h^2)) for "
        "h = 2, 1, 0.5, r = distance in standard deviations of the complete training rows; c "
        "= share of rows p within the radius of a complete training row, less a tenth and four "
        "standard errors, at least 0"
    )
    higher_is_better = False
    best = math.log(FLOOR)
    columns = "many"
    sample_params = {  # noqa: RUF012 - declared ClassVar in the base
        "known": [[9.0, 11.0, 10.0], [12.0, 8.0, 9.0], [7.0, 10.0, 13.0], [10.0, 12.0, 8.0]],
        "radius": 0.01,
    }

    known: tuple[tuple[float, ...], ...] = field(repr=False)
    """Rows that are public: the training table."""
    radius: float
    """Distance in standardised units under which a row is a copy of a known one; a tenth of fresh
    rows lie that near to one."""

    def __post_init__(self) -> None:
        # parameters come from JSON, which has no tuples
        object.__setattr__(self, "known", tuple(tuple(map(float, row)) for row in self.known))
        widths = {len(row) for row in self.known}
        if len(self.known) < 2 or len(widths) != 1 or self.radius < 0:
            raise ValueError("known must be two or more rows of one length, radius at least 0")
        if not self._spread.all():
            raise ValueError("a column of the known rows is constant")

    @property
    def full_title(self) -> str:
        """The title; the known rows are the training table's."""
        return f"{self.title} (radius {self.radius:g})"

    @cached_property
    def _rows(self) -> Floats:
        return np.asarray(self.known, dtype=np.float64)

    @cached_property
    def _spread(self) -> Floats:
        return np.asarray(self._rows.std(axis=0), dtype=np.float64)

    def features(self, y_true: Values, y_pred: Values) -> tuple[Values, Values]:
        """Return waves of both, and which predicted rows are near a known row."""
        if y_true.shape[1] != len(self._spread):
            raise ValueError(f"known rows have {len(self._spread)} columns, answers another number")
        true, pred, known = (rows / self._spread for rows in (y_true, y_pred, self._rows))
        near = _distances(pred, known).min(axis=1) < self.radius
        return (
            np.column_stack([np.zeros(len(true)), _waves(true)]),
            np.column_stack([near.astype(float), _waves(pred)]),
        )

    def of_means(self, true: Values, pred: Values, *, rows: int) -> float:
        """Score means: the share of copies first, then the waves."""
        apart = float(((pred[1:] - true[1:]) ** 2).sum())
        expected = _NEAR + _LUCK * math.sqrt(_NEAR * (1.0 - _NEAR) / rows)
        surplus = max(float(pred[0]) - expected, 0.0)
        return math.log(apart + _PRICE * surplus**2 + FLOOR)


def _waves(rows: Floats) -> Floats:
    """Return sines and cosines whose products over two rows sum to about their kernel."""
    angles = rows @ _frequencies(rows.shape[1])
    waves: Floats = np.hstack([np.cos(angles), np.sin(angles)]) / math.sqrt(_WAVES)
    return waves


@lru_cache(maxsize=8)
def _frequencies(width: int) -> Floats:
    """Return fixed normal frequencies that fill space evenly, shape (width, `_WAVES`)."""
    golden = 2.0
    for _ in range(60):
        golden = (1.0 + golden) ** (1.0 / (width + 1))
    law = NormalDist()
    table = np.empty((width, _WAVES))
    for wave in range(_WAVES):
        for column in range(width):
            place = (0.5 + (wave + 1) * golden ** -(column + 1)) % 1.0
            table[column, wave] = law.inv_cdf(place) / _WIDTHS[wave * len(_WIDTHS) // _WAVES]
    return table


def _distances(a: Floats, b: Floats) -> Floats:
    """Return Euclidean distances, shape (n, m)."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * (a @ b.T)
    distances: Floats = np.sqrt(np.maximum(squared, 0.0))
    return distances


def near_radius(fresh: Floats, known: Floats) -> float:
    """Return the radius within which a tenth of fresh rows have a known row, standardised.

    Args:
        fresh: Rows of the same law as the known ones, shape (m, k).
        known: Shape (n, k).
    """
    spread = known.std(axis=0)
    nearest = _distances(fresh / spread, known / spread).min(axis=1)
    return float(np.quantile(nearest, _NEAR))
