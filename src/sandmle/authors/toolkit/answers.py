"""Row ids and the hidden answers with their two splits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import csv_bytes

PUBLIC_SHARE = 0.3
"""Share of the hidden rows that the score tool may show; the others give the grade."""


def row_ids(rng: np.random.Generator, count: int, *, prefix: str = "") -> list[str]:
    """Draw distinct ids in an order that says nothing: `prefix` and six digits.

    Raises:
        ValueError: If more than 900,000 are asked for.
    """
    if count > 900_000:
        raise ValueError(f"{count} ids asked for; at most 900,000 have six digits")
    numbers = rng.choice(900_000, size=count, replace=False) + 100_000
    return [f"{prefix}{number}" for number in numbers]


def answers_csv(
    columns: Mapping[str, Sequence[Any] | NDArray[Any]],
    rng: np.random.Generator,
    *,
    groups: Sequence[Any] | None = None,
) -> bytes:
    """Write the answers: id column first, targets, an optional group column, and `split`.

    Args:
        columns: By name, in the order of a submission (a group column may come last).
        rng: Decides which rows are public.
        groups: Whole groups go to one split where given, shape (n,).
    """
    count = len(next(iter(columns.values())))
    units = (
        np.arange(count)
        if groups is None
        else np.unique(np.asarray(groups), return_inverse=True)[1]
    )
    names = np.unique(units)
    public = rng.permutation(names)[: max(1, round(PUBLIC_SHARE * len(names)))]
    split = np.where(np.isin(units, public), "public", "private")
    return csv_bytes({**columns, "split": split})
