"""Greedy tree search over programs; what a scaffold of this kind adds is the text of each step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from sandmle.core.episode import StopReason
from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, Policy
from sandmle.core.seeding import Streams
from sandmle.env import Environment
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, prompt_file
from sandmle.scaffolds.briefing import files_text, program_system
from sandmle.scaffolds.solution_tree import Move, Search, Tree, greedy_move, search_turns


@dataclass(frozen=True)
class GreedySearch(ABC):
    """Drafts, then debugging of faulty programs and improving of the best one."""

    max_steps: int = DEFAULT_MAX_STEPS
    drafts: int = 5
    """Programs that are written from nothing before any is improved."""
    debug_probability: float = 0.5
    """How often a faulty leaf is preferred to the best program."""
    max_debug_depth: int = 3
    """How often in a row a program is debugged before it is given up."""
    early_stop: bool = True
    """Whether the policy may end the search; the published ones always use their steps."""
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse numbers that no search can be made with.

        Raises:
            UsageError: If a number lies outside of its bounds.
        """
        for option, least, most in (
            ("drafts", 1, math.inf),
            ("debug_probability", 0, 1),
            ("max_debug_depth", 0, math.inf),
        ):
            value = getattr(self, option)
            if not least <= value <= most:
                bounds = f"in [{least}, {most}]" if most < math.inf else f"at least {least}"
                raise UsageError(f"{option} of {self.name} is {value}; give a number {bounds}")

    @abstractmethod
    def operation(self, tree: Tree, move: Move, *, share: float) -> str:
        """Write what is to be done now, with a share of the memory in [0, 1]."""

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Search until the steps are used up or the policy is content; see `Scaffold.run`."""
        rng = Streams(trace.seed).rng(self.name)
        task = prompt_file(
            "react_task", description=env.task.description.strip(), files=files_text(env.task)
        )

        def choose(tree: Tree) -> Move:
            return greedy_move(
                tree,
                rng,
                drafts=self.drafts,
                debug_probability=self.debug_probability,
                max_debug_depth=self.max_debug_depth,
            )

        def compose(tree: Tree, move: Move, share: float) -> str:
            return "\n\n".join((task, self.operation(tree, move, share=share)))

        search = Search(self.max_steps, self.early_stop, choose, compose)
        system = program_system(env, max_steps=self.max_steps, rules="tree_rules")
        return await search.run(env, policy, trace=trace, system=system)

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write scripts as turns; see `Scaffold.turns`."""
        return search_turns(
            scripts,
            look=look,
            repair=repair,
            early_stop=self.early_stop,
            max_steps=self.max_steps,
        )
