"""CSV text with the same bytes on every machine: floats are rounded before use and writing."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS = 6
"""Significant digits of every float that is written; last bits differ between numpy versions."""


def rounded(values: ArrayLike, *, digits: int = DIGITS) -> NDArray[np.float64]:
    """Round to significant digits, any shape; use it before a label depends on the value."""
    array = np.asarray(values, dtype=np.float64)
    flat = [float(f"{value:.{digits - 1}e}") for value in array.ravel()]
    return np.array(flat, dtype=np.float64).reshape(array.shape)


def cell(value: object) -> str:
    """Write one value: None and NaN as an empty cell, floats with six digits and no exponent."""
    if value is None:
        return ""
    if isinstance(value, (float, np.floating)):
        number = float(value)
        if math.isnan(number):
            return ""
        return np.format_float_positional(float(f"{number:.{DIGITS - 1}e}"), unique=True, trim="-")
    return str(value)


def csv_bytes(columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> bytes:
    """Write columns of equal length as UTF-8 CSV with a header line and newline endings.

    Raises:
        ValueError: If the columns differ in length.
    """
    cells = [[cell(value) for value in column] for column in columns.values()]
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*cells, strict=True))
    return out.getvalue().encode()
