"""GRPO written down token by token, as plainly as it can be: what the trainer must equal."""

from __future__ import annotations

import math
import statistics

from sandmle.training.trajectory import Trajectory


def advantages(rewards: list[float | None], group: int, *, scale: bool) -> list[float]:
    found = []
    for start in range(0, len(rewards), group):
        members = rewards[start : start + group]
        paid = [r for r in members if r is not None]
        for reward in members:
            if reward is None or len(paid) < 2:
                found.append(0.0)
                continue
            apart = reward - sum(paid) / len(paid)
            found.append(apart / (statistics.stdev(paid) + 1e-4) if scale else apart)
    return found


def token_losses(
    row: Trajectory, advantage: float, now: list[float], *, low: float, high: float
) -> list[float]:
    """The clipped losses of the model's own tokens."""
    losses = []
    for own, before, after in zip(row.own_T, row.logprobs_T, now, strict=True):
        if own:
            ratio = math.exp(after - before)
            clipped = min(max(ratio, 1 - low), 1 + high)
            losses.append(-min(ratio * advantage, clipped * advantage))
    return losses


def loss(
    rows: list[Trajectory],
    now: list[list[float]],
    *,
    group: int,
    scale: bool,
    aggregation: str,
    longest: int,
    low: float = 0.2,
    high: float = 0.28,
) -> float:
    each = [
        token_losses(row, advantage, logprobs, low=low, high=high)
        for row, advantage, logprobs in zip(
            rows, advantages([r.reward for r in rows], group, scale=scale), now, strict=True
        )
    ]
    total = sum(sum(losses) for losses in each)
    if aggregation == "seq-mean-token-mean":
        return sum(sum(losses) / max(len(losses), 1) for losses in each) / len(rows)
    if aggregation == "token-mean":
        return total / max(sum(len(losses) for losses in each), 1)
    return total / (len(rows) * longest)
