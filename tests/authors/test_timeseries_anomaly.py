"""Facts of timeseries/anomaly-v1: what an anomaly changes, and what is harmless."""

import io
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.timeseries_anomaly import LOST, AnomalyRule, AnomalyScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.authors.toolkit.windows import burst
from sandmle.seeds import get_seed


@cache
def drawn(level, seed=6):
    dna = get_seed("seti-breakthrough-listen").dna()
    draft = FAMILIES.get("timeseries/anomaly-v1").draft(dna, seed, difficulty=level)
    rule = AnomalyRule.model_validate(draft.rule)
    scene = wardrobe_of("anomaly", AnomalyScene).get(rule.skin)
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    test = test.merge(pd.read_csv(io.BytesIO(draft.answers)), on=scene.id_column)
    return draft, rule, scene, test, np.load(io.BytesIO(draft.public["test_windows.npy"]))


def test_arrays_go_with_the_lines_of_the_tables():
    draft, rule, _, test, windows = drawn(0)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    known = np.load(io.BytesIO(draft.public["train_windows.npy"]))
    assert known.shape == (len(train), rule.steps)
    assert windows.shape == (len(test), rule.steps)
    assert windows.dtype == np.int16


@pytest.mark.parametrize("level", [0, 2])
def test_plain_spread_and_range_say_nothing_and_the_oracle_much(level):
    draft, _, scene, test, windows = drawn(level)
    oracle = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    score = oracle[scene.target].loc[test[scene.id_column]]
    assert roc_auc_score(test[scene.target], score) > 0.8
    values = np.where(windows == LOST, np.nan, windows.astype(float))
    for plain in (np.nanstd(values, axis=1), np.nanmax(values, axis=1)):
        assert abs(roc_auc_score(test[scene.target], plain) - 0.5) < 0.08


def test_readings_are_lost_from_level_1_and_half_of_the_sensors_are_cut_off_at_level_2():
    for level in (0, 1, 2):
        _, _, scene, test, windows = drawn(level)
        assert (windows == LOST).any() == (level >= 1)
        at_top = []
        for rows in test.groupby(scene.sensor).groups.values():
            mine = windows[rows]
            at_top.append((mine == mine.max()).mean())
        assert sum(share > 0.01 for share in at_top) == (3 if level == 2 else 0)


def test_the_harmless_burst_is_another_one_than_the_motif():
    _, rule, _, _, _ = drawn(2)
    motif = burst(length=rule.motif_length, cycles=rule.motif_cycles)
    decoy = burst(length=rule.motif_length, cycles=rule.decoy_cycles)
    best = np.abs(np.correlate(motif, decoy, mode="full")).max()
    assert best < 0.5 * np.sqrt((motif**2).sum() * (decoy**2).sum())
