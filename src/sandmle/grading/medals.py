"""MLE-bench's medal rule for a leaderboard of scores; pure functions.

A task of this project has bars of its own (`core.task.Thresholds`); this rule is for real boards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sandmle.core.task import Medal


@dataclass(frozen=True)
class MedalPositions:
    """Last place that still earns each medal, counted from 1."""

    gold: int
    silver: int
    bronze: int


def medal_positions(teams: int) -> MedalPositions:
    """Return the last place of each medal on a board of `teams` rows.

    Raises:
        ValueError: If there is no team.
    """
    if teams < 1:
        raise ValueError(f"a leaderboard of {teams} teams has no places; it takes at least 1")
    if teams < 100:
        return MedalPositions(
            gold=max(1, teams // 10), silver=max(1, teams // 5), bronze=max(1, 2 * teams // 5)
        )
    if teams < 250:
        return MedalPositions(gold=10, silver=teams // 5, bronze=2 * teams // 5)
    gold = 10 + teams // 500
    if teams < 1000:
        return MedalPositions(gold=gold, silver=50, bronze=100)
    return MedalPositions(gold=gold, silver=teams // 20, bronze=teams // 10)


@dataclass(frozen=True)
class LeaderboardBars:
    """Scores that a real board asks for; unlike a task's thresholds, they may be equal."""

    median: float
    bronze: float
    silver: float
    gold: float
    higher_is_better: bool

    def medal(self, score: float | None) -> Medal:
        """Return the best medal that `score` reaches; a tie with a bar reaches it."""
        if score is None or math.isnan(score):
            return Medal.NONE
        bars = ((self.gold, Medal.GOLD), (self.silver, Medal.SILVER), (self.bronze, Medal.BRONZE))
        for bar, medal in bars:
            if score == bar or self._better(score, bar):
                return medal
        return Medal.NONE

    def above_median(self, score: float | None) -> bool:
        """Say whether `score` beats the median; strictly, a tie does not."""
        return score is not None and not math.isnan(score) and self._better(score, self.median)

    def _better(self, score: float, other: float) -> bool:
        return score > other if self.higher_is_better else score < other


def leaderboard_bars(scores: Sequence[float], *, higher_is_better: bool) -> LeaderboardBars:
    """Read the bars off a leaderboard, whose rows may come in any order.

    The direction is asked for; MLE-bench guesses it from the first and last row.

    Raises:
        ValueError: If the board is empty or holds NaN.
    """
    if any(math.isnan(score) for score in scores):
        raise ValueError("the leaderboard holds NaN; drop rows without a score")
    places = medal_positions(len(scores))
    board = sorted(scores, reverse=higher_is_better)
    return LeaderboardBars(
        median=median(board),
        bronze=board[places.bronze - 1],
        silver=board[places.silver - 1],
        gold=board[places.gold - 1],
        higher_is_better=higher_is_better,
    )
