"""The strict grader: bytes in, a grade or a sentence for the agent out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.core.errors import GraderError, InvalidSubmission, boundary
from sandmle.core.grade import Grade
from sandmle.core.task import Medal, SubmissionSchema, Thresholds
from sandmle.grading.answers import AnswerKey, Split
from sandmle.grading.submission import read_submission
from sandmle.grading.table import quote
from sandmle.metrics import BadPrediction, Metric

GRADER_VERSION = 1
"""Raised with every change that can change a grade; kept in each grade."""

GAIN_RANGE = (-0.2, 1.05)
"""Bounds of a grade's gain: one lost or lucky submission must not outweigh a whole group."""


@dataclass(frozen=True)
class Grader:
    """Grades submissions of one task; holds the answers, so it stays outside every sandbox.

    Raises:
        GraderError: If metric, schema, answers and thresholds do not fit together.
    """

    metric: Metric
    schema: SubmissionSchema
    key: AnswerKey
    thresholds: Thresholds | None = None
    """None: grades have no medal."""
    dummy_score: float | None = None
    reference_score: float | None = None
    """Scores that mean a gain of 0 and of 1; None: grades have no gain."""

    def __post_init__(self) -> None:
        bars = self.thresholds
        if bars is not None and bars.higher_is_better != self.metric.higher_is_better:
            raise GraderError(f"the thresholds have another direction than {self.metric.name}")
        if self.metric.needs_groups and self.key.groups is None:
            raise GraderError(f"{self.metric.name} needs a group column, the schema names none")
        if self.key.values.shape != (self.schema.rows, len(self.schema.targets)):
            raise GraderError(
                f"the answers have shape {self.key.values.shape}, the schema says "
                f"{self.schema.rows} rows and {len(self.schema.targets)} target columns"
            )
        try:
            self.metric.check(self.metric.perfect(self.key.values))
        except ValueError as exc:
            raise GraderError(f"{self.metric.name} cannot take the answers: {exc}") from None

    def score(self, data: bytes, split: Split | None = None) -> float:
        """Score a submission, which must hold every id of the task whatever the split.

        Args:
            data: The file.
            split: Rows to score; None for all.

        Returns:
            A finite number in the metric's unit.

        Raises:
            InvalidSubmission: If the submission cannot be scored.
            GraderError: If it could, but the grader fails.
        """
        with boundary(GraderError, "grade the submission"):
            predictions = self.read(data)
            rows = (
                np.ones(len(predictions), dtype=bool) if split is None else self.key.split == split
            )
            key = self.key.rows(rows)
            try:
                return self.metric(key.values, predictions[rows], groups=key.groups)
            except BadPrediction as exc:
                raise InvalidSubmission(str(exc)) from None

    def read(self, data: bytes) -> NDArray[Any]:
        """Return a submission's values in the order of the answers, shape (n, t), checked.

        Raises:
            InvalidSubmission: If the file is malformed or the metric cannot take its values.
        """
        predictions = read_submission(data, self.schema, self.key.ids)
        try:
            # on every row, so that what the score tool accepts the grade accepts too
            self.metric.check(predictions)
        except BadPrediction as exc:
            where = "" if exc.row is None else f" (at id {quote(self.key.ids[exc.row])})"
            raise InvalidSubmission(f"{exc}{where}") from None
        return predictions

    def grade(self, data: bytes | None, split: Split | None = "private") -> Grade:
        """Grade a submission; one that cannot be scored gets a grade without a score.

        Args:
            data: The file; None where none was written.
            split: Rows to score; None for all.

        Raises:
            GraderError: If the grader fails: never the agent's fault, and never a grade.
        """
        if data is None:
            return _refused("no submission.csv was written; write it into the current directory")
        try:
            score = self.score(data, split)
        except InvalidSubmission as exc:
            return _refused(str(exc))
        bars = self.thresholds
        return Grade(
            score=score,
            medal=Medal.NONE if bars is None else bars.medal(score),
            above_median=bars is not None and bars.above_median(score),
            gain=self.gain(score),
            grader_version=GRADER_VERSION,
        )

    def gain(self, score: float) -> float | None:
        """Return the share of the way from the dummy (0) to the reference (1), clipped.

        None where either is unknown or both are equal.
        """
        low, high = self.dummy_score, self.reference_score
        if low is None or high is None or low == high:
            return None
        return float(np.clip((score - low) / (high - low), *GAIN_RANGE))


def _refused(reason: str) -> Grade:
    return Grade(score=None, reason=reason, grader_version=GRADER_VERSION)
