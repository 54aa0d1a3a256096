"""Facts of tabular/groups-v2: a column that leaks in training only, and groups never seen."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_groups import SENTINEL, GroupsRule
from sandmle.authors.toolkit.domains import wardrobe
from sandmle.seeds import get_seed


def drawn(level, seed=3):
    draft = FAMILIES.get("tabular/groups-v2").draft(
        get_seed("seti-breakthrough-listen").dna(), seed, difficulty=level
    )
    rule = GroupsRule.model_validate(draft.rule)
    skin = wardrobe("groups").get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers)).drop(columns=skin.place.name)
    return draft, rule, skin, train, test.merge(answers, on=skin.id_column)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_leak_separates_training_rows_and_says_nothing_about_test_rows(level):
    draft, rule, skin, train, test = drawn(level)
    assert [trap.column for trap in draft.traps] == [rule.leak]
    assert roc_auc_score(train[skin.target], train[rule.leak]) > 0.85
    assert abs(roc_auc_score(test[skin.target], test[rule.leak]) - 0.5) < 0.05


def test_the_leak_is_distributed_alike_in_both_files():
    _, rule, _, train, test = drawn(1)
    quantiles = [0.25, 0.5, 0.75]
    seen, asked = (np.log(table[rule.leak].quantile(quantiles)) for table in (train, test))
    assert np.abs(seen - asked).max() < 0.5 * np.log(test[rule.leak]).std()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_no_group_is_in_both_files_and_whole_groups_are_public_or_private(level):
    _, _, skin, train, test = drawn(level)
    group = skin.place.name
    assert not set(train[group]) & set(test[group])
    assert (test.groupby(group)["split"].nunique() == 1).all()
    assert 0.25 < (test["split"] == "public").mean() < 0.35


def test_groups_differ_in_offset_and_from_level_1_in_scale():
    ratios = []
    for level in (0, 1):
        _, rule, skin, _, test = drawn(level)
        name = next(name for name in rule.fields if name not in rule.coded)
        field = next(field for field in skin.fields if field.name == name)
        values = np.log(test[name]) if field.shape == "lognormal" else test[name]
        groups = values.groupby(test[skin.place.name])
        assert groups.mean().std() > 0.8 * groups.std().mean()
        ratios.append(groups.std().max() / groups.std().min())
    assert ratios[0] < 2.2 < ratios[1]


def test_at_level_2_readings_drift_with_the_clock_of_their_group():
    def steepness(level):
        _, rule, skin, _, test = drawn(level)
        name = next(name for name in rule.fields if name not in rule.coded)
        columns = [name, skin.place.clock.name]
        rows = [group[columns].corr().iloc[0, 1] for _, group in test.groupby(skin.place.name)]
        return np.abs(rows).mean()

    assert steepness(1) < 0.2 < 0.35 < steepness(2)


def test_missing_readings_are_coded_from_level_1_and_documented():
    draft, rule, _, train, _ = drawn(1)
    assert len(rule.coded) == 2
    for name in rule.coded:
        assert (train[name] == SENTINEL).any()
    assert draft.description.count("-99 where it is missing") == 2
    assert not drawn(0)[1].coded


def test_chances_of_the_oracle_are_calibrated():
    draft, _, skin, _, test = drawn(1)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(skin.id_column)
    chance = oracle[skin.target].loc[test[skin.id_column]].to_numpy()
    assert chance.mean() == pytest.approx(test[skin.target].mean(), abs=0.03)
    assert roc_auc_score(test[skin.target], chance) > 0.82
