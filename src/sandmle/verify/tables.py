"""Public CSV files as the checks read them: cells of text, and numbers where a column has them."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """A CSV file; every column is a list of cells as they are written."""

    columns: dict[str, list[str]]
    rows: int

    @classmethod
    def parse(cls, data: bytes) -> Table:
        """Read UTF-8 CSV with one header line.

        Raises:
            ValueError: If it is not UTF-8, has no header, repeats a column or has ragged rows.
        """
        reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header = next(reader, [])
        if not header or len(set(header)) != len(header):
            raise ValueError(f"header {header} is empty or repeats a column")
        lines = [line for line in reader if line]
        for number, line in enumerate(lines, start=1):
            if len(line) != len(header):
                raise ValueError(f"row {number} has {len(line)} cells, the header {len(header)}")
        cells = [list(column) for column in zip(*lines, strict=True)] or [[] for _ in header]
        return cls(dict(zip(header, cells, strict=True)), len(lines))

    def numbers(self, name: str) -> Floats | None:
        """Return a column as floats, NaN for empty cells; None if it holds anything else."""
        return as_numbers(self.columns[name])

    def is_text(self, name: str) -> bool:
        """Say whether a column holds prose: many words in a typical cell."""
        cells = self.columns[name]
        return bool(cells) and float(np.median([cell.count(" ") for cell in cells[:200]])) >= 3


def as_numbers(cells: list[str]) -> Floats | None:
    """Return cells as floats, NaN for empty ones; None if one is no number or all are empty."""
    if not any(cells):
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None


def codes(cells: list[str]) -> NDArray[np.int64]:
    """Number the different cells in the order of their text."""
    index = {cell: code for code, cell in enumerate(sorted(set(cells)))}
    return np.array([index[cell] for cell in cells], dtype=np.int64)
