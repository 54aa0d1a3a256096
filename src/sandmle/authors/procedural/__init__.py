"""The procedural author: one file, one task family; needs no model and no key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandmle.authors.procedural._family import Family, Profile
from sandmle.core.draft import TaskDraft
from sandmle.core.registry import Registry
from sandmle.seeds.dna import TaskDNA

FAMILIES: Registry[Family] = Registry("family", "sandmle.authors.procedural")

__all__ = ["FAMILIES", "Family", "Profile", "families_of", "rebuild"]


def families_of(seed_id: str) -> tuple[Family, ...]:
    """Return the families that stand for a seed competition, in the order of their names."""
    every = [FAMILIES.get(name) for name in FAMILIES.names()]
    return tuple(family for family in every if seed_id in family.seeds)


def rebuild(recipe: Mapping[str, Any]) -> TaskDraft:
    """Make the draft again that left this recipe.

    Raises:
        UsageError: If the family is unknown.
    """
    family = FAMILIES.get(recipe["family"])
    dna = TaskDNA.model_validate(recipe["dna"])
    train, test = recipe.get("sizes", (1.0, 1.0))
    return family.draft(
        dna, int(recipe["seed"]), difficulty=recipe["difficulty"], train=train, test=test
    )
