"""What cells mean: numbers, texts, missing; and which columns are no features."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.table.read import RawTable
from sandmle.authors.toolkit.csvtext import rounded

MISSING = frozenset(
    {
        "",
        "?",
        "NA",
        "N/A",
        "n/a",
        "<NA>",
        "#N/A",
        "NaN",
        "nan",
        "-nan",
        "null",
        "NULL",
        "Null",
        "inf",
        "-inf",
        "Inf",
        "-Inf",
        "Infinity",
        "-Infinity",
    }
)
"""Cells that stand for a missing value."""

MAX_TEXT = 2_000
"""Characters that are kept of a cell."""

_MAX_DECIMALS = 15
_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d*)?|\d{16,}\.\d*|\.\d+)([eE][+-]?\d{1,2})?")
_CODE = re.compile(r"[+-]?0\d")
_ID_NAME = re.compile(
    r"(?i:unnamed: ?\d+|row_?(names?|id|nr|no|number|num)?|index|idx|[ug]uid|(.*[_ .-])?(id|key))"
    r"|.*[a-z]I[Dd]"
)
_HASH = re.compile(r"[0-9a-fA-F]{16,}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

Column = NDArray[Any]
"""Floats with NaN where missing, or an object array of texts with None where missing."""


def typed(raw: RawTable) -> dict[str, Column]:
    """Turn cells into columns by name; see `column`."""
    pairs = zip(raw.names, raw.cells, strict=True)
    return {name: column(cells, decimal_comma=raw.decimal_comma) for name, cells in pairs}


def column(cells: Sequence[str], *, decimal_comma: bool = False) -> Column:
    """Read one column: numbers if every present cell is one, else texts.

    Codes with leading zeros and whole numbers of more than 15 digits, which a float cannot hold,
    are texts. Floats have six significant digits unless they are whole. Texts longer than 2,000
    characters are cut.

    Returns:
        Shape (rows,): floats, or an object array of texts.
    """
    if decimal_comma and all(_is_number(cell.replace(",", ".")) for cell in _present(cells)):
        cells = [cell.replace(",", ".") for cell in cells]
    if all(_is_number(cell) for cell in _present(cells)):
        numbers = np.array([np.nan if cell in MISSING else float(cell) for cell in cells])
        return np.where(numbers == np.floor(numbers), numbers, rounded(numbers))
    return np.array([None if cell in MISSING else cell[:MAX_TEXT] for cell in cells], dtype=object)


def missing(values: Column) -> NDArray[np.bool_]:
    """Return where a column has no value, shape (rows,)."""
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.array([value is None for value in values], dtype=np.bool_)


def texts(values: Column) -> list[str]:
    """Write a whole column as it stands in the task's files.

    All numbers of a column get the same decimals, so that how one is written says nothing; columns
    of whole numbers get none. Only where that would take more than 15 is each written by itself.
    """
    if values.dtype.kind != "f":
        return ["" if value is None else str(value) for value in values]
    broken = np.unique(values[(values != np.floor(values)) & ~np.isnan(values)])
    shortest = [np.format_float_positional(value, trim="-") for value in broken]
    decimals = max((len(text.partition(".")[2]) for text in shortest), default=0)
    if decimals > _MAX_DECIMALS:
        return [_shortest(value) for value in values]
    return ["" if np.isnan(value) else f"{value:.{decimals}f}" for value in values]


def features(
    table: Mapping[str, Column],
    positions: NDArray[np.int64],
    *,
    keep: Collection[str] = (),
    drop: Collection[str] = (),
) -> tuple[dict[str, Column], list[str]]:
    """Leave out the columns that no model should see.

    These are columns without any value, with one value only, row numbers, and unique ids.

    Args:
        table: Columns by name, without the target.
        positions: Index in the file of each row, shape (rows,).
        keep: Columns that stay whatever they look like.
        drop: Columns that go whatever they look like.

    Returns:
        The features, and a sentence for every column that was left out.
    """
    kept = {}
    notes = []
    for name, values in table.items():
        reason = "as asked" if name in drop else _useless(name, values, positions)
        if reason and (name in drop or name not in keep):
            notes.append(f"column {name!r} was left out: {reason}")
        else:
            kept[name] = values
    return kept, notes


def _useless(name: str, values: Column, positions: NDArray[np.int64]) -> str | None:
    present = values[~missing(values)]
    if len(present) == 0:
        return "no row has a value"
    distinct = len(set(present.tolist()))
    if distinct == 1 and len(present) == len(values):
        return "all rows have the same value"
    if distinct < len(values):
        return None
    if values.dtype.kind == "f":
        if np.ptp(values - positions) == 0:
            return "it counts the rows"
        if _ID_NAME.fullmatch(name) and bool(np.all(values == np.floor(values))):
            return "it is a unique id"
    elif _ID_NAME.fullmatch(name) or all(_HASH.fullmatch(value) for value in values):
        return "it is a unique id"
    return None


def _present(cells: Sequence[str]) -> Iterator[str]:
    return (cell for cell in cells if cell not in MISSING)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None and _CODE.match(cell) is None


def _shortest(value: float) -> str:
    return "" if np.isnan(value) else np.format_float_positional(value, trim="-")
