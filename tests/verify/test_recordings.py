"""Pictures, sounds and arrays as the verifier sees them."""

import io
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sandmle.verify.checks import CHECKS
from sandmle.verify.context import Context
from sandmle.verify.recordings import check_file, coarse_array, coarse_files


def npy(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def png(pixels):
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def wav(samples):
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(4000)
        sound.writeframes(samples.astype("<i2").tobytes())
    return out.getvalue()


@pytest.fixture
def with_arrays(toy):
    """Give every plot of the toy task a small picture; train and test are unrelated."""

    def build(change=lambda known, asked: None):
        rng = np.random.default_rng(0)
        known = rng.integers(0, 256, (120, 20, 20), dtype=np.uint8)
        asked = rng.integers(0, 256, (400, 20, 20), dtype=np.uint8)
        change(known, asked)
        files = {"train_images.npy": npy(known), "test_images.npy": npy(asked)}
        return Context(replace(toy, public={**toy.public, **files}))

    return build


def copied(share):
    def change(known, asked):
        count = int(share * len(asked))
        asked[:count] = known[np.arange(count) % len(known)]
        asked[:count, 0, 0] ^= 1

    return change


@pytest.mark.parametrize(
    ("share", "reason"), [(0.0, None), (0.05, "duplicates.near")], ids=["fresh", "retouched"]
)
def test_retouched_training_pictures_are_found_in_arrays(with_arrays, share, reason):
    # the other columns of the toy would tell the rows apart
    context = with_arrays(copied(share))
    context.data.__dict__["features"] = ()
    fault = CHECKS.get("duplicates").find(context)
    assert (fault and fault.reason) == reason


def test_a_training_picture_among_the_test_pictures_is_found(with_arrays):
    def change(known, asked):
        asked[7] = known[3]

    fault = CHECKS.get("duplicates").find(with_arrays(change))
    assert fault is not None
    assert fault.reason == "duplicates.exact"


def test_arrays_of_other_lengths_than_the_tables_belong_to_no_row(with_arrays, toy):
    files = {"train_images.npy": npy(np.zeros((5, 4))), "test_images.npy": npy(np.zeros((400, 4)))}
    assert Context(replace(toy, public={**toy.public, **files})).data.arrays == ()
    assert len(with_arrays().data.arrays) == 1


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.npy", b"\x93NUMPY"),
        ("a.npy", npy(np.array(["x", "y"]))),
        ("a.npy", npy(np.zeros(()))),
        ("a.wav", b"RIFF0000WAVE"),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_what_cannot_be_read_is_named(path, data):
    with pytest.raises(ValueError, match=r"a\..* cannot be read"):
        check_file(path, data)


def test_files_and_arrays_of_the_same_pictures_look_alike():
    pixels = np.random.default_rng(1).integers(0, 256, (6, 32, 32), dtype=np.uint8)
    files, array = coarse_files([png(p) for p in pixels]), coarse_array(pixels)
    assert files.shape == array.shape == (6, 256)
    assert np.abs(files - array).max() <= 1.0


def test_sounds_keep_their_slow_shape():
    time = np.linspace(0, 1, 1600)
    sounds = [wav(9000 * np.sin(2 * np.pi * k * time)) for k in (1, 2)]
    views = coarse_files(sounds)
    assert views.shape == (2, 256)
    assert np.corrcoef(views[0], np.sin(2 * np.pi * np.linspace(0, 1, 256)))[0, 1] > 0.99
    assert abs(np.corrcoef(views)[0, 1]) < 0.05


def test_a_picture_whose_brightness_is_the_answer_is_too_easy(with_arrays, measured_toy):
    context = with_arrays()
    crop = context.key.values[context.data.key_rows, 0]
    level = np.interp(crop, [crop.min(), crop.max()], [40, 200])
    asked = np.repeat(level, 400).reshape(400, 20, 20).astype(np.uint8)
    known_crop = context.data.train_targets[:, 0]
    level = np.interp(known_crop, [crop.min(), crop.max()], [40, 200])
    known = np.repeat(level, 400).reshape(120, 20, 20).astype(np.uint8)
    files = {"train_images.npy": npy(known), "test_images.npy": npy(asked)}
    draft = replace(context.draft, public={**context.draft.public, **files})
    fault = CHECKS.get("single_column").find(Context(draft, measured=measured_toy.measured))
    assert fault is not None
    assert "mean of a recording" in fault.detail
