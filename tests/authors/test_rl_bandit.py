"""Facts of rl/bandit-v1: a log that misleads, rewards with slips, an oracle without regret."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.rl_bandit import BanditRule, BanditScene
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.seeds import get_seed

FAMILY = FAMILIES.get("rl/bandit-v1")
DNA = get_seed("lmsys-chatbot-arena").dna()


def drawn(level, seed=3):
    draft = FAMILY.draft(DNA, seed, difficulty=level)
    rule = BanditRule.model_validate(draft.rule)
    scene = wardrobe_of("bandit", BanditScene).get(rule.skin)
    train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers))
    return draft, rule, scene, train, answers


def test_mean_rewards_of_the_log_rank_actions_otherwise_than_their_true_means():
    wrong = 0
    for seed in range(6):
        _, _, scene, train, answers = drawn(0, seed)
        values = answers[scene.action].str.split(" ", expand=True).astype(float).mean()
        truth = pd.Series(values.to_numpy(), index=scene.actions)
        seen = train.groupby(scene.action)[scene.reward.name].mean()
        wrong += seen.idxmax() != truth.idxmax()
    assert wrong >= 3


def test_the_written_chance_is_how_often_the_older_rule_does_that():
    draws = [drawn(0, seed) for seed in range(6)]
    chance = np.concatenate([train[scene.chance] for _, _, scene, train, _ in draws])
    # each of four actions adds chance * (1 / chance) to the mean of 1 / chance
    assert 0.0 < chance.min() < chance.max() < 0.98
    assert np.mean(1.0 / chance) == pytest.approx(4.0, rel=0.15)


def test_from_level_1_a_few_rewards_are_ten_times_too_large():
    _, rule, scene, train, _ = drawn(1, 5)
    reward = train[scene.reward.name]
    far = (reward - reward.median()).abs() > 6 * scene.reward.spread
    assert 0 < far.mean() < 0.1
    _, _, scene, train, _ = drawn(0, 5)
    reward = train[scene.reward.name]
    assert (reward - reward.median()).abs().max() < 6 * scene.reward.spread
    assert rule.slips > 0


def test_at_level_2_two_columns_hold_a_documented_code():
    draft, rule, _, train, _ = drawn(2)
    assert len(rule.coded) == 2
    for name in rule.coded:
        assert 0.02 < (train[name] == -99).mean() < 0.16
    assert draft.description.count("-99 where it is missing") == 2


def test_the_reference_takes_the_best_action_of_every_case():
    draft, _, scene, _, answers = drawn(1)
    values = answers[scene.action].str.split(" ", expand=True).astype(float).to_numpy()
    chosen = pd.read_csv(io.BytesIO(draft.reference.submission))[scene.action]
    assert [scene.actions[i] for i in values.argmax(axis=1)] == chosen.tolist()
