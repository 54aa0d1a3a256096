"""A policy that plays playbooks: it looks, plans by what it read, repairs, checks and improves.

It sees what a model sees and nothing else. How far it follows the evidence, what it gets wrong and
how long it goes on follow from its seed, so that episodes are of very different worth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np

from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, Message, ToolSpec
from sandmle.core.seeding import Streams
from sandmle.core.task import Modality
from sandmle.experts import PLAYBOOKS
from sandmle.experts import _reasons as say
from sandmle.experts._manner import draw_manner
from sandmle.experts._slips import Slip
from sandmle.experts.playbook import Playbook, read_facts
from sandmle.scaffolds.plans import plan_text, sections
from sandmle.scaffolds.react_format import Answer, Python, Score, render

REPAIRS = 2
"""Programs after one that failed by itself."""

_SECOND = 4
"""Turns that a second program takes: run, measure, go back, answer."""

_RAN = re.compile(r"^The run ended with exit code 0\.$", re.MULTILINE)
_SCORE = re.compile(r" = (\S+) \((higher|lower) is better\)")

_Said = Literal["nothing", "look", "program", "score"]


def playbook_for(modality: str) -> Playbook:
    """Return the playbook for a kind of data.

    Raises:
        UsageError: If there is none.
    """
    known = {kind: book for book in map(PLAYBOOKS.get, PLAYBOOKS) for kind in book.modalities}
    for kind, book in known.items():
        if kind == modality:
            return book
    raise UsageError(
        f"no expert knows tasks of the modality {modality!r}; there are playbooks for "
        f"{', '.join(sorted(known))}: give a folder of such tasks, or another policy"
    )


def known_modalities() -> frozenset[Modality]:
    """Return the kinds of data that a playbook is for."""
    return frozenset(kind for name in PLAYBOOKS for kind in PLAYBOOKS.get(name).modalities)


class ExpertPolicy:
    """Plays one episode of `react` with `briefing=card` and `plan=True`; a `Policy`.

    Args:
        seed: What it is like and what it chooses.
        max_steps: Turns that it has.
        book: The playbook; None: the one for the task's modality.
    """

    def __init__(self, *, seed: int, max_steps: int, book: Playbook | None = None) -> None:
        streams = Streams(seed).child("expert")
        self._rng = streams.rng("choices")
        self._manner = draw_manner(streams.rng("manner"))
        self.name = f"expert:{self._manner.name}"
        self._given = book
        self._left = max_steps
        self._said: _Said = "nothing"
        self._facts: dict[str, str] = {}
        self._looked = False
        """Whether a look has added to the facts; without one there is no evidence to follow."""
        self._plan: dict[str, str] = {}
        self._slip: Slip | None = None
        """The mistake in the program that was run last."""
        self._repairs = REPAIRS
        self._best: tuple[float, dict[str, str]] | None = None
        """The first program's score, higher is better, and its plan."""
        self._settled = False
        """Whether nothing more is to be tried."""

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Say the next turn.

        Raises:
            UsageError: If the prompt holds no card, or there is no playbook for the task.
        """
        heard = messages[-1].content
        if self._said == "nothing":
            self._read_card(heard)
        text = self._turn(heard)
        self._left -= 1
        return Completion(text=text)

    def _read_card(self, text: str) -> None:
        self._facts = read_facts(text)
        if "modality" not in self._facts:
            raise UsageError(
                "experts read the task's card; play react with the options briefing=card and "
                "plan=true"
            )
        self._book = self._given or playbook_for(self._facts["modality"])

    def _turn(self, heard: str) -> str:
        if self._left < 2:
            ran = self._said != "program" or _RAN.search(heard)
            return render(say.DONE if ran else say.GIVING_UP, Answer())
        match self._said:
            case "nothing" if self._manner.looks and self._left > 2:
                self._said = "look"
                return _run(self._book.look.strip(), [say.LOOKING])
            case "nothing":
                return self._first()
            case "look":
                self._looked = _RAN.search(heard) is not None
                self._facts |= read_facts(heard) if self._looked else {}
                return self._first()
            case "program":
                return self._after_program(ran=_RAN.search(heard) is not None)
            case "score":
                return self._after_score(heard)

    def _first(self) -> str:
        guess, advice = self._book.guess(self._facts, self._rng), self._advice()
        followed = [slot for slot in advice if self._rng.random() < self._manner.faith]
        self._plan = {**guess, **{slot: advice[slot] for slot in followed}}
        why = self._because(followed) or [say.GUESSES[int(self._rng.integers(len(say.GUESSES)))]]
        slip = self._manner.slip
        need = 0 if slip is None else 3 + slip.silent
        return self._program(why, slip=slip if self._left >= need else None)

    def _after_program(self, *, ran: bool) -> str:
        if self._slip is not None and not ran:
            return self._program([self._slip.repair])
        if not ran:
            return self._repair()
        if not self._settled and (self._manner.checks or self._slip is not None):
            self._said = "score"
            return render(say.CHECKING, Score())
        return render(say.DONE, Answer())

    def _repair(self) -> str:
        if self._best is not None:
            return render(say.STANDS, Answer())
        if self._repairs == 0:
            return render(say.GIVING_UP, Answer())
        self._repairs -= 1
        failed = self._plan
        self._plan = {**self._book.guess(self._facts, self._rng), **self._advice()}
        if self._plan == failed:
            self._vary(most=2)
        return self._program([say.ANOTHER_WAY])

    def _after_score(self, heard: str) -> str:
        if self._slip is not None:
            return self._program([self._slip.repair])
        score = _score(heard)
        if self._best is None:
            if score is None or not self._manner.goes_on or self._left < _SECOND:
                return render(say.DONE, Answer())
            self._best = (score, self._plan)
            return self._program(self._change())
        before, plan = self._best
        if score is not None and score >= before:
            return render(say.DONE, Answer())
        self._plan, self._settled = plan, True
        return self._program([say.BACK])

    def _change(self) -> list[str]:
        """Take one or two steps another way; return why."""
        advice = self._advice()
        against = [slot for slot, choice in advice.items() if self._plan[slot] != choice]
        if against and self._rng.random() < self._manner.faith:
            slot = against[int(self._rng.integers(len(against)))]
            self._plan = {**self._plan, slot: advice[slot]}
            return self._because([slot]) or [say.ANOTHER_TRY]
        self._vary(most=int(self._rng.integers(1, 3)))
        return [say.ANOTHER_TRY]

    def _vary(self, *, most: int) -> None:
        """Take up to `most` steps another way, where there is another that works."""
        others = {
            slot.name: [
                choice
                for choice in slot.choices
                if choice.name != self._plan[slot.name] and choice.works(self._facts)
            ]
            for slot in self._book.slots
        }
        open_slots = [name for name, choices in others.items() if choices]
        for index in self._rng.permutation(len(open_slots))[:most]:
            choices = others[open_slots[index]]
            weights = np.array([choice.weight for choice in choices])
            drawn = choices[int(self._rng.choice(len(choices), p=weights / weights.sum()))]
            self._plan = {**self._plan, open_slots[index]: drawn.name}

    def _program(self, why: list[str], *, slip: Slip | None = None) -> str:
        program = self._book.program(self._plan)
        spoilt = None if slip is None else slip.into(program)
        self._slip = None if spoilt is None else slip
        self._said = "program"
        return _run(spoilt or program, why)

    def _advice(self) -> dict[str, str]:
        """Return what the evidence speaks for, as far as it can run; nothing without a look."""
        if not self._looked:
            return {}
        advice = self._book.advise(self._facts)
        return {
            slot.name: advice[slot.name]
            for slot in self._book.slots
            if slot.name in advice and slot.of(advice[slot.name]).works(self._facts)
        }

    def _because(self, slots: list[str]) -> list[str]:
        """Return the reason of one of these steps, if there is one in few words."""
        keys = say.evidence(self._book, self._facts)
        lines = say.reasons(keys, self._facts, self._plan, slots)
        return [lines[int(self._rng.integers(len(lines)))]] if lines else []


def _run(program: str, why: list[str]) -> str:
    return render("\n".join([plan_text(sections(program)), *why]), Python(program))


def _score(heard: str) -> float | None:
    """Return the score that the score tool told, higher is better; None where it told none."""
    found = _SCORE.search(heard)
    if found is None:
        return None
    return float(found[1]) if found[2] == "higher" else -float(found[1])
