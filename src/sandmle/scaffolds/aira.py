"""`aira`: greedy tree search with the operators of "AI Research Agents for Machine Learning".

After the description in arXiv 2507.02554, from the paper alone. The published agent: three
operators, Draft, Debug and Improve, in AIDE's greedy search, but with memory of a narrower scope
and with cues of complexity. Draft and Improve are shown the siblings of the program to be written
(earlier drafts, or earlier improvements of the same program), so that they differ from them; Debug
is shown the whole chain of repairs that leads to the program, so that it does not undo them. How
complex a solution is asked for grows with the number of programs that were already grown from the
same place: minimal, then moderate, then advanced.

Where this differs: the validation value is read from the program's output and not by a second model
call; there is no crossover and no other search than the greedy one; what is wrong with a submission
counts as a fault where the feedback mode tells the agent; the policy may end the search early
(`early_stop`). The search's own numbers are those of `aide`, made for short episodes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import prompt_file
from sandmle.scaffolds.greedy_search import GreedySearch
from sandmle.scaffolds.program import fenced
from sandmle.scaffolds.solution_tree import Move, Node, Tree, memory_text, output_text

NAME = "aira"

_MODERATE_FROM = 2
_ADVANCED_FROM = 4


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class Aira(GreedySearch):
    """Greedy search with scoped memory and growing complexity."""

    name: str = NAME

    def operation(self, tree: Tree, move: Move, *, share: float) -> str:
        """Write what is to be done now; see `GreedySearch.operation`."""
        node = move.node
        if node is not None and move.operator == "debug":
            text = prompt_file(
                "aira_debug", code=fenced(node.code), output=output_text(node, share=share)
            )
            memory, title = _repairs(node), "Repairs that led here"
        else:
            memory, title = tree.children(node), "What was already tried from here"
            cue = prompt_file(f"aira_complexity_{complexity(len(memory))}")
            if node is None:
                text = prompt_file("aira_draft", complexity=cue)
            else:
                text = prompt_file(
                    "aira_improve",
                    complexity=cue,
                    code=fenced(node.code),
                    value=f"{node.attempt.value:.6g}",
                )
        listed = memory_text(memory, share=share)
        return f"{text}\n\n## {title}\n\n{listed}" if listed else text


def complexity(children: int) -> str:
    """Name how complex a solution is asked for, given how many were grown from the same place."""
    if children < _MODERATE_FROM:
        return "minimal"
    return "moderate" if children < _ADVANCED_FROM else "advanced"


def _repairs(node: Node) -> list[Node]:
    """Return the chain from the first faulty program to the one before `node`, oldest first."""
    chain: list[Node] = []
    at = node
    while at.operator == "debug" and at.parent is not None:
        at = at.parent
        chain.append(at)
    return chain[::-1]
