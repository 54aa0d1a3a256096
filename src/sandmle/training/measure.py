"""What a step came to: rates of its episodes, means of its updates, and where its time went."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np

from sandmle.core.episode import Episode
from sandmle.evaluation import medal_table
from sandmle.training.groups import signal_G
from sandmle.training.metrics_log import StepMetrics
from sandmle.training.sampling import TrainedModel


class Clock:
    """Splits a step's wall time: sampling, code, grading, update, and the rest.

    Episodes go on side by side, so their own times add up to more than the wall time: what is left
    of a round beside sampling is dealt out in proportion to them.

    Args:
        model: What is sampled from.
    """

    def __init__(self, model: TrainedModel) -> None:
        self._model = model
        self._sampled = model.sampling_seconds
        self._began = time.monotonic()
        self._split: dict[str, float] = {}
        self._updating = self._began

    def played(self, episodes: Sequence[Episode]) -> None:
        """Take note that the round's episodes have ended and the update begins."""
        self._updating = time.monotonic()
        model = self._model.sampling_seconds - self._sampled
        left = max(0.0, self._updating - self._began - model)
        parts = {
            "sandbox_seconds": sum(e.timings.sandbox for e in episodes),
            "grading_seconds": sum(e.timings.grading for e in episodes),
            "other_seconds": sum(e.timings.other for e in episodes),
        }
        total = sum(parts.values()) or 1.0
        self._split = {name: left * part / total for name, part in parts.items()}
        self._split["model_seconds"] = model

    def stop(self) -> dict[str, float]:
        """Return the split; the update ends now."""
        return self._split | {"update_seconds": time.monotonic() - self._updating}


def measure(
    step: int,
    groups: Sequence[Sequence[Episode]],
    *,
    means: Mapping[str, float],
    clock: Clock,
    shares: Mapping[str, float],
    before: float,
) -> StepMetrics:
    """Put a step's metrics together.

    Args:
        step: Its number, from 1.
        groups: Its episodes, task by task.
        means: What the trainer logged: loss, grad_norm, entropy, ratio, clipped.
        clock: Its times.
        shares: What was drawn; see `TaskSampler.shares`.
        before: Wall time of the steps before.
    """
    episodes = [episode for group in groups for episode in group]
    table = medal_table(episodes)
    turns = [turn for episode in episodes for turn in episode.steps]
    rewards_GN = np.array(
        [[np.nan if e.reward is None else e.reward.total for e in group] for group in groups]
    )
    split = clock.stop()
    return StepMetrics(
        step=step,
        seconds=before + sum(split.values()),
        reward=table.reward,
        valid=table.valid,
        above_median=table.above_median,
        bronze=table.bronze,
        silver=table.silver,
        gold=table.gold,
        any_medal=table.any_medal,
        masked=sum(episode.masked for episode in episodes) / len(episodes),
        signal=float(signal_G(rewards_GN).mean()),
        turns=len(turns) / len(episodes),
        tokens=sum(turn.usage.completion_tokens for turn in turns),
        well_formed=sum(turn.well_formed for turn in turns) / max(1, len(turns)),
        shares=dict(shares),
        loss=means["loss"],
        grad_norm=means["grad_norm"],
        entropy=means["entropy"],
        ratio=means["ratio"],
        clipped=means["clipped"],
        model_seconds=split["model_seconds"],
        sandbox_seconds=split["sandbox_seconds"],
        grading_seconds=split["grading_seconds"],
        update_seconds=split["update_seconds"],
        other_seconds=split["other_seconds"],
    )
