"""What a check is given: the draft, its answers, and, once measured, its ladder and bars."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.core.verdict import Bars
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import Metric, get_metric
from sandmle.verify.board import Board, GradedRows, Predictions
from sandmle.verify.ladder import Ladder
from sandmle.verify.neighbours import Neighbours, find_neighbours
from sandmle.verify.public_data import PublicData
from sandmle.verify.thresholds import Rejection


@dataclass(frozen=True)
class Measured:
    """A ladder that was run, and the bars or why there are none."""

    ladder: Ladder
    board: Board | None
    """None where a rung has no score."""
    outcome: Bars | Rejection


@dataclass
class Context:
    """One draft under verification; what is dear to compute is computed once."""

    draft: TaskDraft
    rebuild_hash: Callable[[], str] | None = None
    """Builds the draft again in another process and returns its content hash."""
    measured: Measured | None = None
    """Set when the ladder has been run."""

    @cached_property
    def streams(self) -> Streams:
        """Randomness of the checks; the same for the same draft."""
        return Streams(int(self.draft.content_hash()[:32], 16))

    @cached_property
    def metric(self) -> Metric:
        """The draft's metric."""
        return get_metric(self.draft.metric)

    @cached_property
    def key(self) -> AnswerKey:
        """The answers.

        Raises:
            GraderError: If they cannot be read.
        """
        return AnswerKey.parse(self.draft.answers, self.draft.submission)

    @cached_property
    def grader(self) -> Grader:
        """A grader without thresholds."""
        return Grader(self.metric, self.draft.submission, self.key)

    @cached_property
    def graded(self) -> GradedRows:
        """The rows that give the grade."""
        return GradedRows.of(self.metric, self.key)

    @cached_property
    def data(self) -> PublicData:
        """The public files."""
        return PublicData(self.draft, self.key)

    @cached_property
    def neighbours(self) -> Neighbours | None:
        """The nearest training row of every row of `test.csv`."""
        return find_neighbours(self.data)

    @property
    def measurement(self) -> Measured:
        """The ladder's measurement.

        Raises:
            RuntimeError: If a check of stage `draft` asks for it.
        """
        if self.measured is None:
            raise RuntimeError("the ladder has not been run yet; the check is of a later stage")
        return self.measured

    @property
    def bars(self) -> Bars:
        """The bars.

        Raises:
            RuntimeError: If a check of an earlier stage than `bars` asks for them.
        """
        outcome = self.measurement.outcome
        if isinstance(outcome, Bars):
            return outcome
        raise RuntimeError(f"there are no bars ({outcome.reason}); the check is of stage bars")

    @property
    def made(self) -> bool:
        """Whether the data was made for the task, so that what is odd about it is a fault.

        A real table may be easy, or be written oddly: that is recorded, and no reason to refuse it.
        """
        return self.draft.reference.kind != "best_pipeline"

    def score(self, predictions: Predictions) -> float | None:
        """Score predictions for all rows of the answers on the graded ones; None: impossible."""
        try:
            return self.graded.score(predictions[self.graded.graded])
        except ValueError:
            return None

    def best_guess(self, guesses: Iterable[tuple[str, Predictions]]) -> tuple[str, float] | None:
        """Return name and score of the guess that scores best; None where none has a score.

        Each guess has a row for every answer, or one row to be repeated for all of them.
        """
        best: tuple[str, float] | None = None
        for name, values in guesses:
            whole = np.repeat(values, len(self.key.ids), axis=0) if len(values) == 1 else values
            score = self.score(whole)
            if score is not None and (best is None or self._better(score, best[1])):
                best = name, score
        return best

    def reaches(self, score: float, bar: float) -> bool:
        """Say whether a score reaches a bar."""
        return score == bar or self._better(score, bar)

    def between(self, low: float, score: float, high: float) -> bool:
        """Say whether three scores get better, strictly."""
        return self._better(score, low) and self._better(high, score)

    def _better(self, score: float, other: float) -> bool:
        return score > other if self.metric.higher_is_better else score < other
