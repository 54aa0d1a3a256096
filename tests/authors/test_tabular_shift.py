"""Facts of tabular/shift-v1: columns move, slopes change, sensors saturate, targets are wild."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_shift import ShiftRule, ShiftScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


def drawn(level, seed=2):
    draft = FAMILIES.get("tabular/shift-v1").draft(
        get_seed("ventilator-pressure-prediction").dna(), seed, difficulty=level
    )
    rule = ShiftRule.model_validate(draft.rule)
    scene = wardrobe_of("shift", ShiftScene).get(rule.skin)
    tables = [pd.read_csv(io.BytesIO(draft.public[name])) for name in ("train.csv", "test.csv")]
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(scene.id_column)
    tables[1] = tables[1].set_index(scene.id_column).join(answers).reset_index()
    return draft, rule, scene, *tables


@pytest.mark.parametrize("level", [0, 1, 2])
def test_moving_columns_are_higher_in_test_and_others_are_not(level):
    _, rule, scene, train, test = drawn(level)
    for field, shift in zip(scene.fields, rule.shift, strict=False):
        gap = (test[field.name].median() - train[field.name].median()) / train[field.name].std()
        assert (gap > 1.0) == (shift > 0), field.name
        assert shift > 0 or abs(gap) < 0.5


def test_wild_targets_are_in_training_alone():
    _, rule, scene, train, test = drawn(0)
    name, quantity = scene.quantity.name, scene.quantity
    far_train = (train[name] - quantity.centre).abs() > 3.4 * quantity.spread
    far_test = (test[name] - quantity.centre).abs() > 5 * quantity.spread
    assert far_train.mean() == pytest.approx(rule.outlier_share, abs=0.05)
    assert far_test.mean() < 0.002


def test_the_fine_sensor_saturates_from_level_1_and_the_rough_one_goes_on():
    for level in (0, 1, 2):
        _, _, scene, _, test = drawn(level)
        fine, rough = (test[sensor.name] for sensor in scene.sensors)
        full = fine == fine.max()
        assert (full.mean() > 0.1) == (level >= 1)
        assert np.corrcoef(fine[~full], rough[~full])[0, 1] > 0.75
        if level:
            assert rough[full].nunique() > 20


def test_the_giveaway_of_level_2_follows_the_target_in_training_alone():
    draft, _, scene, train, test = drawn(2)
    hint, target = scene.afterthought.name, scene.quantity.name
    assert [trap.column for trap in draft.traps] == [hint]
    assert train[hint].corr(train[target], method="spearman") > 0.45
    assert abs(test[hint].corr(test[target], method="spearman")) < 0.1


def test_the_reference_is_off_by_the_noise_alone():
    draft, rule, scene, _, test = drawn(2)
    expected = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    name = scene.quantity.name
    error = test[name].to_numpy() - expected[name].loc[test[scene.id_column]].to_numpy()
    assert error.std() == pytest.approx(rule.noise_sd * scene.quantity.spread, rel=0.1)
