"""The outcome of grading one submission."""

from __future__ import annotations

from pydantic import Field

from sandmle.core.record import Record
from sandmle.core.task import Medal


class Grade(Record):
    """What a submission earned; an infrastructure failure is never a grade, it raises."""

    score: float | None
    """The metric on the graded split, or None where the submission is invalid."""
    medal: Medal = Medal.NONE
    above_median: bool = False
    gain: float | None = None
    """Share of the way from the dummy (0) to the reference (1), in [-0.2, 1.05]; None: unknown."""
    reason: str | None = None
    """Why it is invalid, one sentence for the agent; None where it is valid."""
    grader_version: int = Field(default=1)

    @property
    def valid(self) -> bool:
        """Whether the submission could be scored."""
        return self.score is not None
