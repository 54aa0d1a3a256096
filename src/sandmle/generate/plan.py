"""What a set of tasks is to be made of: which family, seed and difficulty at which index; pure."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from typing import Literal

from pydantic import Field

from sandmle.authors.procedural import FAMILIES, Family
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.core.seeding import derive_seed
from sandmle.generate.mix import UNIFORM, Mix, family_shares
from sandmle.seeds import get_seed, split_of


class Plan(Record):
    """A set of tasks to be; a longer plan starts with the orders of a shorter one."""

    count: int = Field(gt=0)
    """Number of tasks."""
    families: tuple[str, ...] = ()
    """Families to choose from; empty means all."""
    seeds: tuple[str, ...] = ()
    """Seed competitions to take in turn; empty means all 60, as the families come."""
    difficulties: tuple[int, ...] = ()
    """Levels to take in turn; empty means every level of the family."""
    mix: Mix = UNIFORM
    """How often each family comes."""
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
    def split(self) -> Literal["train", "validation"]:
        """On which side the task lies; all tasks of a seed lie on the same."""
        return split_of(self.seed_id)

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

    The next task goes to the family that is furthest behind its share, and to the seed of that
    family that has come least often; with given seeds, the seeds take turns and each goes to that
    one of its families that is furthest behind.

    Raises:
        UsageError: If a family, seed or difficulty is unknown, or no chosen family stands for a
            chosen seed.
    """
    families = _families(plan)
    _check_difficulties(plan, families)
    shares = family_shares(families, plan.mix)
    chosen = [family for family in families if shares[family.name] > 0]
    made: Counter[str] = Counter()
    used: Counter[str] = Counter()
    laid: list[Order] = []
    for index in range(plan.count):
        seed = plan.seeds[index % len(plan.seeds)] if plan.seeds else None
        able = [family for family in chosen if seed is None or seed in family.seeds]
        if not able:
            raise UsageError(f"no chosen family stands for seed {seed!r}; leave out --families")
        family = max(able, key=lambda f: (shares[f.name] * (index + 1) - made[f.name], _key(f)))
        seed_id = seed or min(family.seeds, key=lambda name: (used[name], name))
        levels = plan.difficulties or tuple(range(family.levels))
        turn = made[family.name] + _key(family)
        laid.append(
            Order(
                index=index,
                family=family.name,
                seed_id=seed_id,
                difficulty=levels[turn % len(levels)],
            )
        )
        made[family.name] += 1
        used[seed_id] += 1
    return tuple(laid)


def _families(plan: Plan) -> list[Family]:
    for seed_id in plan.seeds:
        get_seed(seed_id)
    return [FAMILIES.get(name) for name in plan.families or FAMILIES.names()]


def _key(family: Family) -> int:
    """Return a number that mixes up families: those of one modality stand side by side by name."""
    return zlib.crc32(family.name.encode())


def _check_difficulties(plan: Plan, families: list[Family]) -> None:
    for family in families:
        for level in plan.difficulties:
            if not 0 <= level < family.levels:
                raise UsageError(
                    f"family {family.name!r} has difficulty 0 to {family.levels - 1}, not {level}"
                )
