"""A tree of programs: each node is one attempt, grown from nothing or from another node.

What AIDE (arXiv 2502.13138) and the greedy agent of arXiv 2507.02554 have in common lies here:
nodes, the choice of the next node to work on, and the loop. Prompts and memory are theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from sandmle.core.episode import StopReason
from sandmle.core.policy import Completion, Message, Policy
from sandmle.env import Environment, Observation
from sandmle.scaffolds._base import Trace, add_step
from sandmle.scaffolds.attempt import (
    Attempt,
    ask_with_less,
    attempt,
    best,
    form_remark,
    hand_in,
)
from sandmle.scaffolds.program import DONE, is_done, program_turns, read_program

Operator = Literal["draft", "debug", "improve"]

_PLAN_CHARACTERS = 400
_OUTPUT_CHARACTERS = 6_000
_MEMORY_CHARACTERS = 12_000


@dataclass(frozen=True)
class Node:
    """One program of the tree."""

    step: int
    """Index of its step in the episode."""
    operator: Operator
    """How it came to be."""
    parent: Node | None
    plan: str
    code: str
    attempt: Attempt

    @property
    def buggy(self) -> bool:
        """Whether it is to be debugged before anything is built on it."""
        return self.attempt.problem is not None

    @property
    def debug_depth(self) -> int:
        """How many debugging steps in a row lead to it."""
        if self.operator != "debug" or self.parent is None:
            return 0
        return self.parent.debug_depth + 1

    @property
    def output(self) -> str:
        """What its run said, and what is wrong with it."""
        return "\n".join(filter(None, (self.attempt.observation.text, self.attempt.problem)))


@dataclass
class Tree:
    """All programs of an episode."""

    higher_is_better: bool
    nodes: list[Node] = field(default_factory=list)

    @property
    def drafts(self) -> list[Node]:
        """The roots."""
        return self.children(None)

    def children(self, parent: Node | None) -> list[Node]:
        """Return the nodes that were grown from `parent`; with None the roots."""
        return [node for node in self.nodes if node.parent is parent]

    @property
    def best(self) -> Node | None:
        """The best node without a fault, by its own validation value."""
        return self._best(node for node in self.nodes if not node.buggy)

    @property
    def to_hand_in(self) -> Node | None:
        """The best node; where none is measured, the last that has a submission."""
        return self._best(self.nodes)

    def _best(self, nodes: Iterable[Node]) -> Node | None:
        by_attempt = {id(node.attempt): node for node in nodes}
        chosen = best(
            [node.attempt for node in by_attempt.values()],
            lambda tried: tried.value,
            higher_is_better=self.higher_is_better,
        )
        return None if chosen is None else by_attempt[id(chosen)]


@dataclass(frozen=True)
class Move:
    """What to do next."""

    operator: Operator
    node: Node | None = None
    """The node that is debugged or improved."""


def greedy_move(
    tree: Tree,
    rng: np.random.Generator,
    *,
    drafts: int,
    debug_probability: float,
    max_debug_depth: int,
) -> Move:
    """Choose: drafts first; then a faulty leaf with some probability; else the best node.

    Args:
        tree: What there is.
        rng: Decides whether and which leaf is debugged.
        drafts: How many roots there are to be.
        debug_probability: How often a faulty leaf is preferred to the best node, in [0, 1].
        max_debug_depth: How often in a row a program is debugged before it is given up.
    """
    if len(tree.drafts) < drafts:
        return Move("draft")
    if rng.random() < debug_probability:
        faulty = [
            node
            for node in tree.nodes
            if node.buggy and node.debug_depth < max_debug_depth and not tree.children(node)
        ]
        if faulty:
            return Move("debug", faulty[int(rng.integers(len(faulty)))])
    if tree.best is None:
        return Move("draft")
    return Move("improve", tree.best)


@dataclass(frozen=True)
class Search:
    """The loop of a tree search.

    Args:
        max_steps: How often the policy is asked at most.
        early_stop: Whether the policy may end the search.
        choose: What to do next.
        compose: Writes the prompt of a move, with a share of the memory in [0, 1].
    """

    max_steps: int
    early_stop: bool
    choose: Callable[[Tree], Move]
    compose: Callable[[Tree, Move, float], str]

    async def run(
        self, env: Environment, policy: Policy, *, trace: Trace, system: str
    ) -> StopReason:
        """Grow a tree and put the best node's submission in place; see `Scaffold.run`."""
        tree = Tree(env.task.thresholds.higher_is_better)
        stop = await self._grow(tree, env, policy, trace=trace, system=system)
        chosen = tree.to_hand_in
        await hand_in(env, None if chosen is None else chosen.attempt)
        return stop

    async def _grow(
        self, tree: Tree, env: Environment, policy: Policy, *, trace: Trace, system: str
    ) -> StopReason:
        remark = ""
        for _ in range(self.max_steps):
            move = self.choose(tree)

            def messages(share: float, move: Move = move, remark: str = remark) -> list[Message]:
                parts = [self.compose(tree, move, share)]
                if self.early_stop and tree.to_hand_in is not None:
                    parts.append(
                        "If you see nothing left that is worth trying, write only the word "
                        f"{DONE}: the best attempt is handed in."
                    )
                if remark:
                    parts.append(f"About your last turn: {remark}")
                return [
                    Message(role="system", content=system),
                    Message(role="user", content="\n\n".join(parts)),
                ]

            asked = await ask_with_less(policy, messages, env=env, trace=trace)
            if isinstance(asked, str):
                return asked
            text = asked.completion.text
            parent = None if move.node is None else move.node.step
            if self.early_stop and is_done(text):
                add_step(
                    trace, asked, Observation(""), parent=parent, tool="answer", answer="",
                    well_formed=True,
                )  # fmt: skip
                return "answered"
            turn = read_program(text)
            remark = form_remark(turn.remark, ran=turn.code is not None)
            if turn.code is None:
                add_step(
                    trace, asked, Observation(""), parent=parent, tool=None, answer=remark,
                    well_formed=False,
                )  # fmt: skip
                continue
            tried = await attempt(env, turn.code)
            node = Node(len(trace.steps), move.operator, move.node, turn.plan, turn.code, tried)
            tree.nodes.append(node)
            add_step(
                trace, asked, tried.observation, parent=parent, tool="python",
                answer="\n\n".join(filter(None, (node.output, remark))),
                well_formed=turn.well_formed,
            )  # fmt: skip
        return "max_steps"


def search_turns(
    scripts: Sequence[str], *, look: bool, repair: bool, early_stop: bool, max_steps: int
) -> tuple[Completion, ...]:
    """Write scripts as turns of a search; without an early stop the last one fills its steps."""
    said = program_turns(scripts, look=look, repair=repair)
    said += [DONE] if early_stop else said[-1:] * (max_steps - len(said))
    return tuple(Completion(text=text) for text in said)


def memory_text(nodes: Sequence[Node], *, share: float) -> str:
    """Summarise earlier attempts, plans and results, as many of the latest as there is room for.

    Args:
        nodes: The attempts to remember, oldest first.
        share: Share of the room, in [0, 1].
    """
    entries = [_summary(node) for node in nodes]
    room = int(min(_MEMORY_CHARACTERS, sum(map(len, entries))) * share)
    kept: list[str] = []
    for entry in reversed(entries):
        if len(entry) > room:
            break
        room -= len(entry)
        kept.append(entry)
    if not kept:
        return ""
    lines = list(reversed(kept))
    if len(kept) < len(nodes):
        lines.insert(0, f"({len(nodes) - len(kept)} earlier attempts are not listed.)")
    return "\n".join(lines)


def _summary(node: Node) -> str:
    plan = cut(" ".join(node.plan.split()), _PLAN_CHARACTERS)
    if node.attempt.problem is None:
        result = f"validation value {node.attempt.value:.6g}"
    else:
        execution = node.attempt.observation.execution
        errors = (execution.stderr if execution else "").strip().splitlines()
        last = f" Last line of stderr: {errors[-1][:200]}" if errors else ""
        result = node.attempt.problem + last
    return f"- Plan: {plan}\n  Result: {result}"


def output_text(node: Node, *, share: float) -> str:
    """Return what a node's run said, cut in the middle where it is long."""
    return cut(node.output, max(1_000, int(_OUTPUT_CHARACTERS * share)))


def cut(text: str, limit: int) -> str:
    """Cut the middle of a text that is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters cut ...]\n{text[-half:]}"
