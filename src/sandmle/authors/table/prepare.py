"""From a file to features, target and question: every decision about a table that is not random.

Random is only which row stays of a set of equal ones, and which rows are kept of a huge file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sandmle.authors.table.columns import Column, features, missing, texts, typed
from sandmle.authors.table.question import Question, ask
from sandmle.authors.table.read import read_table
from sandmle.authors.table.split import distinct_rows
from sandmle.core.errors import UsageError, unknown
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import MetricSpec
from sandmle.seeds.dna import TaskDNA
from sandmle.seeds.from_table import MAX_CLASSES, TargetType, present, table_dna, target_type

MIN_ROWS = 100
"""50 rows to learn from and 50 to be graded on."""

MIN_CLASS_ROWS = 10
"""Rows of rarer classes are left out: a split of the test rows might have none of them."""

MAX_FEATURES = 1_000


class TableChoices(Record):
    """What is rarely asked for when a table is made into a task."""

    task_type: TargetType | None = None
    """Takes the place of what the target's values suggest."""
    positive: str | None = None
    """Of two classes, the one whose probability or F1 is asked for."""
    test_rows: int = Field(default=2_000, ge=50, le=20_000)
    """Most rows that are hidden."""
    drop: tuple[str, ...] = ()
    """Columns to leave out."""
    keep: tuple[str, ...] = ()
    """Columns to keep although they look like row numbers or ids."""


@dataclass(frozen=True)
class Prepared:
    """A clean table with a question; rows are distinct and have a target."""

    features: Mapping[str, Column]
    target: str
    values: NDArray[Any]
    """The target, nothing missing, shape (rows,)."""
    question: Question
    dna: TaskDNA
    notes: tuple[str, ...]
    """What was left out, and why; a sentence each."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values)


def prepare(
    path: Path,
    target: str,
    streams: Streams,
    *,
    metric: str | None = None,
    anonymise: bool = False,
    choices: TableChoices,
) -> Prepared:
    """Read a table and make it ready to be split.

    Raises:
        UsageError: If file, target, metric or a choice makes no task; see `table_draft`.
    """
    raw = read_table(path, streams.rng("sample"))
    table = typed(raw)
    for name in (target, *choices.drop, *choices.keep):
        if name not in table:
            raise unknown(f"column in {path.name} called", name, table)
    values = table.pop(target)
    rows, kind, notes = _usable(values, target, choices.task_type)
    table = {name: column[rows] for name, column in table.items()}
    chosen, left_out = features(table, raw.positions[rows], keep=choices.keep, drop=choices.drop)
    if not 0 < len(chosen) <= MAX_FEATURES:
        raise UsageError(
            f"{path.name} has {len(chosen)} columns to learn from; 1 to {MAX_FEATURES} are needed. "
            f"Left out: {'; '.join(left_out[:5]) or 'none'}"
        )
    distinct = distinct_rows(_written(chosen), streams.rng("duplicates"))
    if len(distinct) < len(rows):
        equal = len(rows) - len(distinct)
        notes += (f"rows left out for having the same features as another: {equal}",)
    chosen = {name: column[distinct] for name, column in chosen.items()}
    values = _clean(values[rows][distinct])
    if len(values) < MIN_ROWS:
        raise UsageError(
            f"{path.name} has {len(values)} usable, distinct rows; a task needs at least "
            f"{MIN_ROWS} (50 to learn from, 50 to be graded on). {'; '.join(notes)}"
        )
    dna = table_dna({target: values}, target, task_type=kind)
    question = ask(dna, values, target=target, metric=metric, positive=choices.positive)
    prepared = Prepared(chosen, target, values, question, dna, (*raw.notes, *notes, *left_out))
    return _anonymous(prepared) if anonymise else prepared


def _usable(
    values: Column, target: str, wanted: TargetType | None
) -> tuple[NDArray[np.int64], TargetType, tuple[str, ...]]:
    """Choose the rows that have a target and, for classes, one that is not too rare."""
    notes: tuple[str, ...] = ()
    rows = np.flatnonzero(~missing(values))
    if len(rows) < len(values):
        notes = (f"rows left out for having no value of {target!r}: {len(values) - len(rows)}",)
    kind = target_type(present(values), name=target)
    if wanted is not None:
        kind = _wanted_type(values[rows], target, wanted)
    if kind == "regression":
        return rows, kind, notes
    labels, codes, counts = np.unique(values[rows], return_inverse=True, return_counts=True)
    rare = texts(labels[counts < MIN_CLASS_ROWS])
    if len(labels) - len(rare) < 2:
        raise UsageError(
            f"target {target!r} has {len(labels) - len(rare)} classes with at least "
            f"{MIN_CLASS_ROWS} rows; two are needed. Add rows, merge classes or choose another"
        )
    if rare:
        listed = ", ".join(repr(label) for label in rare[:5])
        notes += (f"classes left out for having fewer than {MIN_CLASS_ROWS} rows: {listed}",)
        rows = rows[counts[codes] >= MIN_CLASS_ROWS]
        if len(labels) - len(rare) == 2:
            kind = "binary_classification"
    return rows, kind, notes


def _wanted_type(values: Column, target: str, wanted: TargetType) -> TargetType:
    distinct = len(np.unique(values))
    if wanted == "regression" and values.dtype.kind != "f":
        raise UsageError(f"target {target!r} holds text; a regression needs numbers")
    if wanted == "binary_classification" and distinct != 2:
        raise UsageError(f"target {target!r} has {distinct} distinct values; a binary task needs 2")
    if wanted == "multiclass_classification" and distinct > MAX_CLASSES:
        raise UsageError(
            f"target {target!r} has {distinct} distinct values; at most {MAX_CLASSES} classes. "
            "Make it a regression"
        )
    return wanted


def _clean(values: Column) -> Column:
    """Take line breaks and backticks out of labels; they must fit on one line of a page."""
    if values.dtype.kind == "f":
        return values
    return np.array([" ".join(value.replace("`", "'").split()) for value in values], dtype=object)


def _written(table: Mapping[str, Column]) -> list[tuple[str, ...]]:
    return list(zip(*(texts(values) for values in table.values()), strict=True))


def _anonymous(prepared: Prepared) -> Prepared:
    """Rename columns and labels so that they tell nothing of the table's origin."""
    question, values = prepared.question, prepared.values
    if question.labels and question.answer != "rating":
        fresh = tuple(f"class_{i:02d}" for i in range(1, len(question.labels) + 1))
        renamed = dict(zip(question.labels, fresh, strict=True))
        values = np.array([renamed[text] for text in texts(values)], dtype=object)
        params = {k: renamed.get(v, v) for k, v in question.metric.params.items()}
        metric = MetricSpec(name=question.metric.name, params=params)
        question = replace(question, labels=fresh, metric=metric)
    width = len(str(len(prepared.features)))
    columns = {
        f"feature_{i:0{width}d}": column
        for i, column in enumerate(prepared.features.values(), start=1)
    }
    return replace(prepared, features=columns, target="target", values=values, question=question)
