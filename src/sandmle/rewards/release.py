"""The dense reward of the paper's public release, which differs from the paper's own."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.task import Medal
from sandmle.rewards import REWARDS
from sandmle.rewards._form import well_formed_share

_PAY = {Medal.BRONZE: 0.5, Medal.SILVER: 0.6, Medal.GOLD: 0.7}
_MEDIAN_PAY = 0.1


@REWARDS.register("release")
def release(grade: Grade | None, well_formed: Sequence[bool]) -> Reward:
    """Pay 0.1 format + 0.2 valid + the best of 0.1 median, 0.5 bronze, 0.6 silver, 0.7 gold.

    Only the best placing pays, under the name `placing`. At most 1.

    Args:
        grade: Grade of the submission that counts; None where nothing was submitted.
        well_formed: For each of the agent's turns, whether it had the required form.
    """
    medal = Medal.NONE if grade is None else grade.medal
    above_median = grade is not None and grade.above_median
    return Reward(
        terms={
            "format": 0.1 * well_formed_share(well_formed),
            "valid": 0.2 * (grade is not None and grade.valid),
            "placing": _PAY.get(medal, _MEDIAN_PAY * above_median),
        }
    )
