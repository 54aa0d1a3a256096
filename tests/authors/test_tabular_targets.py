"""Facts of tabular/targets-v1: units, cells that vanish by value, outcomes that share drivers."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.tabular_targets import TargetsRule, TargetsScene, unit_column
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed


def drawn(level, seed=2, competition="stanford-covid-vaccine"):
    draft = FAMILIES.get("tabular/targets-v1").draft(
        get_seed(competition).dna(), seed, difficulty=level
    )
    rule = TargetsRule.model_validate(draft.rule)
    scene = wardrobe_of("targets", TargetsScene).get(rule.skin)
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"])).set_index(scene.id_column)
    answers = pd.read_csv(io.BytesIO(draft.answers)).set_index(scene.id_column)
    return draft, rule, scene, test, answers.loc[test.index]


@pytest.mark.parametrize(
    ("competition", "count"),
    [
        ("stanford-covid-vaccine", 4),
        ("icecube-neutrinos-in-deep-ice", 2),
        ("google-quest-challenge", 2),
    ],
)
def test_a_task_has_as_many_outcomes_as_its_seed_between_two_and_four(competition, count):
    draft, rule, scene, _, answers = drawn(1, competition=competition)
    assert len(draft.submission.targets) == rule.outcomes == count
    assert list(answers.columns[:-1]) == [outcome.name for outcome in scene.outcomes[:count]]


def test_the_measure_is_written_in_two_units_that_a_column_or_the_cell_names():
    for level in (0, 1):
        _, _, scene, test, _ = drawn(level)
        name, measure = scene.measure.name, scene.measure
        if level == 0:
            values, units = test[name], test[unit_column(scene)]
        else:
            parts = test[name].str.split(" ", n=1)
            values, units = parts.str[0].astype(float), parts.str[1]
        logs = np.log(values).groupby(units).median()
        gap = logs[measure.other_unit] - logs[measure.unit]
        assert gap == pytest.approx(np.log(measure.factor), abs=0.08)


def test_two_columns_lose_their_high_values_and_hold_a_code_instead_at_level_2():
    for level in (0, 2):
        _, rule, scene, test, _ = drawn(level)
        assert len(rule.vanishing) == 2
        for field in scene.fields:
            gone = test[field.name].isna() | (test[field.name] == -1)
            assert (gone.mean() > 0.08) == (field.name in rule.vanishing)
            assert test[field.name].isna().any() == (field.name in rule.vanishing and level == 0)


def test_the_reference_is_the_mean_of_every_outcome_on_its_own_scale():
    draft, _, scene, _, answers = drawn(2)
    expected = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    for name in expected.columns:
        error = answers[name] - expected[name].loc[answers.index]
        assert abs(error.mean()) < 4 * error.std() / np.sqrt(len(error))
        assert error.std() < 0.6 * answers[name].std()


def test_the_second_outcome_follows_the_first_beyond_what_the_columns_say():
    draft, _, scene, _, answers = drawn(1)
    expected = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(scene.id_column)
    expected = expected.loc[answers.index]
    first, second, _, fourth = (outcome.name for outcome in scene.outcomes)
    rest = {name: answers[name] - expected[name] for name in (first, second, fourth)}
    rest[first] = rest[first] / expected[first]
    assert np.corrcoef(rest[first], rest[second])[0, 1] > 0.25
    assert abs(np.corrcoef(rest[first], rest[fourth])[0, 1]) < 0.12
