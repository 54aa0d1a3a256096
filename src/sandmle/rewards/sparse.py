"""The paper's sparse ablation: a gold medal or nothing, next to the form."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.task import Medal
from sandmle.rewards import REWARDS
from sandmle.rewards._form import well_formed_share


@REWARDS.register("sparse")
def sparse(grade: Grade | None, well_formed: Sequence[bool]) -> Reward:
    """Pay 0.1 format + 0.9 gold; at most 1.

    Args:
        grade: Grade of the submission that counts; None where nothing was submitted.
        well_formed: For each of the agent's turns, whether it had the required form.
    """
    gold = grade is not None and grade.medal is Medal.GOLD
    return Reward(terms={"format": 0.1 * well_formed_share(well_formed), "gold": 0.9 * gold})
