"""Facts of tabular/search-v1: lists that move every feature, an old order that misleads."""

import io
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_search import SearchRule, SearchScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


@cache
def drawn(level, seed=5):
    dna = get_seed("h-and-m-personalized-fashion-recommendations").dna()
    draft = FAMILIES.get("tabular/search-v1").draft(dna, seed, difficulty=level)
    rule = SearchRule.model_validate(draft.rule)
    scene = wardrobe_of("search", SearchScene).get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers)).drop(columns=scene.query)
    return draft, rule, scene, train, test.merge(answers, on=scene.id_column)


@pytest.mark.parametrize("level", [0, 2])
def test_the_old_order_follows_grades_in_training_lists_and_in_no_others(level):
    draft, _, scene, train, test = drawn(level)
    assert [trap.column for trap in draft.traps] == [scene.position]
    assert train[scene.position].corr(train[scene.target], method="spearman") < -0.5
    assert abs(test[scene.position].corr(test[scene.target], method="spearman")) < 0.08


def test_every_list_is_whole_and_in_one_file_and_one_split():
    _, rule, scene, train, test = drawn(1)
    for table in (train, test):
        sizes = table.groupby(scene.query).size()
        assert (sizes == rule.per_query).all()
        assert (table.groupby(scene.query)[scene.position].nunique() == rule.per_query).all()
    assert not set(train[scene.query]) & set(test[scene.query])
    assert (test.groupby(scene.query)["split"].nunique() == 1).all()
    assert 50 <= len(train) <= 200
    assert test[scene.query].nunique() == 200


def test_features_differ_more_between_lists_than_within_one():
    _, rule, scene, _, test = drawn(0)
    for name in rule.fields:
        lists = test.groupby(scene.query)[name]
        assert lists.mean().std() > lists.std().median()


def test_from_level_1_lists_stretch_features_and_some_cells_are_empty():
    spread = []
    for level in (0, 1):
        _, rule, scene, train, test = drawn(level)
        name = next(name for name in rule.fields if name not in rule.missing)
        values = np.log(test[name]) if test[name].min() > 0 else test[name]
        within = values.groupby(test[scene.query]).std()
        spread.append(within.quantile(0.9) / within.quantile(0.1))
        assert train[list(rule.fields)].isna().any().sum() == len(rule.missing)
    assert spread[0] < 1.7 < spread[1]


def test_the_oracle_ranks_lists_well_and_grades_are_noisy():
    draft, _, scene, _, test = drawn(2)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    score = oracle[scene.target].loc[test[scene.id_column]].to_numpy()
    agreement = pd.Series(score).corr(test[scene.target], method="spearman")
    assert 0.8 < agreement < 0.97
