"""Does a policy read its tasks? Held-out tasks with another family's evidence tell.

What the code prints stays true: only what the prompt says is another task's. A policy that reads
its tasks does worse then; one that has learned what is good on average does not notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from sandmle.core.errors import UsageError
from sandmle.core.task import Task
from sandmle.scaffolds import Scaffold
from sandmle.scaffolds.card import card
from sandmle.scaffolds.react import React

Evidence = Literal["own", "hints", "card"]
"""`own`: the truth. `hints`: the remarks of another family's task, in prose. `card`: all its card:
kind of data, metric, form of a prediction, files and remarks."""


@dataclass(frozen=True)
class Misled(React):
    """`react` whose cards are given, by the task's id."""

    cards: Mapping[str, str] = field(default_factory=dict)

    def card(self, task: Task) -> str:
        """Return the given card."""
        return self.cards[task.id]


def misled(scaffold: Scaffold, tasks: Sequence[Task], evidence: Evidence) -> Scaffold:
    """Return the scaffold with other evidence in its prompts.

    Args:
        scaffold: `react` with `briefing=card`.
        tasks: The tasks that are played; they lend each other their evidence.
        evidence: What is lent.

    Raises:
        UsageError: If the scaffold shows no cards, or there is one family only.
    """
    if evidence == "own":
        return scaffold
    if type(scaffold) is not React or scaffold.briefing != "card":
        raise UsageError(
            f"evidence = {evidence!r} is for the scaffold react with briefing = card; leave it out"
        )
    lenders = lenders_of(tasks)
    cards = {
        task.id: card(lender) if evidence == "card" else card(task, remarked=lender)
        for task, lender in zip(tasks, lenders, strict=True)
    }
    own = {part.name: getattr(scaffold, part.name) for part in fields(React)}
    return Misled(**own, cards=cards)


def lenders_of(tasks: Sequence[Task]) -> list[Task]:
    """Return for each task one of another family, of the same modality where there is one.

    Raises:
        UsageError: If there is one family only.
    """
    found = []
    for index, task in enumerate(tasks):
        others = [*tasks[index + 1 :], *tasks[:index]]
        strange = [other for other in others if other.family != task.family]
        alike = [other for other in strange if other.modality == task.modality]
        if not strange:
            raise UsageError(
                f"all tasks are of the family {task.family}; evidence of another one needs two"
            )
        found.append((alike or strange)[0])
    return found
