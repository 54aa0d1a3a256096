"""Sounds as files: a folder of WAV files named by id, or one NumPy array for each split."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.roles import Note
from sandmle.authors.toolkit.pictures import npy_bytes

Container = Literal["wav", "npy"]
WAV_SHARE = 0.1
"""Share of the tasks whose clips are single files: those take a block of disk for each."""
_FULL = 32_767


def draw_container(rng: np.random.Generator) -> Container:
    """Choose how a task's clips are stored."""
    return "wav" if rng.random() < WAV_SHARE else "npy"


def to_pcm(waves: NDArray[np.float64], *, full: float) -> NDArray[np.int16]:
    """Turn waves of any shape into 16-bit samples; what is beyond `full` is clipped."""
    # rounded twice: the first takes away the last bits, in which machines differ
    scaled = np.round(np.clip(waves / full, -1.0, 1.0) * _FULL, 5)
    return np.rint(scaled).astype(np.int16)


def wav_bytes(samples: NDArray[np.int16], *, rate: int) -> bytes:
    """Write one channel of 16-bit PCM; the size depends on the number of samples alone.

    Args:
        samples: Shape (n,).
        rate: Samples per second.

    Raises:
        ValueError: If the samples are not one-dimensional 16-bit integers.
    """
    if samples.ndim != 1 or samples.dtype != np.int16:
        raise ValueError(f"a clip is (n,) of int16, not {samples.shape} of {samples.dtype}")
    data = samples.astype("<i2").tobytes()
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    body = b"WAVE" + layout + struct.pack("<4sI", b"data", len(data)) + data
    return struct.pack("<4sI", b"RIFF", len(body)) + body


@dataclass(frozen=True)
class PackedSounds:
    """The files of all clips of a task, and how they are read."""

    files: dict[str, bytes]
    notes: tuple[Note, ...]
    loader: str
    """Python source that defines `RATE`, and `X` and `Z`: the clips of train and test as floats,
    shape (n, samples); it needs `np`, `train` and `test`."""


def pack(
    train: NDArray[np.int16],
    test: NDArray[np.int16],
    *,
    ids: tuple[Sequence[str], Sequence[str]],
    id_column: str,
    container: Container,
    rate: int,
    what: str = "clip",
) -> PackedSounds:
    """Store clips.

    Args:
        train: Shape (n, samples).
        test: Shape (m, samples).
        ids: Ids of train and test, in the order of `train.csv` and `test.csv`.
        id_column: Name of the id column.
        container: `wav`: files `clips/ID.wav`; `npy`: `train_audio.npy` and `test_audio.npy`.
        rate: Samples per second.
        what: What one clip is called in the page.
    """
    form = f"{rate} samples per second, one channel of 16-bit samples"
    if container == "npy":
        return PackedSounds(
            files={"train_audio.npy": npy_bytes(train), "test_audio.npy": npy_bytes(test)},
            notes=tuple(
                Note(
                    f"{split}_audio.npy",
                    f"one {what} for each line of `{split}.csv`, in the same order: a NumPy array "
                    f"of {len(clips)} x {clips.shape[1]} integers; {form}",
                )
                for split, clips in (("train", train), ("test", test))
            ),
            loader=_LOAD_NPY.replace("__RATE__", str(rate)),
        )
    named = zip((*ids[0], *ids[1]), (*train, *test), strict=True)
    files = {f"clips/{name}.wav": wav_bytes(clip, rate=rate) for name, clip in named}
    text = f"every {what}, named by its id with the ending `.wav`: {train.shape[1]} samples, {form}"
    return PackedSounds(
        files=dict(sorted(files.items())),
        notes=(Note("clips/", text),),
        loader=_LOAD_WAV.replace("__RATE__", str(rate)).replace("__ID__", id_column),
    )


_LOAD_NPY = """\
RATE = __RATE__
X = np.load("input/train_audio.npy").astype(float)
Z = np.load("input/test_audio.npy").astype(float)
"""

_LOAD_WAV = """\
import wave

RATE = __RATE__


def load(names):
    clips = []
    for name in names:
        with wave.open(f"input/clips/{name}.wav") as clip:
            clips.append(np.frombuffer(clip.readframes(clip.getnframes()), dtype="<i2"))
    return np.stack(clips).astype(float)


X, Z = load(train["__ID__"]), load(test["__ID__"])
"""
