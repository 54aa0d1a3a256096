"""The bytes of a submission to values aligned with the task's ids; trusts nothing in the file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import InvalidSubmission
from sandmle.core.task import SubmissionSchema
from sandmle.grading.cells import parse_column
from sandmle.grading.table import MAX_SUBMISSION_BYTES, quote, read_table

__all__ = ["MAX_SUBMISSION_BYTES", "read_submission"]


def read_submission(data: bytes, schema: SubmissionSchema, ids: Sequence[str]) -> NDArray[Any]:
    """Read a submission and put its rows into the order of `ids`.

    The columns may come in any order and so may the rows; white space around an id is free.
    Everything else must be exactly what the schema says.

    Args:
        data: The file.
        schema: What it must look like.
        ids: Every id of the task, each once.

    Returns:
        Shape (n, t): floats where every target column is a number or an integer, else an object
        array of strings.

    Raises:
        InvalidSubmission: If anything is not so; one sentence for the agent.
    """
    table = read_table(data, schema.header, max_rows=len(ids))
    given = [name.strip() for name in table.columns[schema.id_column]]
    order = _positions(given, ids)
    parsed = [parse_column(c, table.columns[c.name], given) for c in schema.targets]
    return stack_columns(parsed)[order]


def stack_columns(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Join columns of shape (n,) to (n, t): floats if all are, else texts, 1.0 written as "1"."""
    if all(column.dtype.kind == "f" for column in columns):
        return np.stack(columns, axis=1)
    return np.stack([_as_text(column) for column in columns], axis=1)


def _as_text(column: NDArray[Any]) -> NDArray[Any]:
    if column.dtype.kind != "f":
        return column
    texts = [str(int(value)) if value == int(value) else repr(value) for value in column.tolist()]
    return np.array(texts, dtype=object)


def _positions(given: Sequence[str], ids: Sequence[str]) -> NDArray[np.int64]:
    """Return for each of `ids` its row in the file."""
    rows = {name: row for row, name in enumerate(given)}
    known = set(ids)
    doubled = [name for name, count in Counter(given).items() if count > 1]
    unknown = [name for name in rows if name not in known]
    missing = [name for name in ids if name not in rows]
    # reading stopped behind the last row that can be right, so counts are of what was read
    if len(given) > len(ids):
        surplus = (
            f"id {quote(doubled[0])} repeats" if doubled else f"id {quote(unknown[0])} is unknown"
        )
        raise InvalidSubmission(
            f"submission.csv has more than {len(ids)} rows ({surplus}); write one row per test id"
        )
    faults = (
        (doubled, "occur more than once", "keep one row for each"),
        (unknown, "are no test ids", "copy the ids of sample_submission.csv exactly"),
        (missing, "are missing", f"write one row for each of the {len(ids)} test ids"),
    )
    for names, fault, advice in faults:
        if names:
            raise InvalidSubmission(
                f"{len(names)} ids {fault} (first: {quote(names[0])}); {advice}"
            )
    return np.array([rows[name] for name in ids], dtype=np.int64)
