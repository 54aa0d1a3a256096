"""A playbook: a first look at the data, and the named parts that programs are put together from."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sandmle.core.task import Modality

Facts = Mapping[str, str]
"""What an agent has read so far: the `key: value` lines of the card and of its first look."""

Plan = Mapping[str, str]
"""The choice taken in every slot, by the slot's name."""


def _always(_: Facts) -> bool:
    return True


@dataclass(frozen=True)
class Choice:
    """One way of doing one step of a program."""

    name: str
    """Lower-case letters, digits and dashes; unique within the playbook. Plans name it."""
    code: str
    """Lines of Python; empty: the step is left out, and no plan names it."""
    weight: float = 1.0
    """How often an expert that guesses takes it, relative to the slot's others."""
    works: Callable[[Facts], bool] = _always
    """Whether the code can run on such a task at all; experts take only what can."""


@dataclass(frozen=True)
class Slot:
    """One step of a program."""

    name: str
    choices: tuple[Choice, ...]

    def of(self, name: str) -> Choice:
        """Return the choice called `name`.

        Raises:
            KeyError: If there is none.
        """
        return next(choice for choice in self.choices if choice.name == name)


@dataclass(frozen=True)
class Playbook:
    """Programs for one kind of data.

    Every combination of choices that work is a program that runs: the slots' code in order, each
    under a comment with its name. No program names a column, a label or a file of one task only:
    it finds them in the tables, so that the same parts fit tasks never seen before.
    """

    name: str
    modalities: tuple[Modality, ...]
    look: str
    """Program whose output adds to the facts: few lines `key: value` with coarse values."""
    slots: tuple[Slot, ...]
    advise: Callable[[Facts], Plan]
    """The choices that the evidence speaks for; a slot that it leaves out is free."""

    def guess(self, facts: Facts, rng: np.random.Generator) -> dict[str, str]:
        """Draw a plan by the weights of the choices that work."""
        return {slot.name: self._draw(slot, facts, rng) for slot in self.slots}

    def program(self, plan: Plan) -> str:
        """Put a program together."""
        parts = [slot.of(plan[slot.name]) for slot in self.slots]
        return "\n".join(f"# {part.name}\n{part.code.strip()}" for part in parts if part.code)

    def _draw(self, slot: Slot, facts: Facts, rng: np.random.Generator) -> str:
        working = [choice for choice in slot.choices if choice.works(facts)]
        weights = np.array([choice.weight for choice in working])
        return working[int(rng.choice(len(working), p=weights / weights.sum()))].name


def read_facts(text: str) -> dict[str, str]:
    """Return the `key: value` lines of a card or of what a look printed."""
    found = re.findall(r"^([a-z][a-z ]*): (.+)$", text, flags=re.MULTILINE)
    return {key: value.strip() for key, value in found}
