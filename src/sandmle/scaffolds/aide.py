"""`aide`: tree search over programs, after AIDE (arXiv 2502.13138).

The published loop: the search makes some drafts; then, at each step, it debugs a faulty leaf with
some probability, up to a depth, or else improves the best program so far, one change at a time. The
coding operator is asked afresh each time, with the task, the program to work on and a summary of
earlier attempts (plans and results) instead of a growing conversation. The validation value of a
program steers the search, and the best program's submission is what counts.

Where this differs: the validation value is read from the program's output (a last line
`Validation NAME: VALUE`) and its direction from the task, where AIDE asks a second model call to
review each run; a program without that line counts as faulty but is handed in if nothing else is
there; an invalid submission counts as a fault where the feedback mode tells the agent; the policy
may end the search early (`early_stop`). There is no preview of the data but the list of files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandmle.core.episode import StopReason
from sandmle.core.policy import Completion, Policy
from sandmle.core.seeding import Streams
from sandmle.env import Environment
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, prompt_file
from sandmle.scaffolds.briefing import files_text, program_system
from sandmle.scaffolds.program import fenced
from sandmle.scaffolds.solution_tree import (
    Move,
    Search,
    Tree,
    greedy_move,
    memory_text,
    output_text,
    search_turns,
)

NAME = "aide"


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class Aide:
    """Drafts, then debugging and improving of the best program."""

    max_steps: int = DEFAULT_MAX_STEPS
    drafts: int = 5
    """Programs that are written from nothing before any is improved."""
    debug_probability: float = 0.5
    """How often a faulty leaf is preferred to the best program."""
    max_debug_depth: int = 3
    """How often in a row a program is debugged before it is given up."""
    early_stop: bool = True
    """Whether the policy may end the search; the published one always uses its steps."""
    name: str = NAME

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Search until the steps are used up or the policy is content; see `Scaffold.run`."""
        rng = Streams(trace.seed).rng(NAME)

        def choose(tree: Tree) -> Move:
            return greedy_move(
                tree,
                rng,
                drafts=self.drafts,
                debug_probability=self.debug_probability,
                max_debug_depth=self.max_debug_depth,
            )

        def compose(tree: Tree, move: Move, share: float) -> str:
            return "\n\n".join((task_text(env), _operation(tree, move, share)))

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


def task_text(env: Environment) -> str:
    """Return the task's description and files."""
    return prompt_file(
        "react_task", description=env.task.description.strip(), files=files_text(env.task)
    )


def _operation(tree: Tree, move: Move, share: float) -> str:
    """Write what is to be done now; debugging is about one program and needs no memory."""
    if move.node is None:
        text = prompt_file("aide_draft")
        memory = memory_text(tree.nodes, share=share)
    elif move.operator == "debug":
        return prompt_file(
            "aide_debug",
            code=fenced(move.node.code),
            output=output_text(move.node, share=share),
        )
    else:
        text = prompt_file(
            "aide_improve", code=fenced(move.node.code), value=f"{move.node.attempt.value:.6g}"
        )
        memory = memory_text([node for node in tree.nodes if not node.buggy], share=share)
    return f"{text}\n\n## Earlier attempts\n\n{memory}" if memory else text
