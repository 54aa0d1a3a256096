"""Submissions that take no modelling, to be held against the bars: constants, bins, raw columns.

All predictions have shape (n, t) and are for the rows that the caller gives.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from sandmle.core.task import Column, SubmissionSchema
from sandmle.verify.board import Predictions
from sandmle.verify.tables import Floats

Ints = NDArray[np.int64]

_QUANTILES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_BINS = 8
_MAX_TEXTS = 10
"""Texts that are tried as constants; there may be as many as rows."""


def constants(targets: Predictions, schema: SubmissionSchema) -> Iterator[tuple[str, Predictions]]:
    """Yield single rows (1, t) to submit for every id, from labels of shape (n, t).

    Each label of a label column, the most frequent texts of a text column, a search over quantiles,
    means and bounds of a number column.
    """
    columns = schema.targets
    if targets.dtype.kind != "f":
        modes = [_mode(targets[:, i]) for i in range(len(columns))]
        for i, column in enumerate(columns):
            for label in column.labels or _frequent(targets[:, i]):
                row = list(modes)
                row[i] = label
                yield f"{column.name} = {label}", np.array([row], dtype=object)
        return
    yield "means", _legal(targets.mean(axis=0, keepdims=True), columns)
    if len(columns) > 1:
        yield "equal", _legal(np.full((1, len(columns)), 1.0 / len(columns)), columns)
    for share in _QUANTILES:
        quantile = np.quantile(targets, share, axis=0, keepdims=True)
        yield f"quantile {share}", _legal(quantile, columns)
    if (targets >= 0).all():
        yield "log means", _legal(np.expm1(np.log1p(targets).mean(axis=0, keepdims=True)), columns)


def by_bins(
    train: NDArray[np.int64],
    test: NDArray[np.int64],
    targets: Predictions,
    schema: SubmissionSchema,
) -> Iterator[tuple[str, Predictions]]:
    """Yield what each bin's training rows suggest for the test rows in it.

    Args:
        train: Bin of each training row, from 0.
        test: Bin of each test row; a bin without training rows gets what all rows suggest.
        targets: Training labels, shape (n, t).
        schema: Form of a submission.
    """
    count = int(max(train.max(), test.max())) + 1
    members = [np.flatnonzero(train == code) for code in range(count)]
    everyone = np.arange(len(train))
    members = [rows if len(rows) else everyone for rows in members]
    if targets.dtype.kind != "f":
        for name, pick in (("mode", _modes), ("lift", _lifts)):
            yield name, np.array([pick(targets, rows) for rows in members], dtype=object)[test]
        return
    columns = schema.targets
    yield "mean", _legal(np.array([targets[r].mean(axis=0) for r in members]), columns)[test]
    if not set(np.unique(targets)) <= {0.0, 1.0}:
        medians = np.array([np.median(targets[rows], axis=0) for rows in members])
        yield "median", _legal(medians, columns)[test]


def bins(train: Floats, test: Floats) -> tuple[Ints, Ints]:
    """Cut numbers at quantiles of the training rows; empty cells (NaN) are a bin of their own."""
    known = train[~np.isnan(train)]
    inner = np.linspace(0, 1, _BINS + 1)[1:-1]
    cuts = np.unique(np.quantile(known, inner)) if len(known) else np.empty(0)

    def place(values: Floats) -> Ints:
        return np.where(
            np.isnan(values), len(cuts) + 1, np.searchsorted(cuts, values, side="right")
        )

    return place(train), place(test)


def categories(train: list[str], test: list[str], *, least: int = 2) -> tuple[Ints, Ints]:
    """Number the cells that at least `least` training rows share; all others are bin 0."""
    counts: dict[str, int] = {}
    for cell in train:
        counts[cell] = counts.get(cell, 0) + 1
    kept = sorted(cell for cell, times in counts.items() if times >= least)
    index = {cell: code for code, cell in enumerate(kept, start=1)}
    return (
        np.array([index.get(cell, 0) for cell in train], dtype=np.int64),
        np.array([index.get(cell, 0) for cell in test], dtype=np.int64),
    )


def as_predictions(values: Floats, schema: SubmissionSchema) -> Predictions | None:
    """Submit numbers of shape (n,) as they are; None where a submission is not one number."""
    if len(schema.targets) != 1 or schema.targets[0].kind not in ("number", "integer"):
        return None
    filled = np.where(np.isnan(values), np.nanmedian(values), values)
    return _legal(filled[:, None], schema.targets)


def _legal(values: Predictions, columns: tuple[Column, ...]) -> Floats:
    legal = values.astype(np.float64)
    for i, column in enumerate(columns):
        if column.kind == "integer":
            legal[:, i] = np.round(legal[:, i])
        low, high = column.low, column.high
        legal[:, i] = np.clip(
            legal[:, i], -np.inf if low is None else low, np.inf if high is None else high
        )
    return legal


def _frequent(cells: Predictions) -> list[str]:
    texts, counts = np.unique(cells.astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")[:_MAX_TEXTS]
    return [str(text) for text in texts[order]]


def _mode(cells: Predictions) -> object:
    labels, counts = np.unique(cells.astype(str), return_counts=True)
    return str(labels[counts.argmax()])


def _modes(targets: Predictions, rows: NDArray[np.intp]) -> list[object]:
    return [_mode(targets[rows, i]) for i in range(targets.shape[1])]


def _lifts(targets: Predictions, rows: NDArray[np.intp]) -> list[object]:
    """Return the label that is most over-represented: what F1 on a rare class rewards."""
    picked: list[object] = []
    for i in range(targets.shape[1]):
        labels, counts = np.unique(targets[:, i].astype(str), return_counts=True)
        inside = targets[rows, i].astype(str)
        shares = np.array([(inside == label).mean() for label in labels])
        picked.append(str(labels[(shares / counts).argmax()]))
    return picked
