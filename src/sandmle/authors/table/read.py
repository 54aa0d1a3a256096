"""A table file as text cells: CSV, TSV and their gzip, or parquet; large files are sampled.

What the cells mean is `columns`'s business.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import UsageError

SAMPLE_ROWS = 20_000
"""Rows that are kept of a longer file; memory depends on this, not on the file."""

_CHUNK_ROWS = 8_192
_SNIFF_LINES = 20
_DELIMITERS = (",", "\t", ";", "|")


@dataclass(frozen=True)
class RawTable:
    """Cells as they are written in the file, stripped of outer white space."""

    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    """One tuple per column, shape (columns, rows)."""
    positions: NDArray[np.int64]
    """Index in the file of each row, from 0, increasing; shape (rows,)."""
    total_rows: int
    """Rows of the file."""
    decimal_comma: bool = False
    """Whether `1,5` may mean one and a half: so where semicolons separate the columns."""
    notes: tuple[str, ...] = ()
    """What was done beyond plain reading, a sentence each."""


def read_table(path: Path, rng: np.random.Generator) -> RawTable:
    """Read a table; the kind of file is told by its first bytes, not by its name.

    Args:
        path: CSV with any of the delimiters `,` tab `;` `|`, plain or gzip, UTF-8; or parquet.
        rng: Draws the rows that are kept of a file with more than 20,000.

    Raises:
        UsageError: If it is no such file, is empty or damaged, has duplicate column names, or rows
            that differ in length from the header.
    """
    head = _head(path)
    if head[:4] == b"PAR1":
        from sandmle.authors.table.parquet import read_parquet

        raw = read_parquet(path, rng)
    elif head[:2] == b"PK":
        raise UsageError(f"{path} is a zip archive or a workbook; export the table as CSV")
    else:
        raw = _read_text(path, rng, zipped=head[:2] == b"\x1f\x8b")
    raw = replace(raw, names=_named(raw.names))
    _refuse_duplicates(path, raw.names)
    if raw.total_rows == 0:
        raise UsageError(f"{path} has a header and no rows; a task needs at least 100")
    return raw


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, reading it in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sampled_note(kept: int, total: int) -> str:
    """Say that only some rows of the file were kept."""
    return f"{kept:,} of {total:,} rows were drawn at random; the others were not used"


def _head(path: Path) -> bytes:
    if not path.is_file():
        what = "a folder, not a table" if path.is_dir() else "not there"
        raise UsageError(f"{path} is {what}; give a CSV, TSV or parquet file")
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as exc:
        raise UsageError(f"{path} cannot be read: {exc.strerror}") from exc
    if not head:
        raise UsageError(f"{path} is empty; give a table with a header and at least 100 rows")
    return head


def _read_text(path: Path, rng: np.random.Generator, *, zipped: bool) -> RawTable:
    try:
        with path.open("rb") as file:
            binary = gzip.GzipFile(fileobj=file) if zipped else file
            with io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as text:
                return _parse(path, text, rng)
    except UnicodeDecodeError as exc:
        byte = exc.object[exc.start]
        raise UsageError(
            f"{path} is not UTF-8 text (byte 0x{byte:02x}); convert it: iconv -f latin1 -t utf-8"
        ) from exc
    except csv.Error as exc:
        raise UsageError(f"{path} cannot be read as CSV: {exc}") from exc
    except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
        raise UsageError(f"{path} is a damaged gzip file ({exc}); pack it again") from exc


def _parse(path: Path, file: io.TextIOWrapper, rng: np.random.Generator) -> RawTable:
    opening = list(islice(file, _SNIFF_LINES))
    if any("\0" in line for line in opening):
        raise UsageError(f"{path} is not a text file; give CSV, TSV or parquet")
    if not any(line.strip() for line in opening):
        raise UsageError(f"{path} is empty; give a table with a header and at least 100 rows")
    delimiter = _delimiter(opening)
    lines = csv.reader(_chained(opening, file), delimiter=delimiter)
    rows = _checked_rows(path, lines)
    names = next(rows)
    kept, positions, total = _reservoir(rows, rng)
    return RawTable(
        names=names,
        cells=tuple(zip(*kept, strict=True)) if kept else tuple(() for _ in names),
        positions=positions,
        total_rows=total,
        decimal_comma=delimiter == ";",
        notes=(sampled_note(len(kept), total),) if total > len(kept) else (),
    )


def _chained(opening: Sequence[str], file: io.TextIOWrapper) -> Iterator[str]:
    yield from opening
    yield from file


def _delimiter(opening: Sequence[str]) -> str:
    """Take the delimiter that splits most opening lines into the same, largest number of cells."""

    def quality(delimiter: str) -> tuple[int, int]:
        try:
            rows = [row for row in csv.reader(opening, delimiter=delimiter) if row]
        except csv.Error:
            # a whole line may be too long for one cell
            return (0, 0)
        width, agreeing = Counter(map(len, rows)).most_common(1)[0]
        return (agreeing if width > 1 else 0, width)

    return max(_DELIMITERS, key=quality)


def _checked_rows(path: Path, lines: Iterator[list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the header and every row that is not blank, stripped, all of the same length."""
    width = 0
    for number, row in enumerate(lines, start=1):
        if not row or (len(row) == 1 and not row[0].strip()):
            continue
        width = width or len(row)
        if len(row) != width:
            raise UsageError(
                f"{path}: row {number} has {len(row)} cells, the header has {width}; quote cells "
                "that hold the delimiter, and give every row as many cells as the header"
            )
        yield tuple(cell.strip() for cell in row)


def _reservoir(
    rows: Iterator[tuple[str, ...]], rng: np.random.Generator
) -> tuple[list[tuple[str, ...]], NDArray[np.int64], int]:
    """Keep an even sample of the rows in one pass (Vitter's algorithm R), in the file's order."""
    kept = list(islice(rows, SAMPLE_ROWS))
    positions = list(range(len(kept)))
    total = len(kept)
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        slots = rng.integers(0, np.arange(total + 1, total + len(chunk) + 1))
        for offset in np.flatnonzero(slots < SAMPLE_ROWS):
            kept[slots[offset]] = chunk[offset]
            positions[slots[offset]] = total + int(offset)
        total += len(chunk)
    order = np.argsort(positions)
    return [kept[i] for i in order], np.array(positions, dtype=np.int64)[order], total


def _named(names: Sequence[str]) -> tuple[str, ...]:
    """Give nameless columns pandas' name, and take line breaks and backticks out of the others."""
    clean = (" ".join(name.replace("`", "'").split()) for name in names)
    return tuple(name or f"Unnamed: {index}" for index, name in enumerate(clean))


def _refuse_duplicates(path: Path, names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        listed = ", ".join(repr(name) for name in twice[:5])
        raise UsageError(f"{path}: {len(twice)} column names occur twice: {listed}; rename them")
