"""The grader of a task on disk; the one place where an environment touches the answers."""

from __future__ import annotations

from sandmle.core.errors import GraderError, boundary
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.store import TaskDir


def task_grader(task_dir: TaskDir) -> Grader:
    """Read the answers of a task and build its grader.

    Raises:
        UsageError: If a file of the task is missing or damaged.
        GraderError: If the answers do not fit the task.
    """
    task, bars = task_dir.task, task_dir.bars
    with boundary(GraderError, f"read the answers of task {task.id}"):
        return Grader(
            get_metric(task.metric),
            task.submission,
            AnswerKey.parse(task_dir.answers(), task.submission),
            task.thresholds,
            dummy_score=bars.dummy_score,
            reference_score=bars.reference_score,
        )
