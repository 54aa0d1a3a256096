"""Plans that programs must match: reasoning stays tied to the code because the form asks for it.

The reasoning starts with a line `plan:` and the comments that open the program's sections, in their
order; the program has exactly these sections:

    plan:
    # load
    # ridge

The lines are the same in both places, so that even a small model can copy them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import zip_longest

_SECTION = re.compile(r"^# ([a-z0-9-]+)$", re.MULTILINE)
_PLAN = re.compile(r"\s*plan:\n((?:# [a-z0-9-]+(?:\n|\Z))*)")


def plan_text(names: Iterable[str]) -> str:
    """Write the plan of a program with these sections."""
    return "\n".join(["plan:", *(f"# {name}" for name in names)])


def sections(program: str) -> tuple[str, ...]:
    """Return the names of a program's sections."""
    return tuple(_SECTION.findall(program))


def planned(think: str) -> tuple[str, ...] | None:
    """Return the names that reasoning plans, or None where it starts with no plan."""
    found = _PLAN.match(think)
    return None if found is None else sections(found[1])


def mismatch(think: str | None, program: str) -> str | None:
    """Say in which way a program is not what its reasoning planned, or None."""
    names = None if think is None else planned(think)
    if not names:
        return "its reasoning must start with a plan: a line `plan:`, then lines such as `# ridge`"
    found = sections(program)
    if names != found:
        index = next(i for i, (a, b) in enumerate(zip_longest(names, found)) if a != b)
        planned_there, found_there = (
            f"`# {part[index]}`" if index < len(part) else "nothing" for part in (names, found)
        )
        return (
            f"its plan has {planned_there} in place {index + 1}, its program {found_there}; write "
            "the same sections"
        )
    return None
