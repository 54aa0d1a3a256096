"""Facts of image/presence-v1: relations decide, levels of grey do not, and brightness misleads."""

import io

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter
from sklearn.metrics import roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_presence import PresenceRule
from sandmle.seeds import get_seed


def drawn(level, seed=5):
    draft = FAMILIES.get("image/presence-v1").draft(
        get_seed("invasive-species-monitoring").dna(), seed, difficulty=level
    )
    tables = [pd.read_csv(io.BytesIO(draft.public["train.csv"]))]
    tables += [pd.read_csv(io.BytesIO(draft.answers))]
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    column = draft.submission.targets[0].name
    key = draft.submission.id_column
    answers = tables[1].set_index(key)[column].loc[test[key]].to_numpy()
    pictures = [
        np.load(io.BytesIO(draft.public[f"{split}_images.npy"])).astype(float)
        for split in ("train", "test")
    ]
    return draft, pictures, (tables[0][column].to_numpy(), answers)


def matched(pictures, relations):
    """Product of brightness here and darkness one relation away, at its best place."""
    flat = pictures - gaussian_filter(pictures, (0, 3, 3))
    best = []
    for right, down in relations:
        moved = np.roll(flat, (-round(down), -round(right)), axis=(1, 2))
        best.append((np.maximum(flat, 0) * np.maximum(-moved, 0)).max(axis=(1, 2)))
    return np.max(best, axis=0)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_brightness_goes_with_the_answer_in_training_only(level):
    _, (seen, asked), (known, answers) = drawn(level)
    assert roc_auc_score(known, seen.mean((1, 2))) > 0.8
    assert abs(roc_auc_score(answers, asked.mean((1, 2))) - 0.5) < 0.07


@pytest.mark.parametrize("level", [0, 1, 2])
def test_the_rules_relation_tells_and_the_spread_of_grey_does_not(level):
    draft, (_, asked), (_, answers) = drawn(level)
    rule = PresenceRule.model_validate(draft.rule)
    assert roc_auc_score(answers, matched(asked, rule.relations)) > 0.7
    assert abs(roc_auc_score(answers, asked.std((1, 2))) - 0.5) < 0.12


def test_from_level_1_the_relation_also_comes_the_other_way_round():
    shown = []
    for level in (0, 1):
        draft, (_, asked), _ = drawn(level)
        turned = [(-x, -y) for x, y in PresenceRule.model_validate(draft.rule).relations]
        shown.append(np.median(matched(asked, turned)))
    assert shown[1] > 1.15 * shown[0]


def test_level_2_has_two_relations_that_differ():
    rules = [PresenceRule.model_validate(drawn(level)[0].rule) for level in (0, 2)]
    assert [len(rule.relations) for rule in rules] == [1, 2]
    first, second = np.array(rules[1].relations)
    assert np.hypot(*(first - second)) > 3
