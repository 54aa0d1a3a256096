"""What the tools tell the agent, as text; nothing here runs code or grades.

The texts hold no clock times, so the same runs give the same conversation.
"""

from __future__ import annotations

from sandmle.core.execution import SUBMISSION, Execution
from sandmle.core.grade import Grade
from sandmle.core.task import FeedbackMode, Limits, Task

CODE_BYTES = 1 << 20
"""Longest program that is run, in bytes of UTF-8."""

VARIABLES_LOST = "With it ended the interpreter: variables and imports are lost, files are kept."
"""Said of a run that was stopped in a session that keeps variables."""


def refusal(code: str) -> str | None:
    """Say why a program cannot be run at all, or None where it can."""
    try:
        size = len(code.encode())
    except UnicodeEncodeError as exc:
        return (
            f"The code was not run: character {exc.start + 1} is half of a surrogate pair, "
            "which no file can hold; write the character itself."
        )
    if size > CODE_BYTES:
        return (
            f"The code was not run: it has {size:,} bytes and {CODE_BYTES:,} are allowed; "
            "read data from files instead of writing it into the code."
        )
    return None


def execution_text(execution: Execution, limits: Limits, *, timeout_seconds: float) -> str:
    """Describe a run: how it ended, what it printed, and what was cut.

    Args:
        execution: The run.
        limits: The task's limits, named where one was broken.
        timeout_seconds: The wall time that this run was given.
    """
    parts = [_ending(execution, limits, timeout_seconds)]
    printed = (("stdout", execution.stdout), ("stderr", execution.stderr))
    parts += [f"{name}:\n{text.rstrip()}" for name, text in printed if text.strip()]
    if len(parts) == 1:
        parts.append("It printed nothing.")
    if execution.truncated:
        parts.append(
            f"The output was longer than {limits.output_bytes:,} bytes and its middle was cut; "
            "print less."
        )
    return "\n".join(parts)


def _ending(execution: Execution, limits: Limits, timeout_seconds: float) -> str:
    if execution.killed_by is None:
        return f"The run ended with exit code {execution.exit_code}."
    if execution.killed_by == "time":
        if timeout_seconds < limits.step_seconds:
            return "The run was stopped: all the time that was left for this task is used up."
        return (
            f"The run was stopped after {limits.step_seconds:g} s, the time limit of one run; "
            "do less in one run."
        )
    reasons = {
        "memory": f"it used more than {limits.memory_mib:,} MiB of memory; use less at a time",
        "processes": f"it had more than {limits.processes} processes and threads; set n_jobs=1",
        "disk": f"it wrote more than {limits.disk_mib:,} MiB of files; write less",
        "output": "it printed without end; print less",
    }
    return f"The run was stopped: {reasons[execution.killed_by]}."


def score_text(mode: FeedbackMode, grade: Grade, task: Task, *, metric_title: str) -> str:
    """Answer a call of the score tool.

    Args:
        mode: How much the agent may know.
        grade: The submission measured on the rows that `mode` may show: the public split, or all
            rows for `milestone`.
        task: The task.
        metric_title: The metric in words.
    """
    if mode == "none":
        return "Received. Submissions are graded at the end."
    if grade.score is None:
        return f"Not valid: {grade.reason}."
    if mode == "valid":
        return f"{SUBMISSION} is valid. Its score is not shown."
    direction = "higher" if task.thresholds.higher_is_better else "lower"
    score = f"{metric_title} = {grade.score:.6g} ({direction} is better)"
    if mode == "public":
        return (
            f"{SUBMISSION} is valid. On the public part of the test set: {score}. "
            "The grade comes from the other rows."
        )
    bars = task.thresholds
    return (
        f"{SUBMISSION} is valid. On the whole test set: {score}. Thresholds: median "
        f"{bars.median:.6g}, bronze {bars.bronze:.6g}, silver {bars.silver:.6g}, gold "
        f"{bars.gold:.6g}. Medal: {grade.medal.name.lower()}."
    )
