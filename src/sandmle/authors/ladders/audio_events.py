"""Ladder of scripts for short clips with one kind of sound each.

The scripts know what recordings are like (hum, clicks, sounds that begin anywhere), never what one
task's rule is.
"""

from __future__ import annotations

from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
y = train["__LABEL__"]
"""

_WRITE = """
out = pd.DataFrame({"__ID__": test["__ID__"], "__LABEL__": predicted})
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """
predicted = y.mode()[0]
"""

_FOREST = """
model = ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0, n_jobs=1)
predicted = model.fit(features(X), y).predict(features(Z))
"""

_RIDGE = """
from sklearn.linear_model import RidgeClassifier

A, B = X / X.std(1, keepdims=True), Z / Z.std(1, keepdims=True)
predicted = RidgeClassifier(alpha=100.0).fit(A, y).predict(B)
"""

_SHAPE = """
from sklearn.ensemble import ExtraTreesClassifier


def features(clips):
    \"\"\"Loudness, peaks and zero crossings of the raw wave.\"\"\"
    size = np.percentile(np.abs(clips), [25, 50, 75, 95], axis=1).T
    crossings = (np.diff(np.sign(clips), axis=1) != 0).mean(1)
    return np.column_stack([clips.std(1), crossings, size, size[:, 3] / size[:, 1]])

"""

_BANDS = """
from sklearn.ensemble import ExtraTreesClassifier


def features(clips, bands=32):
    \"\"\"Share of the power in each band of the whole clip.\"\"\"
    power = np.abs(np.fft.rfft(clips * np.hanning(clips.shape[1]), axis=1)) ** 2
    parts = np.stack([part.sum(1) for part in np.array_split(power, bands, axis=1)], axis=1)
    return np.log(parts / parts.sum(1, keepdims=True) + 1e-6)

"""

_FRAMES = """

def spectrogram(clips, width=64, hop=16):
    \"\"\"Power by frame and frequency, shape (n, frames, width + 1).\"\"\"
    starts = np.arange(0, clips.shape[1] - width + 1, hop)
    pieces = clips[:, starts[:, None] + np.arange(width)] * np.hanning(width)
    return np.abs(np.fft.rfft(pieces, 2 * width, axis=2)) ** 2
"""

_LINE = """
from sklearn.ensemble import ExtraTreesClassifier
__FRAMES__

def features(clips):
    \"\"\"The loudest line of the spectrogram above the hum: height, slope, wobble, loudness.\"\"\"
    power = spectrogram(clips)[:, :, 8:]
    line = np.log2(power.argmax(2) + 8)
    loud = power.max(2)
    weight = loud / loud.sum(1, keepdims=True)
    late = np.linspace(-1, 1, line.shape[1]) - (weight * np.linspace(-1, 1, line.shape[1])).sum(
        1, keepdims=True
    )
    mean = (weight * line).sum(1, keepdims=True)
    slope = (weight * late * (line - mean)).sum(1) / (weight * late**2).sum(1)
    rest = line - mean - slope[:, None] * late
    return np.column_stack([mean, slope, np.sqrt((weight * rest**2).sum(1)),
                            loud.sum(1) / power.sum((1, 2)), weight.std(1)])

"""

_TRACKS = """
from sklearn.ensemble import ExtraTreesClassifier
__FRAMES__

def cleaned(clips):
    \"\"\"Cut off clicks, then everything below 120 Hz, and level the loudness.\"\"\"
    limit = 4.0 * np.median(np.abs(clips), axis=1, keepdims=True)
    spectrum = np.fft.rfft(np.clip(clips, -limit, limit), axis=1)
    spectrum[:, np.fft.rfftfreq(clips.shape[1], 1 / RATE) < 120] = 0
    clips = np.fft.irfft(spectrum, clips.shape[1], axis=1)
    return clips / clips.std(1, keepdims=True)


def features(clips):
    \"\"\"The loudest line of the spectrogram, its slope and wobble, overtones, and the beat.\"\"\"
    power = spectrogram(cleaned(clips))
    power = power * (np.arange(power.shape[2]) > 7)
__MASK__    line = power.argmax(2)
    near = np.abs(np.arange(power.shape[2]) - line[:, :, None]) <= 2
    loud = (power * near).sum(2)
    place = (power * near * np.arange(power.shape[2])).sum(2) / loud
    active = loud > 0.15 * np.percentile(loud, 90, axis=1, keepdims=True)
    weight = active * np.sqrt(loud)
    weight /= weight.sum(1, keepdims=True)
    pitch = np.log2(place)
    time = np.linspace(-1, 1, power.shape[1])[None]
    mean, middle = ((weight * v).sum(1, keepdims=True) for v in (pitch, time))
    late = time - middle
    slope = (weight * late * (pitch - mean)).sum(1) / (weight * late**2).sum(1)
    rest = pitch - mean - slope[:, None] * late
    wobble = np.sqrt((weight * rest**2).sum(1))
    curve = (weight * rest * late**2).sum(1)
    third = (weight * rest * late**3).sum(1)
    flutter = np.abs(np.fft.rfft(weight * rest, 64, axis=1))[:, :12]
    beat = np.abs(np.fft.rfft(weight - weight.mean(1, keepdims=True), 64, axis=1))[:, 1:16]
    total = power.sum((1, 2))
    profile = power.sum(1)
    root = profile.argmax(1)
    rows = np.arange(len(clips))
    overtones = []
    for factor in (0.5, 2.0, 3.0):
        at = np.clip(np.round(root * factor).astype(int), 2, power.shape[2] - 3)
        overtones.append(sum(profile[rows, at + d] for d in (-2, -1, 0, 1, 2)) / total)
    return np.column_stack([mean, slope, wobble, curve, third, flutter, beat, *overtones,
                            active.mean(1), (power * near).sum((1, 2)) / total,
                            np.log2(root), np.abs(slope)])

"""

_MASK = """\
    # a tone that never stops is no event: what every moment holds is taken away
    power = np.maximum(power - 1.5 * np.percentile(power, 20, axis=1, keepdims=True), 0) + 1e-6
"""

_RUNGS = {
    "dummy": _DUMMY,
    "naive": _RIDGE,
    "shape": _SHAPE + _FOREST,
    "standard": _BANDS + _FOREST,
    "strong": _LINE + _FOREST,
    "tracks": _TRACKS.replace("__MASK__", "") + _FOREST,
    "expert": _TRACKS.replace("__MASK__", _MASK) + _FOREST,
}


def events_ladder(*, loader: str, id_column: str, label_column: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `RATE`, `X` and `Z`, see `toolkit.wav`.
        id_column: Name of the id column.
        label_column: Name of the target.
    """
    ladder = []
    for rung, body in _RUNGS.items():
        load = "" if rung == "dummy" else loader
        source = _READ + load + body.replace("__FRAMES__", _FRAMES) + _WRITE
        source = source.replace("__ID__", id_column).replace("__LABEL__", label_column)
        ladder.append(Baseline(name=rung, script=source))
    return tuple(ladder)
