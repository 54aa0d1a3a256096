"""Facts of rl/inventory-v1: exact costs, censored sales, promotions, days without a record."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy.stats import nbinom

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.rl_inventory import (
    TOP,
    InventoryRule,
    InventoryScene,
    expected_cost,
)
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed

FAMILY = FAMILIES.get("rl/inventory-v1")
DNA = get_seed("h-and-m-personalized-fashion-recommendations").dna()


def drawn(level, seed=3):
    draft = FAMILY.draft(DNA, seed, difficulty=level)
    rule = InventoryRule.model_validate(draft.rule)
    scene = wardrobe_of("inventory", InventoryScene).get(rule.skin)
    log = pd.read_csv(io.BytesIO(draft.public["log.csv"]))
    return draft, rule, scene, log


def test_the_expected_cost_is_the_sum_over_all_demands():
    mean, days = np.array([0.8, 5.0]), np.array([2, 4])
    cost = expected_cost(
        mean, size=1.4, days=days, holding=np.array([0.5, 0.2]), shortage=np.array([2.0, 3.0])
    )
    demand = np.arange(2_000)
    for row, (holding, shortage) in enumerate([(0.5, 2.0), (0.2, 3.0)]):
        law = nbinom.pmf(demand, 1.4 * days[row], 1.4 / (1.4 + mean[row]))
        for level in (0, 3, 20, TOP):
            over, under = np.maximum(level - demand, 0), np.maximum(demand - level, 0)
            slow = (law * (holding * over + shortage * under)).sum()
            assert cost[row, level] == pytest.approx(slow, abs=1e-6)


def test_the_cheapest_level_lies_inside_the_range_for_all_but_a_few_items():
    for level in range(3):
        draft, _, scene, _ = drawn(level)
        chosen = pd.read_csv(io.BytesIO(draft.reference.submission))[scene.level]
        assert (chosen == TOP).mean() < 0.005
        assert 0.0 <= (chosen == 0).mean() < 0.1


def test_on_many_days_all_of_the_stock_is_sold_so_the_log_understates_demand():
    _, _, _, log = drawn(0)
    assert (log["sold"] <= log["stock"]).all()
    assert 0.25 < (log["sold"] == log["stock"]).mean() < 0.65


def test_promotions_lift_sales_and_come_with_level_1():
    _, rule, _, log = drawn(1)
    sold = log.groupby("promo")["sold"].mean()
    assert sold[1] > 1.2 * sold[0]
    assert rule.lift > 1.5
    assert "promo" not in drawn(0)[3]


def test_at_level_2_whole_days_read_zero_for_every_item():
    _, rule, _, log = drawn(2)
    silent = log.groupby("day")["sold"].sum() == 0
    assert tuple(silent[silent].index) == rule.outages
    assert len(rule.outages) == 4
    assert not (drawn(1)[3].groupby("day")["sold"].sum() == 0).any()
