"""Facts of tabular/imbalanced-v2: few positives, in a shape that no single column shows."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_imbalanced import SENTINEL, ImbalancedRule
from sandmle.authors.toolkit.domains import wardrobe
from sandmle.seeds import get_seed


def drawn(level, seed=3, like="spaceship-titanic"):
    draft = FAMILIES.get("tabular/imbalanced-v2").draft(
        get_seed(like).dna(), seed, difficulty=level
    )
    rule = ImbalancedRule.model_validate(draft.rule)
    skin = wardrobe("imbalanced").get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers))
    return draft, rule, skin, train, test.merge(answers, on=skin.id_column)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_about_one_row_in_seven_is_positive(level):
    for seed in range(3):
        _, _, skin, train, test = drawn(level, seed)
        assert 0.11 < test[skin.target].mean() < 0.2
        assert train[skin.target].sum() >= 12


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_column_ranks_the_positives_by_itself(level):
    for seed in range(3):
        _, rule, skin, _, test = drawn(level, seed)
        for name in rule.fields:
            assert abs(roc_auc_score(test[skin.target], test[name]) - 0.5) < 0.25


def test_marking_by_the_true_chance_is_good_and_marking_everything_is_not():
    draft, _, skin, _, test = drawn(1, like="rsna-breast-cancer-detection")
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(skin.id_column)
    marked = oracle[skin.target].loc[test[skin.id_column]].to_numpy()
    assert f1_score(test[skin.target], marked) > 0.8
    assert f1_score(test[skin.target], np.ones(len(test))) < 0.35


def test_a_label_switches_the_shape_off_from_level_1():
    assert set(drawn(0)[1].risk.gates) == {1.0}
    assert sorted(set(drawn(1)[1].risk.gates)) == [0.0, 1.0]


def test_difficulty_adds_codes_then_a_second_shape_clipping_and_spellings():
    rules = [drawn(level)[1] for level in range(3)]
    assert [len(rule.shapes) for rule in rules] == [1, 1, 2]
    assert [len(rule.coded) for rule in rules] == [0, 2, 2]
    assert [len(rule.saturated) for rule in rules] == [0, 0, 2]
    assert [rule.messy_share for rule in rules] == [0.0, 0.0, 0.3]


def test_defects_are_in_both_files():
    _, rule, skin, train, test = drawn(2)
    for table in (train, test):
        assert all((table[name] == SENTINEL).any() for name in rule.coded)
        assert table[skin.categories[0].name].nunique() > len(skin.categories[0].values)
        for name in rule.saturated:
            top = table[name].max()
            assert (table[name] == top).mean() > 0.02


def test_the_metric_follows_the_dna():
    assert drawn(0, like="rsna-breast-cancer-detection")[0].metric.name == "f1"
    assert drawn(0, like="nfl-player-contact-detection")[0].metric.name == "mcc"
    assert {drawn(0, seed)[0].metric.name for seed in range(8)} == {"f1", "mcc"}
