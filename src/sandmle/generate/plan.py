"""What a set of tasks is to be made of: which family, seed and difficulty at which index; pure."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field

from sandmle.authors.procedural import FAMILIES, Family, families_of
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.core.seeding import derive_seed


class Plan(Record):
    """A set of tasks to be; a longer plan starts with the orders of a shorter one."""

    count: int = Field(gt=0)
    """Number of tasks."""
    families: tuple[str, ...] = ()
    """Families to choose from; empty means all."""
    seeds: tuple[str, ...] = ()
    """Seed competitions to take in turn; empty means all 60, family by family."""
    difficulties: tuple[int, ...] = ()
    """Levels to take in turn; empty means every level of the family."""
    rule: Literal["H", "paper"] = "H"
    """How thresholds are placed."""

    def extends(self, other: Plan) -> bool:
        """Say whether this is the same plan as `other`, or a longer one."""
        same = self.model_copy(update={"count": other.count}) == other
        return same and self.count >= other.count


class Order(Record):
    """One task to be made."""

    index: int
    family: str
    seed_id: str
    difficulty: int

    @property
    def folder(self) -> str:
        """Name of the task's folder; says nothing that the task itself does not say."""
        return f"{self.index:04d}-{re.sub(r'[^a-z0-9]+', '-', self.family.lower())}"

    def seed(self, root_seed: int, attempt: int) -> int:
        """Return the seed of one draw."""
        return derive_seed(
            root_seed, self.family, self.seed_id, self.difficulty, self.index, "attempt", attempt
        )


def orders(plan: Plan) -> tuple[Order, ...]:
    """Lay out a plan.

    Without given seeds, families take turns and each walks through the seeds that fit it best;
    with given seeds, the seeds take turns and each goes to the family that fits it best.

    Raises:
        UsageError: If a family, seed or difficulty is unknown.
    """
    families = [FAMILIES.get(name) for name in plan.families or FAMILIES.names()]
    _check_difficulties(plan, families)
    if plan.seeds:
        pairs = [(family, seed_id) for seed_id in plan.seeds for family in families_of(seed_id)[:1]]
        turns = [pairs[index % len(pairs)] for index in range(plan.count)]
        width = len(pairs)
    else:
        seeds = {family.name: sorted(family.seeds) for family in families}
        width = len(families)
        turns = []
        for index in range(plan.count):
            family, own = families[index % width], seeds[families[index % width].name]
            turns.append((family, own[index // width % len(own)]))
    return tuple(
        Order(
            index=index,
            family=family.name,
            seed_id=seed_id,
            difficulty=_difficulty(plan, family, index // width + index % width),
        )
        for index, (family, seed_id) in enumerate(turns)
    )


def _difficulty(plan: Plan, family: Family, turn: int) -> int:
    levels = plan.difficulties or tuple(range(family.levels))
    return levels[turn % len(levels)]


def _check_difficulties(plan: Plan, families: list[Family]) -> None:
    for family in families:
        for level in plan.difficulties:
            if not 0 <= level < family.levels:
                raise UsageError(
                    f"family {family.name!r} has difficulty 0 to {family.levels - 1}, not {level}"
                )
