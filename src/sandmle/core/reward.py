"""The pay of one episode, term by term."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from sandmle.core.grade import Grade
from sandmle.core.record import Record


class Reward(Record):
    """Named terms and their sum."""

    terms: dict[str, float]

    @property
    def total(self) -> float:
        """The sum of the terms."""
        return math.fsum(self.terms.values())


class RewardFunction(Protocol):
    """Pays an episode.

    It sees a grade and facts that the host set; never text that an agent wrote or printed.
    """

    def __call__(self, grade: Grade | None, well_formed: Sequence[bool]) -> Reward:
        """Pay an episode.

        Args:
            grade: Grade of the submission that counts; None where nothing was submitted.
            well_formed: For each of the agent's turns, whether it had the required form.
        """
        ...
