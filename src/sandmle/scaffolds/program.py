"""The turn that holds one program: how it is read and written, and what its output says of it.

A turn is a plan in words and then one fenced code block. Reading never fails; it gives the program,
if there is one, and a remark on whatever had not the required form. A block ends at the first line
that is a fence at least as long as the one that opened it, or at the end of the turn.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandmle.scaffolds.briefing import LOOK

DONE = "DONE"
"""The whole of a turn that ends a search early."""

_OPENING = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+-]*)\s*")
_PYTHON = ("python", "py", "python3", "")
_VALIDATION = re.compile(
    r"\W{0,9}validation\b[^:=]*[:=]\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*(%?)",
    re.IGNORECASE,
)
_LINE_READ = 300


@dataclass(frozen=True)
class Block:
    """A fenced block of a turn."""

    language: str
    """As it stands behind the fence, in lower case."""
    text: str
    closed: bool = True


@dataclass(frozen=True)
class Markdown:
    """A turn taken apart."""

    thought: str
    """What stands before `</think>`."""
    prose: str
    """What stands outside of blocks."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class ProgramTurn:
    """One turn of the agent."""

    plan: str
    """Its words; its reasoning where it has no others."""
    code: str | None
    """None where there is no program."""
    remark: str | None = None
    """What had not the required form, for the agent; None: all had."""

    @property
    def well_formed(self) -> bool:
        """Whether the turn had the required form."""
        return self.remark is None


@dataclass
class _Open:
    fence: str
    language: str
    lines: list[str] = field(default_factory=list)

    def ended_by(self, line: str) -> bool:
        mark = line.strip()
        return len(mark) >= len(self.fence) and set(mark) == {self.fence[0]}

    def block(self, *, closed: bool) -> Block:
        return Block(self.language, "\n".join(self.lines), closed)


def take_apart(text: str) -> Markdown:
    """Split a turn into its reasoning, its words and its fenced blocks."""
    before, tag, after = text.replace("\r\n", "\n").partition("</think>")
    thought, said = (before, after) if tag else ("", before)
    prose: list[str] = []
    blocks: list[Block] = []
    block: _Open | None = None
    for line in said.split("\n"):
        if block is None:
            opening = _OPENING.fullmatch(line)
            if opening is None:
                prose.append(line)
            else:
                block = _Open(opening[1], opening[2].lower())
        elif block.ended_by(line):
            blocks.append(block.block(closed=True))
            block = None
        else:
            block.lines.append(line)
    if block is not None:
        blocks.append(block.block(closed=False))
    words = "\n".join(prose).replace("<think>", "").strip()
    return Markdown(thought.replace("<think>", "").strip(), words, tuple(blocks))


def read_program(text: str) -> ProgramTurn:
    """Read a turn, whatever it is; of several programs the longest counts."""
    parts = take_apart(text)
    plan = parts.prose or parts.thought
    programs = [b for b in parts.blocks if b.language in _PYTHON and b.text.strip()]
    if not programs:
        return ProgramTurn(plan, None, "it has no ```python block with a program")
    remarks = []
    if len(programs) > 1:
        remarks.append(f"it has {len(programs)} code blocks and only the longest was run")
    program = max(programs, key=lambda block: len(block.text))
    if not program.closed:
        remarks.append("its code block is not closed by ```")
    if not plan:
        remarks.append("it has no plan before the code block")
    return ProgramTurn(plan, program.text, "; ".join(remarks) or None)


def render_program(plan: str, code: str) -> str:
    """Write a turn; `read_program` gives back the same plan and code."""
    return f"{plan}\n\n{fenced(code)}"


def fenced(code: str) -> str:
    """Put a fence around a program that is longer than any within it."""
    within = [len(mark) for mark in re.findall(r"`{3,}", code)]
    fence = "`" * (max(within, default=2) + 1)
    return f"{fence}python\n{code}\n{fence}"


def is_done(text: str) -> bool:
    """Say whether a turn is nothing but the word that ends a search."""
    parts = take_apart(text)
    return not parts.blocks and parts.prose.strip(" \n\t.*_`!").upper() == DONE


def validation_value(stdout: str) -> float | None:
    """Return the number of the last line `Validation NAME: VALUE`, or None.

    The agent's own word about its work: it steers a search and is never paid for.
    """
    for line in reversed(stdout.splitlines()):
        found = _VALIDATION.match(line.strip()[:_LINE_READ])
        if found is not None:
            value = float(found[1]) / (100 if found[2] else 1)
            return value if math.isfinite(value) else None
    return None


def program_turns(scripts: Sequence[str], *, look: bool, repair: bool) -> list[str]:
    """Write scripts as turns; see `Scaffold.turns`."""
    said = [render_program("I look at the data first.", LOOK)] if look else []
    for index, script in enumerate(scripts):
        if repair and index == 0:
            said.append(render_program("I train a model.", f"import numpyy\n{script}"))
        said.append(render_program("I train a model and write the submission.", script))
    return said
