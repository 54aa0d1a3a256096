"""What a draft's files say to someone who looks for a short cut: tables, labels, recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from posixpath import basename, splitext
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.core.draft import TaskDraft
from sandmle.grading import AnswerKey
from sandmle.verify.board import Predictions
from sandmle.verify.recordings import (
    IMAGE_ENDS,
    SOUND_ENDS,
    coarse_array,
    coarse_files,
    read_array,
)
from sandmle.verify.tables import Floats, Table, as_numbers


@dataclass(frozen=True)
class PublicData:
    """A draft's public files, read as far as their form is known.

    `train.csv` and `test.csv` are tables with one row per sample. A draft without them has neither
    features nor training labels, and checks that need those find nothing to do.
    """

    draft: TaskDraft
    key: AnswerKey

    @cached_property
    def tables(self) -> Mapping[str, Table]:
        """Every public CSV file by path.

        Raises:
            ValueError: If one cannot be read.
        """
        found = {}
        for path, data in sorted(self.draft.public.items()):
            if path.endswith(".csv"):
                try:
                    found[path] = Table.parse(data)
                except ValueError as exc:
                    raise ValueError(f"{path}: {exc}") from None
        return found

    @property
    def train(self) -> Table | None:
        """`train.csv`."""
        return self.tables.get("train.csv")

    @property
    def test(self) -> Table | None:
        """`test.csv`, where it names the ids of the hidden test."""
        table = self.tables.get("test.csv")
        id_column = self.draft.submission.id_column
        if table is None or id_column not in table.columns:
            return None
        return table if set(table.columns[id_column]) == set(self.key.ids) else None

    @cached_property
    def key_rows(self) -> NDArray[np.int64]:
        """For each row of `test.csv`, its row in the answers."""
        if self.test is None:
            raise ValueError("there is no test.csv with the ids of the hidden test")
        position = {name: row for row, name in enumerate(self.key.ids)}
        ids = self.test.columns[self.draft.submission.id_column]
        return np.array([position[name] for name in ids], dtype=np.int64)

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns that train and test share, without ids."""
        if self.train is None or self.test is None:
            return ()
        shared = [name for name in self.test.columns if name in self.train.columns]
        return tuple(name for name in shared if name != self.draft.submission.id_column)

    @cached_property
    def label_columns(self) -> tuple[str, ...]:
        """Columns of `train.csv` that hold what is to be predicted.

        The submission's targets where they are there; else the one column that test lacks.
        """
        if self.train is None:
            return ()
        targets = [column.name for column in self.draft.submission.targets]
        if all(name in self.train.columns for name in targets):
            return tuple(targets)
        hidden = {self.draft.submission.id_column, *(trap.column for trap in self.draft.traps)}
        absent = [
            name
            for name in self.train.columns
            if name not in hidden and (self.test is None or name not in self.test.columns)
        ]
        return tuple(absent) if len(absent) == 1 else ()

    @cached_property
    def train_targets(self) -> Predictions | None:
        """Training labels in the form of a submission, shape (n, t); None where that is unclear.

        One label column becomes one column per class where a submission gives probabilities.
        """
        if self.train is None or not self.label_columns:
            return None
        schema = self.draft.submission
        cells = [self.train.columns[name] for name in self.label_columns]
        if len(cells) == len(schema.targets):
            if self.key.values.dtype.kind != "f":
                return np.array(cells, dtype=object).T
            numbers = [as_numbers(column) for column in cells]
            if any(column is None or np.isnan(column).any() for column in numbers):
                return None
            return np.stack([column for column in numbers if column is not None], axis=1)
        hot = [[_names(column.name, cell) for column in schema.targets] for cell in cells[0]]
        one_hot = np.array(hot, dtype=np.float64)
        return one_hot if (one_hot.sum(axis=1) == 1).all() else None

    @cached_property
    def recordings(self) -> Mapping[str, bytes]:
        """Public image and sound files by path, in the order in which the draft lists them."""
        return {
            path: data
            for path, data in self.draft.public.items()
            if path.lower().endswith((*IMAGE_ENDS, *SOUND_ENDS))
        }

    def recording_paths(self, table: Table) -> list[str] | None:
        """Return the image or sound of each row, or None where rows have none.

        A row's file is named by one of its cells: the path, the file name, or its stem.
        """
        if not self.recordings:
            return None
        folders: dict[str, dict[str, str]] = {}
        for path in self.recordings:
            names = folders.setdefault(path.rpartition("/")[0], {})
            for name in (path, basename(path), splitext(basename(path))[0]):
                names[name] = path
        for names in folders.values():
            for cells in table.columns.values():
                if all(cell in names for cell in cells):
                    return [names[cell] for cell in cells]
        return None

    @cached_property
    def arrays(self) -> tuple[tuple[NDArray[Any], NDArray[Any]], ...]:
        """Arrays of train and test whose rows go with the lines of the tables, in pairs.

        `train_WORD.npy` goes with `train.csv` and `test_WORD.npy` with `test.csv`.
        """
        if self.train is None or self.test is None:
            return ()
        pairs = []
        for path in sorted(self.draft.public):
            other = path.replace("train_", "test_", 1)
            if path.startswith("train_") and path.endswith(".npy") and other in self.draft.public:
                known = read_array(self.draft.public[path])
                asked = read_array(self.draft.public[other])
                if (len(known), len(asked)) == (self.train.rows, self.test.rows):
                    pairs.append((known, asked))
        return tuple(pairs)

    @cached_property
    def coarse(self) -> tuple[tuple[Floats, Floats], ...]:
        """Coarse views of the recordings of train and test, each of shape (n, points)."""
        views = [(coarse_array(known), coarse_array(asked)) for known, asked in self.arrays]
        if self.train is not None and self.test is not None:
            paths = self.recording_paths(self.train), self.recording_paths(self.test)
            if paths[0] is not None and paths[1] is not None:
                every = coarse_files([self.recordings[path] for path in paths[0] + paths[1]])
                views.append((every[: len(paths[0])], every[len(paths[0]) :]))
        return tuple(views)

    def ordered(self, rows_of_test: Predictions) -> Predictions:
        """Put predictions for the rows of `test.csv` into the order of the answers."""
        aligned = np.empty_like(rows_of_test)
        aligned[self.key_rows] = rows_of_test
        return aligned


def _names(column: str, label: str) -> bool:
    return column == label or column.endswith(f"_{label}")
