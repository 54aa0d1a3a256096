"""Submissions made wrong on purpose, and odd ones that are right, out of a valid one.

Verification grades all of them for each task; nothing here knows an answer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sandmle.core.task import Column, SubmissionSchema
from sandmle.grading.table import MAX_SUBMISSION_BYTES

_PICKLE = b"cos\nsystem\n(S'exit 1'\ntR."
"""A pickle that runs a command when it is loaded; as text it is a file of four lines."""

Rows = list[list[str]]


@dataclass(frozen=True)
class Case:
    """One submission and what is special about it."""

    name: str
    data: bytes


def malformed_cases(valid: bytes, schema: SubmissionSchema) -> list[Case]:
    """Return submissions that must be refused, at least 20 for any schema.

    Args:
        valid: A submission that is accepted.
        schema: What a submission must look like.
    """
    header, rows = _split(valid)
    cases = [*_wrong_bytes(header, rows), *_wrong_rows(header, rows, schema)]
    cases += _wrong_columns(header, rows, schema)
    for column in schema.targets[:1] + schema.targets[1:][-1:]:
        at = header.index(column.name)
        for name, cell in _wrong_cells(column):
            changed = [*rows[0][:at], cell, *rows[0][at + 1 :]]
            cases.append(Case(f"{column.name}: {name}", _join([header, changed, *rows[1:]])))
    return cases


def legitimate_cases(valid: bytes, schema: SubmissionSchema) -> list[Case]:
    """Return submissions that must be accepted; all but `constant` score the same.

    Args:
        valid: A submission that is accepted.
        schema: What a submission must look like.
    """
    header, rows = _split(valid)
    plain = _join([header, *rows])
    at = header.index(schema.id_column)
    spaced = [[*row[:at], f" {row[at]}\t", *row[at + 1 :]] for row in rows]
    constant = [[*rows[0][:at], row[at], *rows[0][at + 1 :]] for row in rows]
    mirrored = [row[::-1] for row in [header, *rows]]
    return [
        Case("plain", plain),
        Case("shuffled rows", _join([header, *rows[1::2], *rows[::2][::-1]])),
        Case("CRLF and byte order mark", b"\xef\xbb\xbf" + _join([header, *rows], end="\r\n")),
        Case("white space around ids", _join([header, *spaced])),
        Case("constant", _join([header, *constant])),
        Case("other order of columns", _join(mirrored)),
        Case("every cell quoted", _join([header, *rows], quoting=csv.QUOTE_ALL)),
        Case("blank lines at the end", plain + b"\n\n"),
    ]


def _wrong_bytes(header: list[str], rows: Rows) -> Iterator[Case]:
    table = [header, *rows]
    plain = _join(table)
    yield Case("empty file", b"")
    yield Case("white space only", b" \r\n\t\n")
    yield Case("NUL byte", plain[:-1] + b"\0\n")
    yield Case("binary", bytes(range(256)) * 8)
    yield Case("not UTF-8", plain + b"\xe9\xff\n")
    yield Case("UTF-16", plain.decode().encode("utf-16"))
    yield Case("over 20 MB", plain + b" " * (MAX_SUBMISSION_BYTES + 1 - len(plain)))
    yield Case("pickle", _PICKLE)
    yield Case(
        "HTML", b"<!DOCTYPE html>\n<html><body><table><tr><td>1</td></tr></table></body></html>"
    )
    yield Case("JSON", b'[{"' + header[0].encode() + b'": "1"}]')
    yield Case("wrong delimiter", _join(table, delimiter=";"))
    yield Case("open quote", plain + b'"')


def _wrong_rows(header: list[str], rows: Rows, schema: SubmissionSchema) -> Iterator[Case]:
    at = header.index(schema.id_column)
    ids = {row[at].strip() for row in rows}
    stranger = "unknown"
    while stranger in ids:
        stranger += "_"

    def renamed(row: list[str], name: str) -> list[str]:
        return [*row[:at], name, *row[at + 1 :]]

    yield Case("header only", _join([header]))
    yield Case("no header", _join(rows))
    yield Case("missing row", _join([header, *rows[1:]]))
    yield Case("half of the rows", _join([header, *rows[: len(rows) // 2]]))
    yield Case("extra row", _join([header, *rows, renamed(rows[0], stranger)]))
    yield Case("repeated row", _join([header, *rows, rows[0]]))
    if len(rows) > 1:
        yield Case("duplicate id", _join([header, renamed(rows[0], rows[1][at]), *rows[1:]]))
    yield Case("unknown id", _join([header, renamed(rows[0], stranger), *rows[1:]]))
    yield Case("empty id", _join([header, renamed(rows[0], ""), *rows[1:]]))
    yield Case("ragged row", _join([header, [*rows[0], "1"], *rows[1:]]))
    yield Case("blank line inside", _join([header, [], *rows]))


def _wrong_columns(header: list[str], rows: Rows, schema: SubmissionSchema) -> Iterator[Case]:
    table = [header, *rows]
    at = header.index(schema.targets[0].name)
    other = "x" + "_".join(header)
    yield Case("wrong header", _join([[*header[:at], other, *header[at + 1 :]], *rows]))
    yield Case("missing column", _join([row[:at] + row[at + 1 :] for row in table]))
    yield Case("extra column", _join([[other, *header], *[["0", *row] for row in rows]]))
    yield Case("repeated column", _join([[*row, row[at]] for row in table]))


def _wrong_cells(column: Column) -> Iterator[tuple[str, str]]:
    """Yield cells that the column must not hold."""
    yield "too long", "1" * (column.max_length + 1)
    if column.kind == "label":
        yield from ((name, cell) for name, cell in _NO_LABELS if cell not in column.labels)
    elif column.kind != "string":
        yield from _NO_NUMBERS
        if column.kind == "integer":
            yield "fraction", "0.5"
        if column.low is not None:
            yield "below the range", repr(column.low - 1.0 - abs(column.low))
        if column.high is not None:
            yield "above the range", repr(column.high + 1.0 + abs(column.high))


_NO_NUMBERS = (
    ("empty cell", ""),
    ("NaN", "nan"),
    ("infinity", "-inf"),
    ("1e308", "1e308"),
    ("1e999", "1e999"),
    ("text", "high"),
    ("hexadecimal", "0x1p3"),
    ("underscore", "1_0"),
    ("thousands separator", "1,000"),
    ("expression", "1+1"),
    ("foreign digits", "\u0661\u0662"),
)

_NO_LABELS = (
    ("empty cell", ""),
    ("NaN", "nan"),
    ("unknown label", "no such label"),
    ("list of labels", "['1', '0']"),
)


def _split(valid: bytes) -> tuple[list[str], Rows]:
    header, *rows = csv.reader(io.StringIO(valid.decode("utf-8-sig"), newline=""))
    return header, [row for row in rows if row]


def _join(
    rows: Sequence[Sequence[str]],
    *,
    end: str = "\n",
    delimiter: str = ",",
    quoting: int = csv.QUOTE_MINIMAL,
) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type]  # typeshed wants a literal
    return out.getvalue().encode()
