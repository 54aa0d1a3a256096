"""What is particular to audio/events-v1: WAV bytes, equal loudness, labels that cross registers."""

import io
import wave

import numpy as np
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.audio_events import RATE, EventsRule, _clips
from sandmle.authors.toolkit.wav import pack, to_pcm, wav_bytes
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed


def rule_of(level, seed=5):
    draft = FAMILIES.get("audio/events-v1").draft(
        get_seed("ml2021spring-hw2").dna(), seed, difficulty=level
    )
    return EventsRule.model_validate(draft.rule)


def test_the_standard_library_reads_a_clip_back():
    samples = np.array([0, 5, -7, 32767, -32767], np.int16)
    with wave.open(io.BytesIO(wav_bytes(samples, rate=RATE))) as clip:
        assert (clip.getframerate(), clip.getnchannels(), clip.getsampwidth()) == (RATE, 1, 2)
        assert np.frombuffer(clip.readframes(99), "<i2").tolist() == samples.tolist()


def test_a_clip_of_floats_is_refused():
    with pytest.raises(ValueError, match="float64"):
        wav_bytes(np.zeros(4), rate=RATE)


def test_all_files_of_a_folder_have_one_size_and_are_listed_by_name():
    sound = to_pcm(np.random.default_rng(0).normal(size=(4, 50)), full=4.0)
    packed = pack(
        sound[:3], sound[3:], ids=(["b", "a", "d"], ["c"]), id_column="id", container="wav", rate=8
    )
    assert list(packed.files) == [f"clips/{name}.wav" for name in "abcd"]
    assert len({len(data) for data in packed.files.values()}) == 1


@pytest.mark.parametrize("level", [0, 2])
def test_loudness_says_nothing_about_the_label(level):
    clips = _clips(rule_of(level), Streams(3), 600)
    loud = np.log(clips.pcm.astype(float).std(axis=1))
    means = [loud[clips.answers == label].mean() for label in np.unique(clips.answers)]
    assert np.std(means) < 0.25 * loud.std()


def test_on_the_highest_level_every_pattern_has_two_labels():
    for level in range(3):
        kinds = {len(set(row)) for row in rule_of(level).label_table}
        assert kinds == ({2} if level == 2 else {1})


def test_clicks_come_with_level_one():
    peaks = [
        np.abs(_clips(rule_of(level), Streams(3), 200).pcm.astype(float)).max(axis=1).mean()
        for level in (0, 1)
    ]
    assert peaks[1] > 1.15 * peaks[0]
