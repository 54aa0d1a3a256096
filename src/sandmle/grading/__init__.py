"""Grading, outside the agent's sandbox: a submission's bytes and the answers give a score."""

from __future__ import annotations

from sandmle.grading.answers import AnswerKey
from sandmle.grading.grader import GRADER_VERSION, Grader
from sandmle.grading.submission import MAX_SUBMISSION_BYTES, read_submission

__all__ = ["GRADER_VERSION", "MAX_SUBMISSION_BYTES", "AnswerKey", "Grader", "read_submission"]
