"""Facts of image/volumes-v1: continuity decides, and neither brightness nor single slices do."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_volumes import VolumesRule
from sandmle.seeds import get_seed


def drawn(level, seed=5):
    draft = FAMILIES.get("image/volumes-v1").draft(
        get_seed("rsna-miccai-brain-tumor-radiogenomic-classification").dna(),
        seed,
        difficulty=level,
    )
    column, key = draft.submission.targets[0].name, draft.submission.id_column
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(key).loc[test[key], column]
    volumes = [
        np.load(io.BytesIO(draft.public[f"{split}_volumes.npy"])).astype(float)
        for split in ("train", "test")
    ]
    return draft, volumes, (train[column].to_numpy(), answers.to_numpy())


@pytest.mark.parametrize("level", [0, 1, 2])
def test_brightness_goes_with_the_answer_in_training_only(level):
    _, (seen, asked), (known, answers) = drawn(level)
    assert roc_auc_score(known, seen.mean((1, 2, 3))) > 0.8
    assert abs(roc_auc_score(answers, asked.mean((1, 2, 3))) - 0.5) < 0.08


@pytest.mark.parametrize("level", [0, 1, 2])
def test_slices_next_to_each_other_are_alike_for_a_yes_and_all_slices_together_say_nothing(level):
    draft, (_, asked), (_, answers) = drawn(level)
    sign = VolumesRule.model_validate(draft.rule).sign
    flat = sign * (asked - asked.mean((2, 3), keepdims=True))
    near = (flat[:, :-1] * flat[:, 1:]).mean((1, 2, 3))
    far = (flat[:, :-5] * flat[:, 5:]).mean((1, 2, 3))
    assert roc_auc_score(answers, near - far) > 0.7
    assert abs(roc_auc_score(answers, flat.max(1).mean((1, 2))) - 0.5) < 0.08


def test_levels_add_straight_tubes_and_missing_slices():
    rules = [VolumesRule.model_validate(drawn(level)[0].rule) for level in range(3)]
    assert [rule.straight_share > 0 for rule in rules] == [False, True, True]
    assert [rule.missing for rule in rules] == [0, 0, 1]


def test_the_page_gives_the_order_of_the_axes():
    draft, volumes, _ = drawn(0)
    shape = " x ".join(map(str, volumes[1].shape))
    assert f"{shape} (" in draft.description
    assert "slices, rows, columns), 8-bit grey" in draft.description
