"""The procedural author: one file, one task family; needs no model and no key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sandmle.authors.procedural._family import Family, Fit
from sandmle.core.draft import TaskDraft
from sandmle.core.registry import Registry
from sandmle.seeds.dna import TaskDNA

FAMILIES: Registry[Family] = Registry("family", "sandmle.authors.procedural")

__all__ = ["FAMILIES", "Family", "Fit", "family_for", "rebuild"]


def family_for(dna: TaskDNA, families: Sequence[Family] | None = None) -> tuple[Family, float]:
    """Return the family that fits the DNA best, and how well, in [0, 1]; ties go to the first.

    Args:
        dna: What is to be made.
        families: Those to choose from; all by default, in the order of their names.
    """
    choice = [FAMILIES.get(name) for name in FAMILIES] if families is None else families
    best = max(choice, key=lambda family: family.fit.score(dna))
    return best, best.fit.score(dna)


def rebuild(recipe: Mapping[str, Any]) -> TaskDraft:
    """Make the draft again that left this recipe.

    Raises:
        UsageError: If the family is unknown.
    """
    family = FAMILIES.get(recipe["family"])
    dna = TaskDNA.model_validate(recipe["dna"])
    return family.draft(dna, int(recipe["seed"]), difficulty=recipe["difficulty"])
