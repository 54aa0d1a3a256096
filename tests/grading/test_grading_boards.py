"""MLE-bench's medals and MLE-Dojo's HumanRank: tables, ties and order."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sandmle.seeds
from sandmle.core.task import Medal
from sandmle.grading.human_rank import board_rank, human_rank
from sandmle.grading.medals import (
    LeaderboardBars,
    MedalPositions,
    leaderboard_bars,
    medal_positions,
)

boards = st.lists(st.integers(-20, 20).map(float), min_size=1, max_size=300)
scores = st.integers(-25, 25).map(float)


@pytest.mark.parametrize(
    ("teams", "gold", "silver", "bronze"),
    [
        (1, 1, 1, 1),
        (9, 1, 1, 3),
        (10, 1, 2, 4),
        (99, 9, 19, 39),
        (100, 10, 20, 40),
        (249, 10, 49, 99),
        (250, 10, 50, 100),
        (500, 11, 50, 100),
        (999, 11, 50, 100),
        (1000, 12, 50, 100),
        (1999, 13, 99, 199),
        (5558, 21, 277, 555),
    ],
)
def test_medal_places_follow_the_table_of_mle_bench(teams, gold, silver, bronze):
    assert medal_positions(teams) == MedalPositions(gold, silver, bronze)


@given(st.integers(1, 100_000))
def test_medal_places_equal_the_published_float_arithmetic(teams):
    places = medal_positions(teams)
    if teams < 100:
        expected = [max(1, int(teams * share)) for share in (0.1, 0.2, 0.4)]
    elif teams < 250:
        expected = [10, int(teams * 0.2), int(teams * 0.4)]
    elif teams < 1000:
        expected = [10 + int(teams * 0.002), 50, 100]
    else:
        expected = [10 + int(teams * 0.002), int(teams * 0.05), int(teams * 0.1)]
    assert [places.gold, places.silver, places.bronze] == expected
    assert 1 <= places.gold <= places.silver <= places.bronze <= teams


@given(boards, st.booleans())
def test_bars_are_the_scores_at_the_places_and_their_holders_get_the_medal(board, higher):
    bars = leaderboard_bars(board, higher_is_better=higher)
    ranked = sorted(board, reverse=higher)
    places = medal_positions(len(board))
    assert bars.medal(ranked[0]) is Medal.GOLD
    for place, least in ((places.gold, 3), (places.silver, 2), (places.bronze, 1)):
        assert bars.medal(ranked[place - 1]) >= least
    assert bars == leaderboard_bars(board[::-1], higher_is_better=higher)


@given(boards, scores, scores, st.booleans())
def test_a_better_score_never_gets_a_worse_medal_or_rank(board, first, second, higher):
    worse, better = sorted((first, second), reverse=not higher)
    bars = leaderboard_bars(board, higher_is_better=higher)
    assert bars.medal(worse) <= bars.medal(better)
    assert bars.above_median(worse) <= bars.above_median(better)
    ranks = [board_rank(s, board, higher_is_better=higher) for s in (worse, better)]
    assert ranks[0] <= ranks[1]


def test_a_tie_earns_the_medal_but_is_not_above_the_median():
    bars = LeaderboardBars(median=0.5, bronze=0.6, silver=0.6, gold=0.7, higher_is_better=True)
    assert [bars.medal(s) for s in (0.5, 0.6, 0.7)] == [Medal.NONE, Medal.SILVER, Medal.GOLD]
    assert not bars.above_median(0.5)
    assert bars.above_median(0.5 + 1e-12)


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_no_score_earns_nothing(nothing):
    bars = leaderboard_bars([1.0, 2.0], higher_is_better=False)
    assert bars.medal(nothing) is Medal.NONE
    assert not bars.above_median(nothing)
    assert board_rank(nothing, [1.0, 2.0], higher_is_better=True) == 0.0


def test_the_median_of_an_even_board_lies_between_its_middle_scores():
    assert leaderboard_bars([4.0, 1.0, 2.0, 8.0], higher_is_better=True).median == 3.0


def test_a_board_without_teams_or_with_nan_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        leaderboard_bars([], higher_is_better=True)
    with pytest.raises(ValueError, match="NaN"):
        leaderboard_bars([1.0, math.nan], higher_is_better=True)


def test_the_bars_of_real_boards_keep_their_order():
    catalogue = json.loads((Path(sandmle.seeds.__file__).parent / "catalogue.json").read_text())
    seen = 0
    for record in catalogue["competitions"]:
        board = record["leaderboard"]
        higher = not record["is_lower_better"]
        bars = LeaderboardBars(
            *(board[f"{bar}_threshold"] for bar in ("median", "bronze", "silver", "gold")), higher
        )
        assert bars.medal(board["best"]) is Medal.GOLD, record["id"]
        assert bars.medal(board["gold_threshold"]) is Medal.GOLD, record["id"]
        assert bars.medal(board["silver_threshold"]) >= Medal.SILVER, record["id"]
        assert bars.medal(board["bronze_threshold"]) >= Medal.BRONZE, record["id"]
        assert not bars.above_median(board["median_threshold"]), record["id"]
        seen += 1
    assert seen == 82


@pytest.mark.parametrize(
    ("score", "rank"),
    [(9.0, 1.0), (5.0, 1.0), (4.0, 0.8), (3.0, 0.8), (2.0, 0.4), (1.0, 0.2), (0.5, 0.0)],
)  # fmt: skip
def test_board_rank_takes_the_best_of_the_tied_places(score, rank):
    assert board_rank(score, [5.0, 3.0, 3.0, 2.0, 1.0], higher_is_better=True) == pytest.approx(
        rank
    )


def slow_rank(score, board, higher):
    ranked = sorted(board, reverse=higher)
    reached = [i for i, s in enumerate(ranked, 1) if (score >= s if higher else score <= s)]
    position = reached[0] if reached else len(board) + 1
    return (len(board) - position + 1) / len(board)


@given(boards, scores, st.booleans())
def test_board_rank_equals_the_published_loop(board, score, higher):
    expected = slow_rank(score, board, higher)
    assert board_rank(score, board, higher_is_better=higher) == pytest.approx(expected)


def test_human_rank_is_the_mean_over_the_boards_that_exist():
    private, public = [3.0, 2.0, 1.0], [4.0, 2.0]
    assert human_rank(2.0, [private, public], higher_is_better=True) == pytest.approx(
        (2 / 3 + 1 / 2) / 2
    )
    assert human_rank(2.0, [private, []], higher_is_better=True) == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="at least one leaderboard"):
        human_rank(2.0, [[]], higher_is_better=True)
    with pytest.raises(ValueError, match="empty leaderboard"):
        board_rank(2.0, [], higher_is_better=True)
