"""Facts of tabular/synthesis-v1: copies do not pay, the reference is fresh, defects are there."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_synthesis import SENTINEL, SynthesisRule
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed

FAMILY = FAMILIES.get("tabular/synthesis-v1")
DNA = get_seed("spaceship-titanic").dna()


def drawn(level, seed=4):
    draft = FAMILY.draft(DNA, seed, difficulty=level)
    rule = SynthesisRule.model_validate(draft.rule)
    names = list(rule.fields)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))[names].to_numpy()
    hidden = pd.read_csv(io.BytesIO(draft.answers))[names].to_numpy()
    reference = pd.read_csv(io.BytesIO(draft.reference.submission))[names].to_numpy()
    return draft, rule, train, hidden, reference


@pytest.mark.parametrize("level", [0, 1, 2])
@pytest.mark.parametrize("share", [1.0, 0.5])
def test_training_rows_dealt_out_come_nowhere_near_a_medal(level, share):
    draft, rule, train, hidden, reference = drawn(level)
    metric = get_metric(draft.metric)
    known = train[(train != SENTINEL).all(axis=1)]
    rng = np.random.default_rng(0)
    copies = known[rng.integers(0, len(known), len(hidden))]
    dealt = np.where(rng.random((len(hidden), 1)) < share, copies, reference)
    sample = pd.read_csv(io.BytesIO(draft.public["sample_submission.csv"]))
    nothing = metric(hidden, sample[list(rule.fields)].to_numpy())
    gain = (nothing - metric(hidden, dealt)) / (nothing - metric(hidden, reference))
    assert gain < 0.25


def test_the_reference_repeats_neither_training_rows_nor_hidden_rows():
    _, _, train, hidden, reference = drawn(0)
    rows = {tuple(row) for row in reference.tolist()}
    assert not rows & {tuple(row) for row in np.vstack([train, hidden]).tolist()}
    assert len(rows) == len(reference)


def test_three_clouds_are_apart_so_that_one_normal_law_does_not_fit():
    draft, rule, _, hidden, reference = drawn(0)
    metric = get_metric(draft.metric)
    rng = np.random.default_rng(0)
    normal = rng.multivariate_normal(hidden.mean(axis=0), np.cov(hidden.T), len(hidden))
    assert metric(hidden, normal) > metric(hidden, reference) + 0.3
    assert len(rule.centres) == 3


def test_codes_come_with_level_1_and_repeated_rows_with_level_2():
    for level, coded, repeated in ((0, False, False), (1, True, False), (2, True, True)):
        _, _, train, hidden, _ = drawn(level)
        assert (train == SENTINEL).any() == coded
        assert (len(np.unique(train, axis=0)) < 0.9 * len(train)) == repeated
        assert not (hidden == SENTINEL).any()
