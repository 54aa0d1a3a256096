"""Policies of scripted experts: every episode gets one of its own, of another manner."""

from __future__ import annotations

from dataclasses import dataclass

from sandmle.core.errors import UsageError
from sandmle.core.policy import Policy
from sandmle.experts.expert import ExpertPolicy, playbook_for
from sandmle.scaffolds import Scaffold
from sandmle.scaffolds.react import React
from sandmle.store import TaskDir

EXPERT = "expert"
"""Name of the policy; an episode's record adds the manner: `expert:follows`."""

CARD_OPTIONS = {"briefing": "card", "plan": True}
"""Options of `react` that experts play, and the policy in the package."""


@dataclass(frozen=True)
class ExpertPlayers:
    """Makes experts; a `PolicyFactory`.

    Args:
        scaffold: What they play.

    Raises:
        UsageError: If the scaffold is another one than `react` with card and plans.
    """

    scaffold: Scaffold

    def __post_init__(self) -> None:
        scaffold = self.scaffold
        if not (isinstance(scaffold, React) and scaffold.briefing == "card" and scaffold.plan):
            raise UsageError(
                f"experts cannot play {scaffold.name} as it is set; they play react with cards and "
                "plans: --scaffold react --scaffold-option briefing=card "
                "--scaffold-option plan=true"
            )

    def __call__(self, task_dir: TaskDir, *, replica: int, seed: int) -> Policy:
        """Make the expert of one episode.

        Raises:
            UsageError: If no playbook fits the task.
        """
        book = playbook_for(task_dir.task.modality)
        return ExpertPolicy(seed=seed, max_steps=self.scaffold.max_steps, book=book)
