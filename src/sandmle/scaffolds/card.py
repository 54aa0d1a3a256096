"""A task's facts in a few lines, for models that read little."""

from __future__ import annotations

import re

from sandmle.core.task import Column, Task


def card(task: Task, *, remarked: Task | None = None) -> str:
    """Return modality, type, metric, form of a prediction, files, and the description's remarks.

    One `key: value` a line, then the remarks as they stand: the paragraphs between the first one,
    which tells the story, and the first heading.

    Args:
        task: The task.
        remarked: Another task whose remarks are taken instead, to see what they are worth.
    """
    better = "higher" if task.thresholds.higher_is_better else "lower"
    files = sorted(file.path for file in task.files if file.path != "description.md")
    lines = [
        f"modality: {task.modality}",
        f"task: {task.task_type}",
        f"metric: {task.metric.name}, {better} is better",
        f"predict: {'; '.join(dict.fromkeys(map(_form, task.submission.targets)))}",
        f"columns to predict: {len(task.submission.targets)}",
        f"files: {', '.join(_folders(files))}",
    ]
    return "\n".join(["\n".join(lines), *remarks((remarked or task).description)])


def remarks(description: str) -> list[str]:
    """Return the paragraphs between a description's story and its first section."""
    head = re.split(r"^## ", description, maxsplit=1, flags=re.MULTILINE)[0]
    paragraphs = [part.strip() for part in head.split("\n\n") if part.strip()]
    return [part for part in paragraphs if not part.startswith("# ")][1:]


def _form(column: Column) -> str:
    if column.kind == "label":
        return f"one of {len(column.labels)} labels"
    if column.kind == "string":
        return "text"
    low, high = column.low, column.high
    kind = "a whole number" if column.kind == "integer" else "a number"
    if low is not None and high is not None:
        return f"{kind} from {low:g} to {high:g}"
    return kind if low is None else f"{kind} of at least {low:g}"


def _folders(paths: list[str]) -> list[str]:
    """Name files by their path, those in folders by the folder alone."""
    return list(dict.fromkeys(path.split("/")[0] + "/" * ("/" in path) for path in paths))
