"""HumanRank: the share of a human leaderboard that a score is not behind; pure functions.

As MLE-Dojo's code computes it (`position_score`), which is one rank kinder than 1 - position / n.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def board_rank(score: float | None, board: Sequence[float], *, higher_is_better: bool) -> float:
    """Return (n - position + 1) / n on a board of n scores, in [0, 1].

    The position is the first place, counted from the best, whose score is matched or beaten, so a
    tie takes the best of the tied places; a score behind all of them, None and NaN get 0.

    Args:
        score: The score to place.
        board: Scores of the board, in any order.
        higher_is_better: Direction of the metric.

    Raises:
        ValueError: If the board is empty.
    """
    if not board:
        raise ValueError("an empty leaderboard ranks nothing; leave it out")
    if score is None or math.isnan(score):
        return 0.0
    ahead = sum(other > score if higher_is_better else other < score for other in board)
    return (len(board) - ahead) / len(board)


def human_rank(
    score: float | None, boards: Sequence[Sequence[float]], *, higher_is_better: bool
) -> float:
    """Return the mean rank over the boards that exist: usually the private and the public one.

    Raises:
        ValueError: If no board holds a score.
    """
    ranks = [board_rank(score, b, higher_is_better=higher_is_better) for b in boards if b]
    if not ranks:
        raise ValueError("HumanRank takes at least one leaderboard that holds a score")
    return sum(ranks) / len(ranks)
