"""Facts of rl/control-v1: plants differ, the log tells it with gaps and late scores."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.rl_control import ControlRule, ControlScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.metrics import get_metric
from sandmle.seeds import get_seed

FAMILY = FAMILIES.get("rl/control-v1")
DNA = get_seed("ventilator-pressure-prediction").dna()


def drawn(level, seed=3):
    draft = FAMILY.draft(DNA, seed, difficulty=level)
    rule = ControlRule.model_validate(draft.rule)
    scene = wardrobe_of("control", ControlScene).get(rule.skin)
    log = pd.read_csv(io.BytesIO(draft.public["log.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers))
    return draft, rule, scene, log, answers


def test_the_best_table_of_one_plant_is_not_that_of_another():
    draft, rule, scene, _, answers = drawn(0)
    best = pd.read_csv(io.BytesIO(draft.reference.submission))[scene.action].to_numpy()
    test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
    table = pd.DataFrame({"cell": test[scene.x] * 10 + test[scene.y], "best": best})
    commonest = table.groupby("cell")["best"].transform(lambda column: column.mode()[0])
    metric = get_metric(draft.metric)
    pooled = metric(
        answers[scene.action].to_numpy(dtype=object),
        commonest.to_numpy(dtype=object),
        groups=answers["plant"].to_numpy(),
    )
    assert pooled < 0.9
    assert len(table) == rule.test_rows


def test_every_plant_has_each_pair_of_readings_once_and_lies_in_one_split():
    _, rule, _, _, answers = drawn(1)
    assert (answers.groupby("plant").size() == rule.dynamics.side**2).all()
    assert (answers.groupby("plant")["split"].nunique() == 1).all()


def test_from_level_1_lines_of_the_log_are_missing():
    def skipped(log):
        return ((log["step"].diff() != 1) & (log["run"].diff() == 0)).mean()

    assert skipped(drawn(0)[3]) == 0
    assert 0.05 < skipped(drawn(1)[3]) < 0.25


@pytest.mark.parametrize("level", [1, 2])
def test_at_level_2_a_score_stands_on_the_line_after_its_own(level):
    _, rule, scene, log, _ = drawn(level)
    after = log.shift(-1)
    follows = (after["run"] == log["run"]) & (after["step"] == log["step"] + 1)
    middle = (rule.dynamics.side - 1) / 2
    calm = -((after[scene.y] - middle) ** 2) - 2.0 * ((after[scene.x] - middle) ** 2)
    own = calm[follows].corr(log[scene.reward][follows])
    late = calm[follows].corr(after[scene.reward][follows])
    assert (late > own) == (level == 2)


def test_the_reference_is_the_best_policy_of_every_plant():
    draft, _, scene, _, answers = drawn(0)
    best = pd.read_csv(io.BytesIO(draft.reference.submission))[scene.action]
    cells = answers[scene.action].to_numpy(dtype=object)
    score = get_metric(draft.metric)(
        cells, best.to_numpy(dtype=object), groups=answers["plant"].to_numpy()
    )
    assert score == pytest.approx(1.0)
    assert np.mean(best == scene.actions[1]) < 0.8
