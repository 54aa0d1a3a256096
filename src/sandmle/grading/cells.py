"""Cells of one column to values: what a number, an integer, a label and a text may look like."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import InvalidSubmission
from sandmle.core.task import Column
from sandmle.grading.table import quote, quote_all

MAX_MAGNITUDE = 1e100
"""Larger numbers are refused: their squares overflow in the metrics, and no answer needs them."""

# [0-9]: \d and float() also take other scripts' digits, float() takes 1_000, nan and inf
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def parse_column(column: Column, cells: Sequence[str], ids: Sequence[str]) -> NDArray[Any]:
    """Turn the cells of a column into values, shape (n,).

    Numbers are decimal, with or without an exponent, surrounded by white space or not; integers
    may be written 3 or 3.0; labels may be surrounded by white space; texts are taken as they are.

    Args:
        column: What the column must hold.
        cells: The cells.
        ids: Id of each cell's row, for messages.

    Returns:
        Floats for number and integer columns, else an object array of strings.

    Raises:
        InvalidSubmission: If a cell holds anything else; names the column, how many cells, the
            first of them, and what to write instead.
    """
    _refuse(column, cells, ids, lambda c: len(c) > column.max_length, _TOO_LONG)
    if column.kind == "string":
        return np.array(cells, dtype=object)
    if column.kind == "label":
        return _labels(column, cells, ids)
    return _numbers(column, cells, ids)


_TOO_LONG = ("over the allowed length", "shorten them")


def _labels(column: Column, cells: Sequence[str], ids: Sequence[str]) -> NDArray[Any]:
    known = set(column.labels)
    labels = [cell if cell in known else cell.strip() for cell in cells]
    advice = f"use only {quote_all(column.labels)}"
    _refuse(
        column, labels, ids, lambda c: c not in known, ("that are no label of this task", advice)
    )
    return np.array(labels, dtype=object)


def _numbers(column: Column, cells: Sequence[str], ids: Sequence[str]) -> NDArray[np.float64]:
    what = "an integer" if column.kind == "integer" else "a number"
    fault = (f"that are not {what}", f"write {what} in every row, no empty cell, no nan or inf")
    texts = [cell.strip() for cell in cells]
    _refuse(column, texts, ids, lambda c: _NUMBER.fullmatch(c) is None, fault)
    values = np.array([float(text) for text in texts])
    huge = (f"beyond {MAX_MAGNITUDE:g} in size", "write values of the size of the training ones")
    _refuse_at(column, texts, ids, np.abs(values) > MAX_MAGNITUDE, huge)
    if column.kind == "integer":
        _refuse_at(column, texts, ids, values != np.floor(values), (fault[0], "round them"))
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    outside = (values < low) | (values > high)
    _refuse_at(
        column, texts, ids, outside, (f"outside [{low:g}, {high:g}]", "clip or rescale them")
    )
    return values


def _refuse(
    column: Column,
    cells: Sequence[str],
    ids: Sequence[str],
    bad: Callable[[str], bool],
    fault: tuple[str, str],
) -> None:
    _refuse_at(
        column, cells, ids, np.fromiter(map(bad, cells), dtype=bool, count=len(cells)), fault
    )


def _refuse_at(
    column: Column,
    cells: Sequence[str],
    ids: Sequence[str],
    bad: NDArray[np.bool_],
    fault: tuple[str, str],
) -> None:
    if not bad.any():
        return
    first = int(np.argmax(bad))
    raise InvalidSubmission(
        f"column {column.name!r} has {int(bad.sum())} values {fault[0]} "
        f"(first: {quote(cells[first])}, at id {quote(ids[first])}); {fault[1]}"
    )
