"""The four roles over a prepared table: nothing is invented, rows are only divided."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np

from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.table.baselines import ladder
from sandmle.authors.table.columns import missing, texts
from sandmle.authors.table.notes import column_note, story, target_note
from sandmle.authors.table.prepare import Prepared
from sandmle.authors.table.split import Rows, Split
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.authors.toolkit.wording import describe
from sandmle.core.draft import Reference
from sandmle.core.seeding import Streams
from sandmle.seeds.dna import TaskDNA


class TableAuthor:
    """Data Strategist, ML Developer, MLOps Engineer and Technical Writer for one real table.

    Args:
        table: The clean table with its question.
        rows: Which rows are learnt from and which are hidden.
        title: Title of the page; None for a neutral one.
    """

    def __init__(self, table: Prepared, rows: Split, *, title: str | None) -> None:
        self._table = table
        self._rows = rows
        self._title = title
        self._target = _free(_submission_name(table.target), table.features)
        self._id = _free("id", {*table.features, self._target})

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose title and story; the rule of a real table is unknown."""
        table = self._table
        name = _slug(self._target) or dna.task_type.split("_")[0]
        return Design(
            family=f"table/{name}-v1",
            modality="tabular",
            task_type=dna.task_type,
            title=self._title or f"Predict {self._target} from {len(table.features)} columns",
            domain="real table",
            difficulty=difficulty,
            story=story(
                table.question,
                target=self._target,
                features=len(table.features),
                rng=streams.rng("story"),
            ),
            rule={},
            skills=self._skills(),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Divide the rows and write both tables, the answers and the ladder."""
        table, question = self._table, self._table.question
        rows = self._rows
        ids = row_ids(streams.rng("ids"), len(rows.train) + len(rows.test))
        cells = {name: texts(values) for name, values in table.features.items()}
        train = {name: _at(column, rows.train) for name, column in cells.items()}
        shown = _at(question.shown(table.values), rows.train)
        train = {self._id: ids[: len(rows.train)], **train, self._target: shown}
        test_ids = {self._id: ids[len(rows.train) :]}
        test = {**test_ids, **{name: _at(column, rows.test) for name, column in cells.items()}}
        truth = question.truth(self._target, table.values)
        truth = {name: _at(column, rows.test) for name, column in truth.items()}
        sample = {name: [value] * len(rows.test) for name, value in self._guess().items()}
        return Material(
            train_rows=len(rows.train),
            test_rows=len(rows.test),
            public={
                "train.csv": csv_bytes(train),
                "test.csv": csv_bytes(test),
                "sample_submission.csv": csv_bytes({**test_ids, **sample}),
            },
            answers=csv_bytes(
                {**test_ids, **truth, "split": np.where(rows.public, "public", "private")}
            ),
            ladder=ladder(question, id_column=self._id, target=self._target),
            reference=Reference("best_pipeline"),
            files=(
                Note("train.csv", "the rows to learn from, with their target"),
                Note("test.csv", "the rows to predict; the same columns without the target"),
                Note("sample_submission.csv", "a submission in the right form, equal in all rows"),
            ),
            columns=self._column_notes(),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """State metric and submission."""
        rows = material.public["sample_submission.csv"].count(b"\n") - 1
        question = self._table.question
        return Evaluation(
            metric=question.metric,
            submission=question.schema(self._target, id_column=self._id, rows=rows),
        )

    def describe(
        self, design: Design, material: Material, evaluation: Evaluation, streams: Streams
    ) -> str:
        """Write the page; see `toolkit.wording.describe`."""
        return describe(design, material, evaluation, streams.rng("wording"))

    def _guess(self) -> dict[str, str]:
        """Return the sample submission's value for each target column, from training rows only."""
        question, values = self._table.question, self._table.values[self._rows.train]
        columns = question.columns(self._target)
        if question.answer == "value":
            return {self._target: texts(np.array([float(f"{np.median(values):.3g}")]))[0]}
        if question.answer in {"label", "rating"}:
            return {self._target: question.labels[0]}
        return {name: f"{1 / len(question.labels):.6g}" for name in columns}

    def _column_notes(self) -> tuple[Note, ...]:
        table, train = self._table, self._rows.train
        notes = [Note(self._id, "an arbitrary number that names the row")]
        notes += [Note(name, column_note(values[train])) for name, values in table.features.items()]
        target = target_note(table.question, table.values[train])
        return (*notes, Note(self._target, target))

    def _skills(self) -> tuple[str, ...]:
        columns = self._table.features.values()
        kinds = {values.dtype.kind for values in columns}
        question = self._table.question
        found = {
            "small_sample": True,
            "mixed_types": len(kinds) == 2,
            "missing_values": any(bool(missing(values).any()) for values in columns),
            "skewed_target": question.metric.name == "rmsle",
            "imbalanced_classes": question.metric.name in {"f1", "f1_macro", "balanced_accuracy"},
            "wide_table": len(self._table.features) > len(self._rows.train) // 3,
        }
        return tuple(name for name, there in found.items() if there)


def _free(name: str, taken: Collection[str]) -> str:
    """Return the name, or `row_` before it as often as it takes to be none of the others."""
    while name in taken:
        name = f"row_{name}"
    return name


def _submission_name(target: str) -> str:
    """Return the target's name for submissions: no delimiter in it, and not `split`.

    The answers have a column `split` of their own.
    """
    plain = " ".join(re.sub(r'[,;"]', " ", target).split()) or "target"
    return "split_value" if plain == "split" else plain


def _slug(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:24].strip("-")


def _at(cells: Sequence[str], rows: Rows) -> list[str]:
    return [cells[int(row)] for row in rows]
