"""How a prepared table is divided: how many rows go where, and which hidden rows are too near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sandmle.authors.table.columns import texts
from sandmle.authors.table.near import near_training
from sandmle.authors.table.prepare import Prepared
from sandmle.authors.table.split import Split, split
from sandmle.core.errors import UsageError
from sandmle.core.seeding import Streams

TRAIN_ROWS = 150
MIN_TRAIN_ROWS, MAX_TRAIN_ROWS = 50, 200
MIN_TEST_ROWS = 50
MAX_PUBLIC_BYTES = 16_000_000
"""Size of training and test table; verification takes 20 MB for all public files."""


@dataclass(frozen=True)
class Division:
    """The rows of each part, and what was left out."""

    rows: Split
    notes: tuple[str, ...]


def divide(
    table: Prepared, streams: Streams, *, train_rows: int | None, test_rows: int
) -> Division:
    """Draw training and test rows; test rows that nearly equal a training row are left out.

    Args:
        table: The clean table.
        streams: The stream `split` is used.
        train_rows: 50 to 200. None: 150, or half of a table of under 300 rows.
        test_rows: Most rows to hide; fewer where they would make more than 16 MB.

    Raises:
        UsageError: If `train_rows` is out of bounds, or too few rows are left to be hidden.
    """
    wanted = _checked_train_rows(train_rows, table.rows)
    classes = np.zeros(table.rows, dtype=np.int64)
    if table.question.task_type != "regression":
        classes = np.unique(texts(table.values), return_inverse=True)[1].astype(np.int64)
    fits = _fitting_rows(table) - wanted
    if fits < MIN_TEST_ROWS:
        raise UsageError(
            f"{wanted} training rows and {MIN_TEST_ROWS} hidden ones make more than "
            f"{MAX_PUBLIC_BYTES:,} bytes; leave columns out"
        )
    most = min(test_rows, fits)
    rows = split(classes, streams.rng("split"), train_rows=wanted, test_rows=most)
    return _without_near(table, rows)


def _fitting_rows(table: Prepared) -> int:
    """Return how many rows of a table's mean length make 16 MB."""
    cells = sum(len("".join(texts(values)).encode()) for values in table.features.values())
    return int(MAX_PUBLIC_BYTES / (cells / table.rows + len(table.features) + 20))


def _without_near(table: Prepared, rows: Split) -> Division:
    """Leave out the hidden rows that nearly equal a training row."""
    before = len(rows.test)
    # ranks, and with them distances, change a little when rows go
    while (near := near_training(table.features, rows.train, rows.test)).any():
        rows = Split(rows.train, rows.test[~near], rows.public[~near])
    left = len(rows.test)
    if left < MIN_TEST_ROWS:
        raise UsageError(
            f"{before - left} of {before} hidden rows nearly equal a training row, and {left} are "
            f"left to be graded on; at least {MIN_TEST_ROWS} are needed. Rows of so few columns "
            f"({len(table.features)}) are hard to tell apart: add some or use fewer training rows"
        )
    if left == before:
        return Division(rows, ())
    note = f"hidden rows left out for being nearly equal to a training row: {before - left}"
    return Division(rows, (note,))


def _checked_train_rows(wanted: int | None, rows: int) -> int:
    if wanted is None:
        return min(TRAIN_ROWS, rows // 2)
    high = min(MAX_TRAIN_ROWS, rows - MIN_TEST_ROWS)
    if not MIN_TRAIN_ROWS <= wanted <= high:
        raise UsageError(
            f"{wanted} training rows asked for; of {rows} usable rows, {MIN_TRAIN_ROWS} to {high} "
            f"can be, so that at least {MIN_TEST_ROWS} are left to be graded on"
        )
    return wanted
