"""The scores of a ladder on the graded rows, with bootstrap replicates; pure, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sandmle.grading import AnswerKey
from sandmle.metrics import FeatureMeans, GroupMean, Metric, RowMean

Floats = NDArray[np.float64]
Predictions = NDArray[Any]
"""Values of submissions or answers, shape (n, t): floats, or strings where a column has texts."""

REPLICATES = 200
"""Bootstrap replicates of the graded rows."""


@dataclass(frozen=True)
class Board:
    """Scores of R rungs, the sample submission and the reference, oriented: higher is better.

    Replicates are paired: column b of all of them was scored on the same resampled rows.
    """

    names: tuple[str, ...]
    """Names of the R rungs."""
    rungs_R: Floats
    sample: float
    reference: float
    rungs_BR: Floats
    sample_B: Floats
    reference_B: Floats
    higher_is_better: bool

    def __post_init__(self) -> None:
        if "dummy" not in self.names:
            raise ValueError(f"a board needs a rung 'dummy', got {', '.join(self.names)}")

    @property
    def dummy(self) -> float:
        """The score that stands for knowing nothing: the better of dummy and sample submission."""
        return max(self.sample, float(self.rungs_R[self._dummy]))

    @property
    def dummy_B(self) -> Floats:
        """Replicates of `dummy`, of the same one of the two, shape (B,)."""
        rung = float(self.rungs_R[self._dummy])
        return self.sample_B if self.sample > rung else self.rungs_BR[:, self._dummy]

    @property
    def span(self) -> float:
        """Distance from dummy to reference; what a gain of 1 is worth."""
        return self.reference - self.dummy

    @property
    def gains_R(self) -> Floats:
        """Gain of each rung: 0 at the dummy, 1 at the reference.

        Raises:
            ValueError: If the reference is not better than the dummy.
        """
        if self.span <= 0:
            raise ValueError(f"reference {self.reference} is not better than dummy {self.dummy}")
        gains: Floats = (self.rungs_R - self.dummy) / self.span
        return gains

    @property
    def sign(self) -> int:
        """1 where the metric's own unit grows with quality, else -1."""
        return 1 if self.higher_is_better else -1

    @property
    def _dummy(self) -> int:
        return self.names.index("dummy")


@dataclass(frozen=True)
class GradedRows:
    """Answers of the graded rows with the metric that compares predictions to them."""

    metric: Metric
    answers: Predictions
    """Shape (n, t), of the graded rows only."""
    groups: NDArray[Any] | None
    """Group of each graded row, shape (n,), where the data has groups."""
    graded: NDArray[np.bool_]
    """Which rows of the whole hidden test these are."""

    @classmethod
    def of(cls, metric: Metric, key: AnswerKey) -> Self:
        """Take the private split of a task's answers."""
        private = key.only("private")
        return cls(metric, private.values, private.groups, key.split == "private")

    def score(self, predictions: Predictions, rows: NDArray[np.int64] | None = None) -> float:
        """Score predictions for the graded rows, (n, t), on `rows` only where given.

        `rows` are positions from 0 to n - 1 and may repeat.

        Raises:
            ValueError: If the metric cannot score them.
        """
        if rows is not None:
            return self.at(rows).score(predictions[rows])
        return self.metric(self.answers, predictions, groups=self.groups)

    def at(self, rows: NDArray[np.int64]) -> Self:
        """Return the graded rows at these positions, which may repeat: a group drawn twice is two.

        Groups are numbers there, and left out where the metric has no use for them.
        """
        groups = None
        if self.groups is not None and self.metric.needs_groups:
            groups = _distinct_copies(self._codes, rows)
        return replace(self, answers=self.answers[rows], groups=groups)

    @cached_property
    def _codes(self) -> NDArray[np.int64]:
        """Number of each row's group, shape (n,)."""
        return np.unique(np.asarray(self.groups).astype(str), return_inverse=True)[1]

    def resample(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw n rows with replacement; whole groups where there are groups."""
        count = len(self.answers)
        if self.groups is None:
            return rng.integers(0, count, count)
        members = self._members
        drawn = rng.integers(0, len(members), len(members))
        return np.concatenate([members[unit] for unit in drawn])

    @cached_property
    def _members(self) -> list[NDArray[np.intp]]:
        """Rows of each group."""
        return [np.flatnonzero(self._codes == code) for code in range(self._codes.max() + 1)]


def _distinct_copies(codes: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups of resampled rows; the k-th copy of a row is in its group's k-th copy."""
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    first = np.maximum.accumulate(np.where(starts, np.arange(len(rows)), 0))
    copy = np.empty(len(rows), dtype=np.int64)
    copy[order] = np.arange(len(rows)) - first
    return codes[rows] * len(rows) + copy


def build_board(
    graded: GradedRows,
    predictions: Sequence[tuple[str, Predictions]],
    *,
    sample: Predictions,
    reference: Predictions,
    rng: np.random.Generator,
    replicates: int = REPLICATES,
) -> Board:
    """Score everything on the graded rows and on resamples of them.

    A resample that admits no score, such as one with a single class, is drawn again.

    Args:
        graded: Answers and metric.
        predictions: Name and predictions of each rung, for every row of the hidden test.
        sample: Predictions of the sample submission.
        reference: Predictions of the reference.
        rng: Draws the resamples.
        replicates: How many resamples.

    Raises:
        ValueError: If a submission cannot be scored, or hardly any resample can.
    """
    sign = 1 if graded.metric.higher_is_better else -1
    entries = [values for _, values in predictions] + [sample, reference]
    unique, index = _distinct([values[graded.graded] for values in entries])
    point = np.array([graded.score(values) for values in unique])[index]
    resampled = sign * _replicates(graded, unique, rng, replicates)[:, index]
    point = sign * point
    return Board(
        names=tuple(name for name, _ in predictions),
        rungs_R=point[:-2],
        sample=float(point[-2]),
        reference=float(point[-1]),
        rungs_BR=resampled[:, :-2],
        sample_B=resampled[:, -2],
        reference_B=resampled[:, -1],
        higher_is_better=graded.metric.higher_is_better,
    )


def _distinct(
    entries: Sequence[Predictions],
) -> tuple[list[Predictions], NDArray[np.int64]]:
    # the reference is often a rung, the sample the dummy: equal predictions are scored once
    unique: list[Predictions] = []
    index = []
    for values in entries:
        same = [i for i, other in enumerate(unique) if np.array_equal(values, other)]
        if not same:
            unique.append(values)
        index.append(same[0] if same else len(unique) - 1)
    return unique, np.array(index)


def _replicates(
    graded: GradedRows, entries: Sequence[Predictions], rng: np.random.Generator, count: int
) -> Floats:
    if isinstance(graded.metric, RowMean):
        # its rows need to be looked at once only, which matters where they are long texts
        metric = graded.metric
        by_row = np.array([metric.by_row(graded.answers, values) for values in entries])
        return np.array([by_row[:, graded.resample(rng)].mean(axis=1) for _ in range(count)])
    if isinstance(graded.metric, FeatureMeans):
        samples = graded.metric
        total = len(graded.answers)
        drawn = [np.bincount(graded.resample(rng), minlength=total) for _ in range(count)]
        shares = np.array(drawn) / np.sum(drawn, axis=1, keepdims=True)
        scores = [samples.weighted(graded.answers, values, shares) for values in entries]
        return np.stack(scores, axis=1)
    if isinstance(graded.metric, GroupMean) and graded.groups is not None:
        groups, means = graded.groups, graded.metric
        by_group = np.array([means.by_group(graded.answers, values, groups) for values in entries])
        size = by_group.shape[1]
        draws = [rng.integers(0, size, size) for _ in range(count)]
        return np.array([np.nanmean(by_group[:, drawn], axis=1) for drawn in draws])
    rows_of_scores: list[list[float]] = []
    # metrics take arrays of `str` much faster than arrays of Python objects
    fast = replace(graded, answers=_as_str(graded.answers))
    entries = [_as_str(values) for values in entries]
    for _ in range(3 * count):
        rows = graded.resample(rng)
        try:
            resampled = fast.at(rows)
            rows_of_scores.append([resampled.score(values[rows]) for values in entries])
        except ValueError:
            continue
        if len(rows_of_scores) == count:
            return np.array(rows_of_scores)
    raise ValueError(
        f"only {len(rows_of_scores)} of {3 * count} resamples of the graded rows admit a "
        "score; give the hidden test more rows or balance its classes"
    )


def _as_str(values: Predictions) -> Predictions:
    return values if values.dtype.kind == "f" else values.astype(str)
