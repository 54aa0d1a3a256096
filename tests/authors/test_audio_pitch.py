"""What is particular to audio/pitch-v1: missing fundamentals, readings that follow the pitch."""

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.audio_pitch import RATE, PitchRule, PitchScene, _clips, _tones
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.authors.toolkit.waves import times
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed


def drawn(level, seed=6):
    draft = FAMILIES.get("audio/pitch-v1").draft(
        get_seed("predict-volcanic-eruptions-ingv-oe").dna(), seed, difficulty=level
    )
    return draft, PitchRule.model_validate(draft.rule)


def power_at(clips, hertz):
    turns = 2 * np.pi * hertz[:, None] * times(clips.shape[1], RATE)
    return np.abs((clips * np.exp(1j * turns)).mean(axis=1))


@pytest.mark.parametrize("level", [0, 2])
def test_the_stated_share_of_clips_has_no_fundamental(level):
    _, rule = drawn(level)
    root = np.linspace(rule.low, rule.high, 400)
    clips = _tones(rule, np.random.default_rng(0), root, times(rule.samples, RATE))
    strength = power_at(clips, root)
    absent = (strength < 0.2 * np.median(strength[strength > np.median(strength)])).mean()
    assert abs(absent - rule.rootless) < 0.12


def test_the_reading_without_error_rises_with_pitch_alone():
    _, rule = drawn(1)
    scene = wardrobe_of("audio_pitch", PitchScene).get(rule.skin)
    clips = _clips(rule, scene, Streams(3), 300)
    place = np.sort(np.round(clips.clean, 3))
    assert np.ptp(place) > 3 * scene.spread
    assert np.std(clips.reading - clips.clean) < 0.1 * scene.spread


def test_the_sample_submission_gives_one_reading_and_the_truth_many():
    draft, _ = drawn(0)
    sample = pd.read_csv(io.BytesIO(draft.public["sample_submission.csv"]))
    answers = pd.read_csv(io.BytesIO(draft.answers))
    target = sample.columns[1]
    assert sample[target].nunique() == 1
    assert answers[target].nunique() > 0.9 * len(answers)


def test_echoes_and_clicks_come_with_level_one_and_a_second_tone_with_level_two():
    rules = [drawn(level)[1] for level in range(3)]
    assert [bool(rule.echoes) for rule in rules] == [False, True, True]
    assert [rule.clicks_per_clip > 0 for rule in rules] == [False, True, True]
    assert [rule.tone_gain > 0 for rule in rules] == [False, False, True]
