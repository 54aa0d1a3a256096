"""What an expert is like: how far it follows evidence, whether it looks, errs, checks, goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sandmle.experts._slips import SLIPS, Slip

Name = Literal["follows", "mixed", "guesses"]

FAITH: dict[Name, float] = {"follows": 1.0, "mixed": 0.5, "guesses": 0.0}
"""Share of the steps in which it takes what the evidence speaks for; a third of experts each."""

LOOKS, SLIPS_UP, CHECKS, GOES_ON = 0.88, 0.15, 0.35, 0.6
"""How often an expert looks first; errs in its first program; measures what it wrote; and having
measured it, tries a second program."""


@dataclass(frozen=True)
class Manner:
    """One expert."""

    name: Name
    looks: bool
    slip: Slip | None
    """The mistake in its first program, where the program has a place for it."""
    checks: bool
    goes_on: bool

    @property
    def faith(self) -> float:
        """Share of the steps in which it takes what the evidence speaks for."""
        return FAITH[self.name]


def draw_manner(rng: np.random.Generator) -> Manner:
    """Draw an expert."""
    names = tuple(FAITH)
    name = names[int(rng.integers(len(names)))]
    looks, slips, checks, goes_on = rng.random(4) < (LOOKS, SLIPS_UP, CHECKS, GOES_ON)
    slip = SLIPS[int(rng.integers(len(SLIPS)))] if slips else None
    return Manner(name, bool(looks), slip, checks=bool(checks), goes_on=bool(goes_on))
