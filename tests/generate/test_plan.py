import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.generate import Plan, orders
from sandmle.seeds import seed_ids


@given(st.integers(1, 60), st.integers(0, 60))
def test_a_longer_plan_starts_with_the_orders_of_a_shorter_one(count, more):
    short, long = Plan(count=count), Plan(count=count + more)
    assert orders(long)[:count] == orders(short)
    assert long.extends(short)
    assert short.extends(long) is (more == 0)


def test_twelve_tasks_span_all_families_ten_seeds_and_all_levels():
    made = orders(Plan(count=12))
    assert {order.family for order in made} == set(FAMILIES.names())
    assert len({order.seed_id for order in made}) >= 10
    assert {order.difficulty for order in made} == {0, 1, 2}


def test_every_family_meets_every_level():
    made = orders(Plan(count=3 * len(FAMILIES.names())))
    for name in FAMILIES:
        levels = {order.difficulty for order in made if order.family == name}
        assert levels == set(range(FAMILIES.get(name).levels))


def test_given_seeds_take_turns_and_go_to_the_family_that_fits():
    seeds = ("playground-series-s3e18", "alaska2-image-steganalysis")
    made = orders(Plan(count=4, seeds=seeds))
    assert [order.seed_id for order in made] == [*seeds, *seeds]
    assert made[0].family.startswith("tabular/")
    assert made[1].family.startswith("image/")


def test_given_families_and_levels_are_all_that_is_made():
    made = orders(Plan(count=5, families=("text/morph-v1",), difficulties=(1,)))
    assert {(order.family, order.difficulty) for order in made} == {("text/morph-v1", 1)}
    assert len({order.seed_id for order in made}) > 1


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"families": ("tabular/prise-v1",)}, "Did you mean 'tabular/price-v1'"),
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
    order = orders(Plan(count=1, families=("tabular/price-v1",)))[0]
    assert order.folder == "0000-tabular-price-v1"


def test_every_seed_has_a_family():
    made = orders(Plan(count=60, seeds=tuple(seed_ids())))
    assert len({order.seed_id for order in made}) == 60
