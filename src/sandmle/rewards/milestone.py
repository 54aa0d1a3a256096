"""The paper's dense reward: every milestone that the grade has passed pays (arXiv 2604.04872)."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.task import Medal
from sandmle.rewards import REWARDS
from sandmle.rewards._form import well_formed_share


@REWARDS.register("milestone")
def milestone(grade: Grade | None, well_formed: Sequence[bool]) -> Reward:
    """Pay 0.1 format + 0.3 executed + 0.1 median + 0.2 bronze + 0.2 silver + 0.1 gold.

    `format` is the share of well-formed turns; `executed` means that the submission could be
    scored; `median` that it is strictly above the median or has a medal, since every bar of a task
    lies above its median; the medals add up. At most 1.

    Args:
        grade: Grade of the submission that counts; None where nothing was submitted.
        well_formed: For each of the agent's turns, whether it had the required form.
    """
    medal = Medal.NONE if grade is None else grade.medal
    passed = grade is not None and (grade.above_median or medal >= Medal.BRONZE)
    return Reward(
        terms={
            "format": 0.1 * well_formed_share(well_formed),
            "executed": 0.3 * (grade is not None and grade.valid),
            "median": 0.1 * passed,
            "bronze": 0.2 * (medal >= Medal.BRONZE),
            "silver": 0.2 * (medal >= Medal.SILVER),
            "gold": 0.1 * (medal >= Medal.GOLD),
        }
    )
