"""Why an expert does what it does, in few short lines: what it read, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sandmle.experts.playbook import Facts, Plan, Playbook

LONGEST = 59
"""Characters of a line, its end not counted: frequent lines this short are single tokens of the
policy in the package."""

LOOKING = "I look at the data first."
GUESSES = ("I try this first.", "A start to learn from.", "This may do.")
CHECKING = "I check what it is worth."
ANOTHER_TRY = "Another way may do better."
ANOTHER_WAY = "That failed; I take another way."
BACK = "It was better before; I go back."
STANDS = "That failed; the submission before stands."
DONE = "The submission is written."
GIVING_UP = "I could not repair it; I end here."


def evidence(book: Playbook, facts: Facts) -> dict[str, tuple[str, ...]]:
    """Return for every advised slot with a choice the facts without which it would be another."""
    free = {slot.name for slot in book.slots if len(slot.choices) > 1}
    advice = {slot: choice for slot, choice in book.advise(facts).items() if slot in free}
    found: dict[str, tuple[str, ...]] = {}
    for key in facts:
        without = _advice_without(book, facts, key)
        for slot, choice in advice.items():
            if without is not None and without.get(slot) != choice:
                found[slot] = (*found.get(slot, ()), key)
    return found


def reasons(
    keys: Mapping[str, tuple[str, ...]], facts: Facts, plan: Mapping[str, str], slots: Iterable[str]
) -> list[str]:
    """Return one line for each of `slots` that a fact speaks for, where the line is short enough.

    Args:
        keys: As `evidence` returns them.
        facts: What was read.
        plan: The choices.
        slots: Those of which the reason is asked.
    """
    lines = [
        f"{key} {facts[key]}, so {plan[slot]}" for slot in slots for key in keys.get(slot, ())[-1:]
    ]
    return [line for line in lines if len(line) <= LONGEST]


def _advice_without(book: Playbook, facts: Facts, key: str) -> Plan | None:
    """Return the advice without a fact, or None where the playbook cannot do without it."""
    try:
        return book.advise({name: value for name, value in facts.items() if name != key})
    except (KeyError, ValueError):
        return None
