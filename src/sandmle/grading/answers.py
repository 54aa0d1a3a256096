"""The answers of a task, row by row, and which of them the score tool may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import GraderError, InvalidSubmission
from sandmle.core.task import SubmissionSchema
from sandmle.grading.cells import parse_column
from sandmle.grading.submission import stack_columns
from sandmle.grading.table import TextTable, read_table

Split = Literal["public", "private"]
"""`public` rows may be shown to the score tool; `private` rows give the grade."""

SPLIT_COLUMN = "split"
"""Column of the answers that says which split a row belongs to."""


@dataclass(frozen=True)
class AnswerKey:
    """Answers aligned with ids; n rows, t target columns."""

    ids: tuple[str, ...]
    values: NDArray[Any]
    """Shape (n, t); as `read_submission` returns them."""
    groups: NDArray[Any] | None
    """Shape (n,), strings; None where the schema has no group column."""
    split: NDArray[Any]
    """Shape (n,), `public` or `private`."""

    @classmethod
    def parse(cls, data: bytes, schema: SubmissionSchema) -> Self:
        """Read a CSV file with a submission's columns, the group column if any, and `split`.

        Raises:
            GraderError: If it is no such table, an id repeats, the number of rows is not the
                schema's, a split is neither public nor private, no row is private, or a group has
                rows in both splits.
        """
        extra = (
            [SPLIT_COLUMN] if schema.group_column is None else [schema.group_column, SPLIT_COLUMN]
        )
        try:
            table = read_table(data, [*schema.header, *extra], max_rows=schema.rows)
            ids = tuple(name.strip() for name in table.columns[schema.id_column])
            parsed = [parse_column(c, table.columns[c.name], ids) for c in schema.targets]
        except InvalidSubmission as exc:
            raise GraderError(f"the answers cannot be read: {exc}") from None
        if len(ids) != schema.rows or len(set(ids)) != len(ids):
            raise GraderError(
                f"the answers have {len(ids)} rows and {len(set(ids))} different ids; "
                f"the task says {schema.rows}"
            )
        groups = None
        if schema.group_column is not None:
            groups = np.array(table.columns[schema.group_column], dtype=object)
        return cls(ids, stack_columns(parsed), groups, _read_split(table, groups))

    def only(self, split: Split | None) -> Self:
        """Return the rows of one split; None means all of them."""
        return self if split is None else self.rows(self.split == split)

    def rows(self, chosen: NDArray[np.bool_]) -> Self:
        """Return the rows where `chosen`, shape (n,), is true."""
        ids = tuple(name for name, take in zip(self.ids, chosen, strict=True) if take)
        groups = None if self.groups is None else self.groups[chosen]
        return type(self)(ids, self.values[chosen], groups, self.split[chosen])


def _read_split(table: TextTable, groups: NDArray[Any] | None) -> NDArray[Any]:
    split = np.array(table.columns[SPLIT_COLUMN], dtype=object)
    strange = set(split) - {"public", "private"}
    if strange or "private" not in split:
        raise GraderError(
            f"the answers' splits are {sorted(set(split))}; each must be public or private, and "
            "some private"
        )
    if groups is not None:
        both = set(groups[split == "public"]) & set(groups[split == "private"])
        if both:
            raise GraderError(f"{len(both)} groups lie in both splits (one: {min(both)!r})")
    return split
