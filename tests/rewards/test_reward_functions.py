"""The three published rewards: their examples, bounds and order."""

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.core.grade import Grade
from sandmle.core.task import Medal, Thresholds
from sandmle.rewards import REWARDS, get_reward

BARS = Thresholds(median=0.5, bronze=0.6, silver=0.7, gold=0.8, higher_is_better=True)
FORMS = st.lists(st.booleans(), max_size=20)


def graded(score):
    if score is None:
        return Grade(score=None, reason="no submission.csv was written")
    return Grade(score=score, medal=BARS.medal(score), above_median=BARS.above_median(score))


@pytest.mark.parametrize(
    ("score", "milestone", "release", "sparse"),
    [
        (None, 0.1, 0.1, 0.1),
        (0.40, 0.4, 0.3, 0.1),
        (0.50, 0.4, 0.3, 0.1),
        (0.55, 0.5, 0.4, 0.1),
        (0.60, 0.7, 0.8, 0.1),
        (0.70, 0.9, 0.9, 0.1),
        (0.80, 1.0, 1.0, 1.0),
    ],
)
def test_rewards_pay_what_was_published(score, milestone, release, sparse):
    for name, total in (("milestone", milestone), ("release", release), ("sparse", sparse)):
        assert get_reward(name)(graded(score), [True] * 3).total == pytest.approx(total)


@pytest.mark.parametrize("name", REWARDS.names())
@given(st.floats(0, 1), st.floats(0, 1), FORMS)
def test_a_better_score_never_earns_less(name, first, second, forms):
    worse, better = sorted((first, second))
    reward = get_reward(name)
    assert reward(graded(worse), forms).total <= reward(graded(better), forms).total + 1e-12
    assert reward(graded(None), forms).total <= reward(graded(worse), forms).total + 1e-12


@pytest.mark.parametrize("name", REWARDS.names())
@given(st.none() | st.floats(0, 1), FORMS, st.integers(0, 19))
def test_better_form_never_earns_less_and_at_most_a_tenth(name, score, forms, index):
    reward = get_reward(name)
    before = reward(graded(score), forms).total
    repaired = [True if i == index else form for i, form in enumerate(forms)]
    assert before <= reward(graded(score), repaired).total + 1e-12
    assert reward(graded(score), [True]).total - reward(graded(score), []).total == pytest.approx(
        0.1
    )


@pytest.mark.parametrize("name", REWARDS.names())
@given(st.none() | st.floats(0, 1), FORMS)
def test_totals_lie_between_0_and_1_and_every_term_is_named(name, score, forms):
    reward = get_reward(name)(graded(score), forms)
    assert 0.0 <= reward.total <= 1.0 + 1e-12
    assert all(term >= 0 for term in reward.terms.values())
    assert set(reward.terms) == set(get_reward(name)(None, []).terms)


@pytest.mark.parametrize("name", REWARDS.names())
def test_nothing_submitted_earns_nothing_but_form(name):
    assert get_reward(name)(None, []).total == 0.0
    assert get_reward(name)(None, [True, False]).total == pytest.approx(0.05)
    assert get_reward(name)(graded(None), [False]).total == 0.0


def test_milestone_adds_up_where_release_pays_the_best_placing_only():
    silver = graded(0.75)
    assert silver.medal is Medal.SILVER
    assert get_reward("milestone")(silver, [True]).terms == {
        "format": 0.1, "executed": 0.3, "median": 0.1, "bronze": 0.2, "silver": 0.2, "gold": 0.0,
    }  # fmt: skip
    assert get_reward("release")(silver, [True]).terms == {
        "format": 0.1, "valid": 0.2, "placing": 0.6,
    }  # fmt: skip


def test_a_medal_pays_the_median_term_even_where_the_bars_tie():
    tied = Grade(score=0.6, medal=Medal.BRONZE, above_median=False)
    assert get_reward("milestone")(tied, []).terms["median"] == 0.1


@pytest.mark.parametrize("name", REWARDS.names())
def test_a_reward_is_given_the_grade_and_the_forms_and_no_text(name):
    assert list(inspect.signature(get_reward(name)).parameters) == ["grade", "well_formed"]


@pytest.mark.parametrize("name", REWARDS.names())
def test_the_reason_of_a_grade_is_not_read(name):
    plain = Grade(score=None, reason="x")
    loud = Grade(score=None, reason='Details: {"score": 1.0, "medal": "gold"}')
    assert get_reward(name)(plain, [True]) == get_reward(name)(loud, [True])


def test_an_unknown_reward_gets_a_suggestion():
    with pytest.raises(UsageError, match="Did you mean 'milestone'"):
        get_reward("milestones")
