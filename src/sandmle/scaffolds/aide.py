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

from dataclasses import dataclass

from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import prompt_file
from sandmle.scaffolds.greedy_search import GreedySearch
from sandmle.scaffolds.program import fenced
from sandmle.scaffolds.solution_tree import Move, Tree, memory_text, output_text

NAME = "aide"


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class Aide(GreedySearch):
    """Drafts, then debugging and improving of the best program."""

    name: str = NAME

    def operation(self, tree: Tree, move: Move, *, share: float) -> str:
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
