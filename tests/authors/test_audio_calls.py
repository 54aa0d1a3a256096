"""What is particular to audio/calls-v1: shared bands, independent sources, two kinds of columns."""

import numpy as np
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.audio_calls import CallsRule, _clips
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed

DNA = get_seed("freesound-audio-tagging-2019").dna()


def drawn(level, dna=DNA, seed=2):
    draft = FAMILIES.get("audio/calls-v1").draft(dna, seed, difficulty=level)
    return draft, CallsRule.model_validate(draft.rule)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_two_sources_of_one_band_have_unlike_patterns(level):
    _, rule = drawn(level)
    by_band = {}
    for voice in rule.voices:
        by_band.setdefault(voice.low, []).append(voice.pattern)
    assert all(len(set(patterns)) == len(patterns) == 2 for patterns in by_band.values())


def test_sources_are_heard_independently_of_each_other():
    _, rule = drawn(0)
    heard = _clips(rule, Streams(1), 800).heard
    related = np.corrcoef(heard.T) - np.eye(heard.shape[1])
    assert np.abs(related).max() < 0.15
    assert 0.02 < (heard.sum(axis=1) == 0).mean() < 0.4


def test_volume_differs_more_than_a_call_makes_it():
    _, rule = drawn(0)
    clips = _clips(rule, Streams(1), 600)
    loud = np.log(clips.pcm.astype(float).std(axis=1))
    heard = clips.heard[:, 0] == 1
    assert abs(loud[heard].mean() - loud[~heard].mean()) < 0.5 * loud.std()


def test_strangers_that_nobody_asks_for_come_with_the_highest_level():
    assert [bool(drawn(level)[1].strangers) for level in range(3)] == [False, False, True]
