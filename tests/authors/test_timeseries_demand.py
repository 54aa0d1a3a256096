"""Facts of timeseries/demand-v1: what the stock hides, and what the quantiles are of."""

import io
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.timeseries_demand import HISTORY, DemandRule, DemandScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


@cache
def drawn(level, seed=6):
    dna = get_seed("osic-pulmonary-fibrosis-progression").dna()
    draft = FAMILIES.get("timeseries/demand-v1").draft(dna, seed, difficulty=level)
    rule = DemandRule.model_validate(draft.rule)
    scene = wardrobe_of("demand", DemandScene).get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers)).drop(columns=scene.item)
    return draft, rule, scene, train, test.merge(answers, on=scene.id_column)


@pytest.mark.parametrize("level", [0, 2])
def test_days_without_stock_sell_less_than_is_wanted(level):
    _, _, scene, train, test = drawn(level)
    empty = train[train[scene.out] == 1][scene.target]
    assert 0.05 < len(empty) / len(train) < 0.45
    assert empty.mean() < 0.5 * test[f"{scene.target}_q50"].mean()


def test_at_level_0_such_days_sell_nothing_and_from_level_1_some_sell_what_was_left():
    for level in (0, 1):
        _, _, scene, train, _ = drawn(level)
        empty = train[train[scene.out] == 1][scene.target]
        assert (empty == 0).all() == (level == 0)


def test_at_level_2_nothing_is_sold_by_anybody_on_closed_days():
    for level, closed in ((1, 0), (2, 3)):
        _, rule, scene, train, _ = drawn(level)
        total = train.groupby("day")[scene.target].sum()
        assert list(total.index[total == 0]) == [day + 1 for day in rule.closed]
        assert len(rule.closed) == closed


def test_quantiles_of_the_oracle_are_reached_as_often_as_they_say():
    draft, _, scene, _, test = drawn(1)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    oracle = oracle.loc[test[scene.id_column]]
    for level, name in ((0.1, "q10"), (0.5, "q50"), (0.9, "q90")):
        told = oracle[f"{scene.target}_{name}"].to_numpy()
        truth = test[f"{scene.target}_{name}"].to_numpy()
        # of whole numbers, at least that share is at most the quantile, and less is below it
        assert np.mean(truth < told) - 0.03 < level < np.mean(truth <= told) + 0.03


def test_history_and_days_to_come_are_those_of_the_same_items():
    _, rule, scene, train, test = drawn(1)
    assert set(train[scene.item]) == set(test[scene.item])
    assert len(train) == rule.train_rows * HISTORY
    assert train["day"].max() == HISTORY == test["day"].min() - 1
    assert (test.groupby(scene.item)["split"].nunique() == 1).all()
