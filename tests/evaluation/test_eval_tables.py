"""Medal tables: closed cases, and what must hold of every table."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_episodes import OUTCOMES, made, run_of

from sandmle.core.errors import UsageError
from sandmle.evaluation import (
    RATES,
    family_of,
    medal_table,
    runs_table,
    runs_tables_by,
    tally,
)

COUNTING = [outcome for outcome in OUTCOMES if outcome != "masked"]
SAMPLES = st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=5)
RUNS = st.lists(SAMPLES, min_size=1, max_size=8).filter(
    lambda tasks: any(outcome != "masked" for samples in tasks for outcome in samples)
)
FAST = {"draws": 200}


def test_a_rate_is_the_mean_over_tasks_of_the_mean_over_samples():
    table = medal_table(run_of([["gold", "silver", "bronze", "valid"], ["median"]]))
    assert (table.tasks, table.samples) == (2, 5)
    assert (table.gold, table.silver, table.bronze) == (0.125, 0.125, 0.125)
    assert table.any_medal == 0.375
    assert table.above_median == (0.75 + 1) / 2
    assert table.valid == 1


def test_failures_of_the_agent_are_zeros_and_those_of_the_machine_are_left_out():
    table = medal_table(run_of([["gold", "nothing"], ["gold", "masked"], ["invalid"], ["masked"]]))
    assert (table.tasks, table.samples, table.masked, table.masked_tasks) == (3, 4, 2, 1)
    assert table.masked_share == pytest.approx(2 / 6)
    assert table.any_medal == (0.5 + 1 + 0) / 3
    assert table.valid == (0.5 + 1 + 0) / 3


def test_an_episode_out_of_time_counts_as_graded_though_training_masks_it():
    table = medal_table(run_of([["late"], ["late"]]))
    assert (table.bronze, table.timed_out, table.masked) == (1, 2, 0)
    assert (table.reward, table.reward_ci95) == (None, None)
    table = medal_table([made("a:1", "late"), made("a:1", "gold", replica=1, reward=0.25)])
    assert (table.samples, table.reward) == (2, 0.25)


def test_one_task_has_no_interval_and_tasks_that_agree_have_a_point():
    assert medal_table(run_of([["gold", "valid"]])).any_medal_ci95 is None
    table = medal_table(run_of([["gold", "valid"]] * 3))
    assert table.any_medal_ci95 == (0.5, 0.5)
    assert table.silver_ci95 == (0, 0)


@given(RUNS)
def test_rates_keep_their_order_and_medals_add_up(outcomes):
    table = medal_table(run_of(outcomes), **FAST)
    assert 0 <= table.any_medal <= table.above_median <= table.valid <= 1
    assert table.bronze + table.silver + table.gold == pytest.approx(table.any_medal)


@given(RUNS)
def test_an_interval_holds_its_estimate_and_stays_within_the_tasks_range(outcomes):
    table = medal_table(run_of(outcomes), **FAST)
    for name in (*RATES, "reward"):
        found, value = getattr(table, f"{name}_ci95"), getattr(table, name)
        if found is not None:
            assert found[0] - 1e-9 <= value <= found[1] + 1e-9
            assert -1e-9 <= found[0] <= found[1] <= 1 + 1e-9


@given(RUNS, st.randoms(use_true_random=False))
def test_the_order_of_episodes_does_not_matter(outcomes, shuffler: random.Random):
    episodes = run_of(outcomes)
    shuffled = shuffler.sample(episodes, len(episodes))
    assert medal_table(shuffled, **FAST) == medal_table(iter(episodes), **FAST)


@given(RUNS)
def test_more_masked_episodes_change_no_rate(outcomes):
    episodes = run_of(outcomes)
    more = [made(episode.task_id, "masked", replica=9) for episode in episodes]
    left_out = ("masked", "masked_share")
    first, second = (
        medal_table(found, **FAST).model_dump(exclude=set(left_out))
        for found in (episodes, [*episodes, *more])
    )
    assert first == second


@given(RUNS)
def test_the_same_run_twice_has_the_same_rates_and_no_error(outcomes):
    counts = tally(run_of(outcomes))
    once, twice = runs_table([counts], **FAST), runs_table([counts, counts], **FAST)
    assert (once.any_medal_sem, twice.any_medal_sem) == (None, 0)
    assert (twice.runs, twice.samples) == (2, 2 * once.samples)
    for name in RATES:
        assert getattr(once, name) == pytest.approx(getattr(twice, name))
        assert getattr(once, f"{name}_ci95") == pytest.approx(getattr(twice, f"{name}_ci95"))


def test_the_standard_error_is_over_runs():
    runs = [tally(run_of([["gold"]] * n + [["valid"]] * (4 - n))) for n in (1, 2, 3)]
    table = runs_table(runs)
    assert table.any_medal == 0.5
    assert table.any_medal_sem == pytest.approx(0.25 / 3**0.5)
    assert (table.tasks, table.samples, table.partial_tasks) == (4, 12, 0)


def test_tasks_that_not_all_runs_hold_are_counted_and_strangers_refused():
    both = [tally(run_of([["gold"], ["valid"]])), tally(run_of([["gold"]]))]
    assert runs_table(both).partial_tasks == 1
    assert runs_table(both).any_medal == 0.75
    strangers = [both[0], tally(run_of([["gold"]], family="testing/other-v1"))]
    with pytest.raises(UsageError, match="no task in common"):
        runs_table(strangers)


@pytest.mark.parametrize(
    ("episodes", "said"),
    [([], "no episode"), (run_of([["masked"], ["masked", "masked"]]), "all 3 episodes failed")],
)
def test_a_run_that_says_nothing_is_refused(episodes, said):
    with pytest.raises(UsageError, match=said):
        medal_table(episodes)


def test_too_few_draws_are_refused():
    with pytest.raises(UsageError, match="99 draws"):
        medal_table(run_of([["gold"], ["valid"]]), draws=99)


@given(RUNS, RUNS)
def test_tables_of_groups_are_those_of_their_tasks_alone(one, other):
    families = {"a/one-v1": one, "b/other-v2": other}
    parts = {name: run_of(outcomes, family=name) for name, outcomes in families.items()}
    whole = tally([episode for part in parts.values() for episode in part])
    tables = runs_tables_by([whole], family_of, **FAST)
    assert tables == {name: medal_table(part, **FAST) for name, part in parts.items()}
    assert sum(table.samples for table in tables.values()) == runs_table([whole], **FAST).samples


def test_a_group_without_a_sample_has_no_table():
    counts = tally([made("a/x-v1:1", "gold"), made("b/y-v1:1", "masked")])
    assert list(runs_tables_by([counts], family_of)) == ["a/x-v1"]


def test_the_family_is_what_stands_before_the_hash():
    assert family_of("tabular/price-v2:abc") == "tabular/price-v2"
    assert family_of("alone") == "alone"
