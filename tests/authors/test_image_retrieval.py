"""Facts of image/retrieval-v1: everyone is known, the light misleads, and lists are ranked."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_retrieval import LEAST, RetrievalRule
from sandmle.grading import AnswerKey
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed


def drawn(level, seed=9):
    draft = FAMILIES.get("image/retrieval-v1").draft(
        get_seed("whale-categorization-playground").dna(), seed, difficulty=level
    )
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]), dtype=str)
    return draft, RetrievalRule.model_validate(draft.rule), train.iloc[:, 1]


def between(brightness, names):
    """Share of the variance of brightness that lies between individuals."""
    table = pd.Series(brightness).groupby(np.asarray(names))
    return table.transform("mean").var() / np.var(brightness)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_everyone_has_a_few_training_pictures_and_no_one_else_is_asked_for(level):
    draft, rule, known = drawn(level)
    assert sorted(known.unique()) == sorted(rule.codes)
    assert known.value_counts().min() >= LEAST
    key = AnswerKey.parse(draft.answers, draft.submission)
    assert set(key.values.ravel()) <= set(rule.codes)


def test_light_goes_with_the_individual_in_training_only():
    draft, _, known = drawn(0)
    seen = np.load(io.BytesIO(draft.public["train_images.npy"])).mean((1, 2))
    asked = np.load(io.BytesIO(draft.public["test_images.npy"])).mean((1, 2))
    reference = pd.read_csv(io.BytesIO(draft.reference.submission), dtype=str)
    assert between(seen, known) > 0.6
    assert between(asked, reference.iloc[:, 1]) < 0.2


def test_the_first_five_guesses_count_by_their_place():
    draft, rule, _ = drawn(1)
    metric = get_metric(draft.metric)
    first, second = rule.codes[:2]
    truth = np.array([second], dtype=object)
    assert metric(truth, np.array([f"{first} {second}"], dtype=object)) == 0.5
    late = " ".join([*rule.codes[2:7], second])
    assert metric(truth, np.array([late], dtype=object)) == 0.0
    assert "the 5 best guesses" in draft.description


def test_individuals_are_seen_from_all_sides_at_level_2_only():
    turns = [drawn(level)[1].turn for level in range(3)]
    assert turns[0] < turns[1] < 1 < 3.1 < turns[2]
