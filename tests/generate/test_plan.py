import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.generate import PAPER, UNIFORM, Plan, orders
from sandmle.seeds import seed_ids


@given(st.integers(1, 60), st.integers(0, 60))
def test_a_longer_plan_starts_with_the_orders_of_a_shorter_one(count, more):
    short, long = Plan(count=count), Plan(count=count + more)
    assert orders(long)[:count] == orders(short)
    assert long.extends(short)
    assert short.extends(long) is (more == 0)


def test_twelve_tasks_are_of_twelve_families_ten_seeds_and_all_levels():
    made = orders(Plan(count=12))
    assert len({order.family for order in made}) == min(12, len(FAMILIES.names()))
    assert len({order.seed_id for order in made}) >= 10
    assert {order.difficulty for order in made} == {0, 1, 2}


def test_every_family_meets_every_level():
    made = orders(Plan(count=4 * len(FAMILIES.names())))
    for name in FAMILIES:
        levels = {order.difficulty for order in made if order.family == name}
        assert levels == set(range(FAMILIES.get(name).levels))


def test_given_seeds_take_turns_and_go_to_families_that_stand_for_them():
    seeds = ("playground-series-s3e18", "paddy-disease-classification")
    made = orders(Plan(count=6, seeds=seeds))
    assert [order.seed_id for order in made] == list(seeds) * 3
    assert all(order.seed_id in FAMILIES.get(order.family).seeds for order in made)
    assert len({order.family for order in made}) > 2


def test_a_family_that_stands_for_no_given_seed_is_refused():
    plan = Plan(count=1, families=("text/morph-v2",), seeds=("paddy-disease-classification",))
    with pytest.raises(UsageError, match="no chosen family stands for"):
        orders(plan)


def test_all_tasks_of_a_seed_lie_on_one_side():
    sides = {}
    for order in orders(Plan(count=400)):
        sides.setdefault(order.seed_id, set()).add(order.split)
    assert all(len(split) == 1 for split in sides.values())
    assert {"validation"} in sides.values()


def test_given_families_and_levels_are_all_that_is_made():
    made = orders(Plan(count=5, families=("text/morph-v2",), difficulties=(1,)))
    assert {(order.family, order.difficulty) for order in made} == {("text/morph-v2", 1)}
    assert len({order.seed_id for order in made}) > 1


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"families": ("tabular/prise-v2",)}, "Did you mean 'tabular/price-v2'"),
        ({"seeds": ("playground-series-s3e19",)}, "Did you mean 'playground-series-s3e18'"),
        ({"difficulties": (7,)}, "difficulty 0 to 2, not 7"),
    ],
)
def test_unknown_names_and_levels_get_one_clear_error(wrong, hint):
    with pytest.raises(UsageError, match=hint):
        orders(Plan(count=1, **wrong))


def test_no_two_draws_share_a_seed():
    made = orders(Plan(count=30))
    seeds = {o.seed(root, attempt) for o in made for root in (0, 1) for attempt in range(3)}
    assert len(seeds) == 30 * 2 * 3


def test_a_folder_s_name_says_no_more_than_family_and_index():
    order = orders(Plan(count=1, families=("tabular/price-v2",)))[0]
    assert order.folder == "0000-tabular-price-v2"


@pytest.mark.parametrize("mix", [UNIFORM, PAPER], ids=lambda mix: mix.name)
def test_all_seeds_come_in_a_set_of_500(mix):
    made = orders(Plan(count=500, mix=mix))
    assert {order.seed_id for order in made} == set(seed_ids())
