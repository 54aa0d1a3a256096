"""Which rows are learnt from, which are hidden, and which of those the score tool sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.answers import PUBLIC_SHARE

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Row indices of both parts, each in random order."""

    train: Rows
    test: Rows
    public: NDArray[np.bool_]
    """Whether the score tool may show a test row, shape of `test`."""


def distinct_rows(rows: Sequence[tuple[str, ...]], rng: np.random.Generator) -> Rows:
    """Return one row of each set of equal ones, chosen at random; indices, increasing."""
    first: dict[tuple[str, ...], int] = {}
    for index in rng.permutation(len(rows)):
        first.setdefault(rows[index], int(index))
    return np.array(sorted(first.values()), dtype=np.int64)


def split(
    classes: NDArray[np.int64], rng: np.random.Generator, *, train_rows: int, test_rows: int
) -> Split:
    """Draw training and test rows, with the same mix of classes in all parts.

    Every class has at least two rows in training, and in each split of the test rows at least one,
    where it has ten rows or more.

    Args:
        classes: Class code of each row, from 0; all zeros for a regression; shape (rows,).
        rng: Draws the rows and their order.
        train_rows: Rows to learn from.
        test_rows: Most rows to hide; fewer where the table has no more.
    """
    order = rng.permutation(len(classes))
    train = _take(order, classes, train_rows)
    rest = order[~np.isin(order, train)]
    test = rng.permutation(_take(rest, classes, min(test_rows, len(rest))))
    public = _places(classes[test], round(PUBLIC_SHARE * len(test)))
    shown = np.zeros(len(test), dtype=np.bool_)
    shown[public] = True
    return Split(train=rng.permutation(train), test=test, public=shown)


def allocate(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Share `total` among classes in proportion to their counts, no class left empty-handed.

    A class gets two at least, or one where it has fewer than five rows, and never all of its rows
    unless everything is taken.

    Returns:
        How many to take of each class, shape of `counts`; the sum is `total` where it can be.
    """
    if total >= counts.sum():
        return counts
    low = np.minimum(np.where(counts < 5, 1, 2), counts)
    high = np.maximum(low, counts - 1)
    exact = counts * (total / counts.sum())
    given: NDArray[np.int64] = np.clip(np.floor(exact).astype(np.int64), low, high)
    while given.sum() != total:
        step = 1 if given.sum() < total else -1
        room = given < high if step > 0 else given > low
        if not room.any():
            break
        given[np.argmax(np.where(room, step * (exact - given), -np.inf))] += step
    return given


def _take(order: Rows, classes: NDArray[np.int64], total: int) -> Rows:
    """Take the first rows of each class in `order`, `total` in all."""
    return order[_places(classes[order], total)]


def _places(classes: NDArray[np.int64], total: int) -> Rows:
    """Return where the first rows of each class stand, increasing, `total` in all."""
    codes, counts = np.unique(classes, return_counts=True)
    shares = allocate(counts, total)
    chosen = [np.flatnonzero(classes == code)[:n] for code, n in zip(codes, shares, strict=True)]
    return np.sort(np.concatenate(chosen)).astype(np.int64)
