"""Paired comparisons of two policies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_episodes import OUTCOMES, made, run_of

from sandmle.core.errors import UsageError
from sandmle.evaluation import RATES, compare_runs, compare_runs_by, family_of, tally

COUNTING = [outcome for outcome in OUTCOMES if outcome not in ("masked", "late")]
PAIRS = st.lists(
    st.tuples(*2 * [st.lists(st.sampled_from(COUNTING), min_size=1, max_size=3)]),
    min_size=1,
    max_size=8,
)


def compared(pairs, **options):
    a, b = (tally(run_of([pair[side] for pair in pairs])) for side in (0, 1))
    return compare_runs([a], [b], **{"draws": 200, **options})


def test_a_closed_case():
    found = compared([(["valid"], ["gold"])] * 3 + [(["silver"], ["silver"])] * 3, draws=10_000)
    medals = found.rates["any_medal"]
    assert (medals.a, medals.b, medals.difference) == (0.5, 1, 0.5)
    assert (medals.better, medals.equal, medals.worse) == (0.5, 0.5, 0)
    assert medals.p == 2 / 8
    assert medals.ci95 == pytest.approx((1 / 6, 5 / 6))
    assert found.any_medal_relative == 1
    assert found.rates["gold"].difference == 0.5
    assert (found.tasks, found.samples_a, found.samples_b) == (6, 6, 6)


@given(PAIRS)
def test_a_run_differs_from_itself_in_nothing(pairs):
    found = compared([(first, first) for first, _ in pairs])
    for rate in found.rates.values():
        assert (rate.difference, rate.p, rate.equal) == (0, 1, 1)
        assert rate.ci95 == (None if found.tasks == 1 else (0, 0))
    if found.any_medal_relative is not None:
        assert found.any_medal_relative == 0


@given(PAIRS)
def test_exchanging_the_runs_turns_the_signs(pairs):
    there, back = compared(pairs), compared([(b, a) for a, b in pairs])
    for name in RATES:
        one, other = there.rates[name], back.rates[name]
        assert one.difference == pytest.approx(-other.difference)
        assert (one.better, one.worse, one.p) == (other.worse, other.better, other.p)
        if one.ci95 is not None:
            low, high = other.ci95
            # points of a finite sample: from the other side the same up to one draw
            assert one.ci95 == pytest.approx((-high, -low), abs=0.25)


@given(PAIRS)
def test_bounds(pairs):
    found = compared(pairs)
    for name in RATES:
        rate = found.rates[name]
        assert rate.difference == pytest.approx(rate.b - rate.a)
        assert -1 <= rate.difference <= 1
        assert rate.better + rate.equal + rate.worse == pytest.approx(1)
        if rate.ci95 is not None:
            low, high = rate.ci95
            assert low - 1e-9 <= rate.difference <= high + 1e-9
    change = found.any_medal_relative
    assert (change is None) == (found.rates["any_medal"].a == 0)
    if found.any_medal_relative_ci95 is not None:
        assert found.any_medal_relative_ci95[0] - 1e-9 <= change


def test_the_relative_change_has_no_interval_where_a_often_earns_nothing():
    rare = compared([(["gold"], ["gold"])] + [(["valid"], ["gold"])] * 5)
    assert rare.any_medal_relative == pytest.approx(5)
    assert rare.any_medal_relative_ci95 is None
    often = compared([(["gold", "valid"], ["gold"])] * 5 + [(["gold"], ["gold"])] * 5)
    low, high = often.any_medal_relative_ci95
    assert often.any_medal_relative == pytest.approx(1 / 0.75 - 1)
    assert 0 < low < often.any_medal_relative < high < 1


def test_pairing_narrows_the_interval():
    rng = np.random.default_rng(0)
    first = [["gold"] if rng.random() < 0.5 else ["valid"] for _ in range(40)]
    second = [["gold"] if number < 4 else outcome for number, outcome in enumerate(first)]
    paired = compared(list(zip(first, second, strict=True)), draws=2000).rates["any_medal"].ci95
    apart = compared(list(zip(first, second[::-1], strict=True)), draws=2000)
    low, high = apart.rates["any_medal"].ci95
    assert paired[1] - paired[0] < 0.7 * (high - low)


def test_tasks_of_one_run_alone_are_named_and_left_out():
    a = tally([*run_of([["gold"], ["valid"]]), made("x:a", "gold"), made("x:both", "masked")])
    b = tally([*run_of([["gold"], ["gold"]]), made("x:b", "valid"), made("x:both", "gold")])
    found = compare_runs([a], [b])
    assert (found.only_in_a, found.only_in_b) == (["x:a"], ["x:b", "x:both"])
    assert (found.tasks, found.masked_a, found.masked_b) == (2, 1, 0)
    assert found.rates["any_medal"].a == 0.5


def test_without_a_common_task_there_is_nothing_to_compare():
    with pytest.raises(UsageError, match="no task is in both: 1 tasks in A"):
        compare_runs([tally([made("x:a", "gold")])], [tally([made("x:b", "gold")])])
    with pytest.raises(UsageError, match="failed for infrastructure"):
        compare_runs([tally([made("x:a", "gold")])], [tally([made("x:a", "masked")])])


def test_a_pair_without_pay_on_one_side_is_left_out_of_the_reward():
    a = tally([made("x:a", "late"), made("x:b", "gold", reward=0.25)])
    b = tally([made("x:a", "gold", reward=9.0), made("x:b", "gold", reward=0.75)])
    reward = compare_runs([a], [b]).rates["reward"]
    assert (reward.difference, reward.tasks, reward.ci95) == (0.5, 1, None)
    assert "reward" not in compare_runs([tally([made("x:a", "late")])], [b]).rates


def test_several_runs_of_a_policy_are_averaged_by_task():
    runs = [tally(run_of([["gold"], [outcome]])) for outcome in ("gold", "valid", "valid")]
    found = compare_runs(runs, [tally(run_of([["gold"], ["gold"]]))])
    assert (found.runs_a, found.runs_b, found.samples_a) == (3, 1, 6)
    assert found.rates["any_medal"].a == pytest.approx(2 / 3)


def test_groups_are_compared_alone_and_only_where_both_played():
    a = tally([made("f/a-v1:1", "gold"), made("f/b-v1:1", "valid"), made("f/c-v1:1", "gold")])
    b = tally([made("f/a-v1:1", "valid"), made("f/b-v1:1", "gold"), made("f/d-v1:1", "gold")])
    found = compare_runs_by([a], [b], family_of)
    gains = {name: part.rates["any_medal"].difference for name, part in found.items()}
    assert gains == {"f/a-v1": -1, "f/b-v1": 1}
