"""Which episodes are paid, which earn nothing, and which are left out of the loss."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.episode import MaskReason, Step, StopReason
from sandmle.core.reward import Reward
from sandmle.rollout.settings import RolloutSettings


def timed_out(
    stop_reason: StopReason, steps: Sequence[Step], *, tool_time_share: float
) -> MaskReason | None:
    """Say in which way an episode ran out of time, or None.

    Args:
        stop_reason: How it ended.
        steps: Its steps.
        tool_time_share: The share of code runs that may be stopped for time, in [0, 1].
    """
    if stop_reason == "total_time":
        return "total_time"
    runs = [step.execution for step in steps if step.execution is not None]
    stopped = sum(run.killed_by == "time" for run in runs)
    return "tool_time" if runs and stopped / len(runs) > tool_time_share else None


def settle(
    reward: Reward, stop_reason: StopReason, steps: Sequence[Step], *, settings: RolloutSettings
) -> tuple[Reward | None, MaskReason | None]:
    """Return what an episode is paid after the rule for time-outs, or why it is masked.

    Args:
        reward: What its grade and form are worth.
        stop_reason: How it ended.
        steps: Its steps.
        settings: `time_outs` and `tool_time_share`.
    """
    if settings.time_outs == "pay":
        return reward, None
    reason = timed_out(stop_reason, steps, tool_time_share=settings.tool_time_share)
    if reason is None:
        return reward, None
    if settings.time_outs == "mask":
        return None, reason
    return Reward(terms=dict.fromkeys(reward.terms, 0.0)), None
