"""Bytes to rows of text, strictly; what the cells mean is not known here."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sandmle.core.errors import InvalidSubmission

MAX_SUBMISSION_BYTES = 20_000_000
"""Largest file that is read at all: 20 MB."""


@dataclass(frozen=True)
class TextTable:
    """The cells of a CSV file, by column."""

    columns: dict[str, list[str]]
    """Cells in the order of the file, by the header's names."""


def read_table(data: bytes, header: Sequence[str], *, max_rows: int) -> TextTable:
    """Read CSV bytes that must have exactly the columns of `header`, in any order.

    UTF-8, with or without a byte order mark; any line ends; blank lines at the end are dropped.
    Nothing is evaluated, and reading stops after `max_rows` + 1 rows.

    Args:
        data: The file.
        header: Names of the columns that must be there.
        max_rows: Rows, header not counted, above which the rest is left unread.

    Raises:
        InvalidSubmission: If the bytes are no such table.
    """
    text = _decode(data)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        names = _match_header(next(reader), header)
        for row in reader:
            if len(row) != len(names):
                raise InvalidSubmission(
                    f"line {reader.line_num} has {len(row)} fields, the header has {len(names)}; "
                    "write every row with the same columns"
                )
            rows.append(row)
            if len(rows) > max_rows:
                break
    except csv.Error as exc:
        raise InvalidSubmission(f"line {reader.line_num} is not valid CSV: {exc}") from None
    cells = zip(*rows, strict=True) if rows else ([] for _ in names)
    return TextTable(dict(zip(names, map(list, cells), strict=True)))


def _decode(data: bytes) -> str:
    if len(data) > MAX_SUBMISSION_BYTES:
        raise InvalidSubmission(
            f"submission.csv has {len(data):,} bytes; at most {MAX_SUBMISSION_BYTES:,} are read"
        )
    if b"\0" in data:
        raise InvalidSubmission(
            f"submission.csv is not text: it holds a NUL byte at position {data.index(0)}; "
            "write a UTF-8 CSV file"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise InvalidSubmission(
            f"submission.csv is not UTF-8 text: byte {data[exc.start]:#04x} at position "
            f"{exc.start} cannot be read; write a UTF-8 CSV file"
        ) from None
    text = text.rstrip("\r\n")
    if not text.strip():
        raise InvalidSubmission("submission.csv is empty; write a header and one row per id")
    return text


def _match_header(found: list[str], wanted: Sequence[str]) -> list[str]:
    """Return the wanted names in the order in which the file has them."""
    exact = set(wanted)
    names = found if set(found) == exact else [name.strip() for name in found]
    counts = Counter(names)
    doubled = [name for name, count in counts.items() if count > 1]
    missing = [name for name in wanted if name not in counts]
    extra = [name for name in counts if name not in exact]
    if doubled:
        raise InvalidSubmission(f"the header names {quote_all(doubled)} more than once")
    if missing or extra:
        faults = [f"lacks {quote_all(missing)}"] if missing else []
        faults += [f"has the unknown {quote_all(extra)}"] if extra else []
        hint = (
            " (pandas: to_csv(..., index=False))" if any(n in ("", "index") for n in extra) else ""
        )
        raise InvalidSubmission(
            f"the header {' and '.join(faults)}; it must be {','.join(wanted)}{hint}"
        )
    return names


def quote(text: str) -> str:
    """Show a piece of a file in a message: quoted, on one line, at most 40 characters of it."""
    return repr(text if len(text) <= 40 else text[:40] + "...")


def quote_all(texts: Sequence[str]) -> str:
    """Show up to five pieces of a file in a message, and how many more there are."""
    shown = ", ".join(quote(text) for text in texts[:5])
    return shown + (f" and {len(texts) - 5} more" if len(texts) > 5 else "")
