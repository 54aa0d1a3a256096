"""What the agent hands in: taken out of its work directory, graded, and the one that counts.

The bytes come from the sandbox session alone; nothing that the agent's code prints is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandmle.core.errors import InvalidSubmission, SandboxError, boundary
from sandmle.core.execution import SUBMISSION, SandboxSession
from sandmle.core.grade import Grade
from sandmle.core.task import Thresholds
from sandmle.grading import MAX_SUBMISSION_BYTES, Grader

SubmissionRule = Literal["last", "best"]
"""Which submission is graded: the file as it is at the end, or the one with the best public score
among those and all that the score tool was called on."""


@dataclass(frozen=True)
class _Submission:
    data: bytes | None
    """None where there is no file, or none that may be read."""
    problem: str | None = None
    """Why the file may not be read."""


@dataclass(frozen=True)
class Graded:
    """A submission with what it earned."""

    grade: Grade
    data: bytes | None


class Submissions:
    """The submissions of one episode.

    Args:
        session: Where the agent works.
        grader: The task's grader.
        thresholds: The task's; they know which score is better.
        rule: Which submission counts.
    """

    def __init__(
        self,
        session: SandboxSession,
        grader: Grader,
        *,
        thresholds: Thresholds,
        rule: SubmissionRule,
    ) -> None:
        self._session = session
        self._grader = grader
        self._thresholds = thresholds
        self._rule = rule
        self._best: tuple[float, _Submission] | None = None

    def read(self) -> bytes | None:
        """Return the file as it is now, None where there is none that may be graded.

        Raises:
            SandboxError: If the sandbox failed.
        """
        return self._read().data or None

    def measure(self, split: Literal["public"] | None) -> Graded:
        """Grade the file as it is now, on the public split or, with None, on all rows.

        Raises:
            SandboxError: If the sandbox failed.
            GraderError: If the grader failed.
        """
        submission = self._read()
        self._consider(submission)
        return Graded(self._grade(submission, split), submission.data)

    def final(self) -> Graded:
        """Grade the submission that counts, on the private split.

        Raises:
            SandboxError: If the sandbox failed.
            GraderError: If the grader failed.
        """
        submission = self._read()
        self._consider(submission)
        if self._best is not None:
            submission = self._best[1]
        return Graded(self._grade(submission, "private"), submission.data)

    def _read(self) -> _Submission:
        try:
            with boundary(SandboxError, f"fetch {SUBMISSION}"):
                data = self._session.read(SUBMISSION, max_bytes=MAX_SUBMISSION_BYTES)
        except InvalidSubmission as exc:
            return _Submission(None, problem=str(exc))
        return _Submission(data)

    def _consider(self, submission: _Submission) -> None:
        if self._rule != "best":
            return
        score = self._grade(submission, "public").score
        # Of equally good ones the latest counts: it is what the agent meant last.
        if score is not None and (
            self._best is None or not self._thresholds.better(self._best[0], score)
        ):
            self._best = (score, submission)

    def _grade(self, submission: _Submission, split: Literal["public", "private"] | None) -> Grade:
        if submission.problem is not None:
            return Grade(score=None, reason=submission.problem)
        return self._grader.grade(submission.data, split)
