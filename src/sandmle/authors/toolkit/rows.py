"""From columns to the files of a task with one row per sample: train, test, sample, answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.roles import Material, Note
from sandmle.authors.toolkit.answers import answers_csv
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.core.draft import Baseline, Reference

Cells = Sequence[Any] | NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Samples of train or test: ids, what is seen of them, and what is to be predicted."""

    ids: Sequence[str]
    truth: Mapping[str, Cells]
    """Targets by column, in the order of a submission."""
    seen: Mapping[str, Cells] = field(default_factory=dict)
    """Other columns of the file, in its order."""
    groups: tuple[str, Cells] | None = None
    """Of test rows: name and values of the answers' group column, where rows of one group belong
    together. Name it in the submission schema too if metric or bootstrap are to know it."""


@dataclass(frozen=True)
class Words:
    """What the page says about files and columns, and files besides the three tables."""

    id_column: str
    id_text: str
    train: str
    """What `train.csv` is, and so on."""
    test: str
    sample: str
    columns: tuple[Note, ...]
    """Every column but the id, targets last; of other tables too."""
    files: tuple[Note, ...] = ()
    """Public files besides the three tables, or folders with a trailing slash."""
    attached: Mapping[str, bytes] = field(default_factory=dict)
    """Contents of those files by path."""


def row_material(
    train: Rows,
    test: Rows,
    *,
    sample: Mapping[str, Any],
    best: Mapping[str, Cells] | Reference,
    ladder: Sequence[Baseline],
    words: Words,
    rng: np.random.Generator,
) -> Material:
    """Write the files of a task whose samples are rows.

    Args:
        train: Labelled samples.
        test: Samples whose truth is kept back.
        sample: What the sample submission says in each target column: one value for all rows, or
            a list or array of them.
        best: Predictions of the hidden rule by target column, or a reference of another kind.
        ladder: Scripts, weakest first.
        words: Documentation and other files.
        rng: Decides which test rows, or groups of them, are public.

    Returns:
        Everything computed, with one training sample per row of `train`.
    """
    rows = len(test.ids)
    keyed = {words.id_column: test.ids}
    filled = {
        name: value if isinstance(value, (list, np.ndarray)) else [value] * rows
        for name, value in sample.items()
    }
    answers: dict[str, Cells] = {**keyed, **test.truth}
    groups = None
    if test.groups is not None:
        answers[test.groups[0]] = test.groups[1]
        groups = list(test.groups[1])
    reference = (
        best
        if isinstance(best, Reference)
        else Reference(kind="oracle", submission=csv_bytes({**keyed, **best}))
    )
    return Material(
        train_rows=len(train.ids),
        test_rows=rows,
        public={
            **words.attached,
            "train.csv": csv_bytes({words.id_column: train.ids, **train.seen, **train.truth}),
            "test.csv": csv_bytes({**keyed, **test.seen}),
            "sample_submission.csv": csv_bytes({**keyed, **filled}),
        },
        answers=answers_csv(answers, rng, groups=groups),
        ladder=tuple(ladder),
        reference=reference,
        files=(
            Note("train.csv", words.train),
            Note("test.csv", words.test),
            *words.files,
            Note("sample_submission.csv", words.sample),
        ),
        columns=(Note(words.id_column, words.id_text), *words.columns),
    )
