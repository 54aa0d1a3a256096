"""Rows that are all but equal: a hidden row that nearly is a training row is known already."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.table.columns import Column, missing, texts
from sandmle.authors.table.split import Rows

NEAR = 0.025
"""Distance, in units of that of two typical training rows, under which rows are nearly equal.

A little more than what verification calls near, since its distance is not the very same one.
"""

_CATEGORIES = 60


def near_training(table: Mapping[str, Column], train: Rows, test: Rows) -> NDArray[np.bool_]:
    """Say which test rows nearly equal a training row.

    Numbers are compared by rank; categories and prose by equality. Names and codes, which are
    short texts with more than 60 different values, are not compared.

    Returns:
        Shape of `test`.
    """
    across = np.zeros((len(test), len(train)))
    within = np.zeros((len(train), len(train)))
    compared = False
    for values in table.values():
        numeric = values.dtype.kind == "f"
        if not numeric and not _comparable(values[train]):
            continue
        compared = True
        both = values[np.concatenate([train, test])]
        points = _ranks(both) if numeric else _codes(both)
        known, asked = points[: len(train)], points[len(train) :]
        across += _apart(asked, known, numeric=numeric)
        within += _apart(known, known, numeric=numeric)
    if not compared:
        return np.zeros(len(test), dtype=np.bool_)
    typical = float(np.median(within[~np.eye(len(train), dtype=np.bool_)]))
    return np.asarray(across.min(axis=1) < NEAR**2 * (typical or 1.0))


def _apart(
    one: NDArray[np.float64], other: NDArray[np.float64], *, numeric: bool
) -> NDArray[np.float64]:
    """Return squared distances of all pairs, shape (one, other)."""
    apart = one[:, None] - other[None, :]
    return np.asarray(apart**2 if numeric else 2.0 * (apart != 0))


def _codes(values: Column) -> NDArray[np.float64]:
    """Number the texts; equal ones and missing ones get equal numbers."""
    return np.unique(texts(values), return_inverse=True)[1].astype(np.float64)


def _ranks(values: Column) -> NDArray[np.float64]:
    """Return ranks in [0, 1] times the square root of 12, so that their variance is about 1."""
    known = np.sort(values[~missing(values)])
    ranks = np.searchsorted(known, values) / max(1, len(known))
    return np.asarray(np.where(missing(values), 0.5, ranks) * np.sqrt(12))


def _comparable(values: Column) -> bool:
    present = [value for value in values if value is not None]
    prose = bool(present) and float(np.median([value.count(" ") for value in present])) >= 3
    return prose or len(set(present)) <= _CATEGORIES
