"""Counts of a set: modalities, task types, cells of the coverage table, skills; pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from sandmle.generate.mix import BEYOND, PAPER, groups_of
from sandmle.survey.facts import TaskFacts


def counted(
    tasks: Sequence[TaskFacts], of: Callable[[TaskFacts], str | int | None]
) -> dict[str, int]:
    """Count the tasks by one of their facts, the most frequent first."""
    counts = Counter(str(of(task)) for task in tasks)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def cells(tasks: Sequence[TaskFacts]) -> dict[str, int]:
    """Count the tasks in each filled cell of modality x task type x metric."""
    return counted(tasks, lambda task: f"{task.modality} | {task.task_type} | {task.metric}")


def against_paper(tasks: Sequence[TaskFacts]) -> dict[str, dict[str, tuple[float, float]]]:
    """Compare shares of modalities and kinds of task with the paper's.

    Returns:
        For `modalities` and `task_types`, by the paper's group: (share here, share there), in per
        cent. What the paper lacks counts in the whole here and has a share of 0 there.
    """
    groups = [groups_of(task.modality, task.task_type) for task in tasks]
    wanted: tuple[tuple[str, Mapping[str, float]], ...] = (
        ("modalities", PAPER.modalities),
        ("task_types", PAPER.task_types),
    )
    found = {}
    for axis, (name, shares) in enumerate(wanted):
        have = Counter(group[axis] for group in groups)
        found[name] = {
            group: (round(100 * have[group] / len(tasks), 1), float(shares.get(group, 0.0)))
            for group in (*shares, BEYOND)
        }
    return found


def tallied(names: Iterable[Iterable[str]]) -> dict[str, int]:
    """Count in how many tasks each name comes, the most frequent first."""
    counts = Counter(name for of_a_task in names for name in sorted(set(of_a_task)))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def entropy(names: Iterable[str]) -> float:
    """Return the entropy of a list of names, in bits."""
    counts = Counter(names)
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values()) if total else 0.0
