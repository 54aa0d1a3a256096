"""Facts of timeseries/sensors-v1: devices that training never saw, turned and scaled at will."""

import io
from functools import cache

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.timeseries_sensors import LOST, SensorsRule, SensorsScene
from sandmle.authors.toolkit.motions import draw_devices
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


@cache
def drawn(level, seed=6):
    dna = get_seed("hms-harmful-brain-activity-classification").dna()
    draft = FAMILIES.get("timeseries/sensors-v1").draft(dna, seed, difficulty=level)
    rule = SensorsRule.model_validate(draft.rule)
    scene = wardrobe_of("sensors", SensorsScene).get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers)).drop(columns=scene.device)
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"])).merge(answers, on=scene.id_column)
    windows = np.load(io.BytesIO(draft.public["test_windows.npy"]))
    return draft, rule, scene, train, test, windows


@pytest.mark.parametrize("level", [0, 2])
def test_no_device_is_in_both_files_and_each_is_in_one_split(level):
    _, rule, scene, train, test, windows = drawn(level)
    assert not set(train[scene.device]) & set(test[scene.device])
    assert (test.groupby(scene.device)["split"].nunique() == 1).all()
    assert set(train[scene.target]) == set(test[scene.target]) == set(rule.states)
    assert windows.shape == (len(test), rule.steps, 3)


def test_devices_turn_axes_by_exact_permutations_or_by_any_angle():
    rng = np.random.default_rng(0)
    for slanted in (False, True):
        turned = draw_devices(rng, 20, slanted=slanted, pace_sd=0.1, gain_sd=0.5).turned
        products = np.einsum("nij,nkj->nik", turned, turned)
        assert np.abs(products - np.eye(3)).max() < 1e-4
        assert (np.isin(np.abs(turned), (0.0, 1.0)).all()) == (not slanted)


def test_the_steady_pull_shows_on_another_axis_for_other_devices():
    _, _, scene, _, test, windows = drawn(0)
    strongest = []
    for rows in test.groupby(scene.device).groups.values():
        means = np.abs(windows[rows].mean(axis=(0, 1)))
        strongest.append(int(means.argmax()))
        assert means.max() > 5 * np.median(means)
    assert set(strongest) == {0, 1, 2}


def test_readings_are_lost_from_level_1_and_ranges_end_at_level_2():
    for level in (0, 1, 2):
        _, _, scene, _, test, windows = drawn(level)
        assert (windows == LOST).any() == (level >= 1)
        shown = np.where(windows == LOST, 0, np.abs(windows.astype(int)))
        at_end = [
            (shown[rows] == shown[rows].max()).sum()
            for rows in test.groupby(scene.device).groups.values()
        ]
        assert (np.mean(np.array(at_end) > 20) > 0.3) == (level == 2)


def test_the_oracle_names_nearly_every_state():
    draft, _, scene, _, test, _ = drawn(2)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    named = oracle[scene.target].loc[test[scene.id_column]].to_numpy()
    assert np.mean(named == test[scene.target]) > 0.95
