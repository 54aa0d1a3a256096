"""Episodes with a given outcome and nothing else."""

from sandmle.core.episode import Episode
from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.task import Medal

OUTCOMES = ("gold", "silver", "bronze", "median", "valid", "invalid", "nothing", "masked", "late")
"""`late`: masked for its time in training, though its submission earned bronze."""
SCORED = {"gold": Medal.GOLD, "silver": Medal.SILVER, "bronze": Medal.BRONZE, "late": Medal.BRONZE}


def made(task_id, outcome, *, replica=0, reward=0.5):
    """Return an episode that came to this."""
    grade = None
    if outcome not in ("nothing", "masked"):
        grade = Grade(
            score=None if outcome == "invalid" else 1.0,
            medal=SCORED.get(outcome, Medal.NONE),
            above_median=outcome in SCORED or outcome == "median",
        )
    reason = {"masked": "infrastructure", "late": "total_time"}.get(outcome)
    return Episode(
        task_id=task_id,
        scaffold="react",
        policy="made",
        replica=replica,
        seed=replica,
        prompt=(),
        steps=(),
        stop_reason="infrastructure" if outcome == "masked" else "answered",
        grade=grade,
        reward=None if reason else Reward(terms={"made": reward}),
        mask_reason=reason,
    )


def run_of(outcomes, *, family="testing/made-v1"):
    """Return the episodes of a run: tasks 0, 1, ... with these outcomes each."""
    return [
        made(f"{family}:{task:04d}", outcome, replica=replica)
        for task, samples in enumerate(outcomes)
        for replica, outcome in enumerate(samples)
    ]
