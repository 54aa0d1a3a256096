"""Facts of tabular/ordinal-v1: graders differ, no answer is a code, steps are uneven."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_ordinal import (
    NO_ANSWER,
    OrdinalRule,
    OrdinalScene,
    best_grades,
)
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed


def drawn(level, seed=2, competition="movie-review-sentiment-analysis-kernels-only"):
    draft = FAMILIES.get("tabular/ordinal-v1").draft(
        get_seed(competition).dna(), seed, difficulty=level
    )
    rule = OrdinalRule.model_validate(draft.rule)
    scene = wardrobe_of("ordinal", OrdinalScene).get(rule.skin)
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"])).set_index(scene.id_column)
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(scene.id_column)
    return draft, rule, scene, test.join(answers)


def test_graders_differ_in_the_grades_that_they_give_to_alike_cases():
    _, rule, scene, rows = drawn(0)
    means = rows.groupby(scene.grader)[scene.target].mean()
    assert set(means.index) == set(rule.graders)
    kind = np.argsort(rule.leniency)
    assert means[rule.graders[kind[-1]]] > means[rule.graders[kind[0]]] + 0.4


@pytest.mark.parametrize("level", [0, 1, 2])
def test_questions_hold_seven_steps_and_a_code_for_no_answer(level):
    _, rule, _, rows = drawn(level)
    for name, share in zip(rule.questions, rule.unanswered, strict=True):
        assert set(rows[name]) == {*range(1, 8), NO_ANSWER}
        assert (rows[name] == NO_ANSWER).mean() == pytest.approx(share, abs=0.03)


def test_steps_are_even_at_level_0_and_very_uneven_from_level_1():
    for level, uneven in ((0, False), (1, True), (2, True)):
        _, rule, _, _ = drawn(level)
        rises = [np.diff(values[:-1]) for values in rule.values]
        assert all((rise > 0).all() for rise in rises)
        assert all((rise.max() > 4 * rise.min()) == uneven for rise in rises)


def test_names_of_graders_are_spelt_in_many_ways_at_level_2_alone():
    for level in (0, 1, 2):
        _, rule, scene, rows = drawn(level)
        assert (rows[scene.grader].nunique() > 2 * len(rule.graders)) == (level == 2)


def test_the_reference_cuts_its_scores_for_the_metric():
    draft, rule, scene, rows = drawn(1, competition="google-quest-challenge", seed=6)
    given = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    given = given[scene.target].loc[rows.index].to_numpy(dtype=float)
    truth = rows[scene.target].to_numpy(dtype=float)
    score = np.linspace(-3.0, 3.0, 500)
    other = "accuracy" if rule.metric == "qwk" else "qwk"
    assert (np.diff(best_grades(rule, score)) >= 0).all()
    assert (
        best_grades(rule, score) != best_grades(rule.model_copy(update={"metric": other}), score)
    ).any()
    assert get_metric("qwk")(truth, given) > 0.75
