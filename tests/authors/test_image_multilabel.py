"""Facts of image/multilabel-v1: labels come together in training; two forms of answers."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_multilabel import MultilabelRule
from sandmle.seeds import get_seed
from sandmle.seeds.dna import TaskDNA

DECISIONS = get_seed("plant-pathology-2021-fgvc8").dna()
CHANCES = TaskDNA.model_validate({**DECISIONS.model_dump(), "metric_family": "auc"})


def drawn(level, seed=6, dna=DECISIONS):
    draft = FAMILIES.get("image/multilabel-v1").draft(dna, seed, difficulty=level)
    rule = MultilabelRule.model_validate(draft.rule)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    key = draft.submission.id_column
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(key).loc[test[key]]
    labels = list(rule.labels)
    return draft, rule, train[labels].to_numpy(), answers[labels].to_numpy()


def mean_correlation(labels):
    table = np.corrcoef(labels.T)
    return table[np.triu_indices(len(table), 1)].mean()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_labels_come_together_in_training_and_by_themselves_in_test(level):
    _, _, known, answers = drawn(level)
    assert mean_correlation(known) > 0.2
    assert abs(mean_correlation(answers)) < 0.07
    assert np.abs(known.mean(0) - answers.mean(0)).max() < 0.15


def test_decisions_are_labels_and_chances_are_numbers():
    draft = drawn(1)[0]
    assert draft.metric.name == "f1_micro"
    assert all(column.labels == ("0", "1") for column in draft.submission.targets)
    draft = drawn(1, dna=CHANCES)[0]
    assert draft.metric.name == "roc_auc_columnwise"
    assert all((column.low, column.high) == (0, 1) for column in draft.submission.targets)


def test_brightness_follows_the_number_of_labels_in_training_at_level_2_only():
    strength = []
    for level in (1, 2):
        draft, _, known, answers = drawn(level)
        means = [
            np.load(io.BytesIO(draft.public[f"{split}_images.npy"])).mean((1, 2))
            for split in ("train", "test")
        ]
        strength.append(np.corrcoef(means[0], known.sum(1))[0, 1])
        assert abs(np.corrcoef(means[1], answers.sum(1))[0, 1]) < 0.35
    assert strength[1] > max(0.6, strength[0] + 0.2)


def test_the_reference_holds_the_answers_in_the_order_of_the_test_file():
    draft, rule, _, answers = drawn(0)
    reference = pd.read_csv(io.BytesIO(draft.reference.submission))
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    assert (reference[draft.submission.id_column] == test[draft.submission.id_column]).all()
    assert (reference[list(rule.labels)].to_numpy() == answers).all()
