"""Ladder of scripts for clips in which several sources may be heard at once."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
sources = $SOURCES
Y = train[sources].to_numpy()
"""

_DUMMY = """\
chance = np.tile(Y.mean(axis=0), (len(test), 1))
"""

_RAW = """\
from sklearn.linear_model import Ridge

A, B = X / X.std(1, keepdims=True), Z / Z.std(1, keepdims=True)
chance = Ridge(alpha=100.0).fit(A, Y).predict(B)
"""

_SHAPE = """\
def features(clips):
    \"\"\"Loudness, peaks and zero crossings of the raw wave.\"\"\"
    size = np.percentile(np.abs(clips), [25, 50, 75, 95], axis=1).T
    crossings = (np.diff(np.sign(clips), axis=1) != 0).mean(1)
    return np.column_stack([clips.std(1), crossings, size, size[:, 3] / size[:, 1]])
"""

_BANDS = """\
def features(clips, bands=24):
    \"\"\"Power in each band of the whole clip, on a log scale.\"\"\"
    power = np.abs(np.fft.rfft(clips * np.hanning(clips.shape[1]), axis=1)) ** 2
    return np.log(np.stack([p.sum(1) for p in np.array_split(power, bands, axis=1)], axis=1))
"""

_FRAMES = """\
def spectrogram(clips, width=64, hop=16):
    \"\"\"Power by frame and frequency, shape (n, frames, width + 1).\"\"\"
    starts = np.arange(0, clips.shape[1] - width + 1, hop)
    pieces = clips[:, starts[:, None] + np.arange(width)] * np.hanning(width)
    return np.abs(np.fft.rfft(pieces, 2 * width, axis=2)) ** 2
"""

_LOUD = """\
def features(clips, bands=20):
    \"\"\"How loud each band is at its loudest and in the middle: calls are short.\"\"\"
    power = spectrogram(clips)[:, :, 7:47]
    power = np.stack([p.mean(2) for p in np.array_split(power, bands, axis=2)], axis=2)
    return np.log(np.concatenate(list(np.percentile(power, [50, 80, 95], axis=1)), axis=1))
"""

_STROKES = """\
def features(clips, bands=13):
    \"\"\"Rising, level and falling strokes of the spectrogram, and how fast each band beats.\"\"\"
    limit = 4.0 * np.median(np.abs(clips), axis=1, keepdims=True)
    clips = np.clip(clips, -limit, limit)
    power = np.sqrt(spectrogram(clips / np.median(np.abs(clips), axis=1, keepdims=True)))
    parts = []
    for slope in (-1.0, -0.5, 0.0, 0.5, 1.0):
        total = 0
        for step in (-3, -2, -1, 0, 1, 2, 3):
            off = int(round(slope * step))
            piece = power[:, 3 + step : power.shape[1] - 3 + step, 7 + off : 46 + off]
            total = total + piece
        for part in np.array_split(total, bands, axis=2):
            peak = part.max(2)
            parts += [np.log(peak.max(1)), np.log(np.percentile(peak, 75, axis=1))]
    for part in np.array_split(power[:, :, 7:46], bands, axis=2):
        envelope = part.max(2)
        envelope = envelope - envelope.mean(1, keepdims=True)
        beat = np.abs(np.fft.rfft(envelope, 64, axis=1))[:, 4:28]
        parts += [np.log(p.mean(1)) for p in np.array_split(beat, 4, axis=1)]
    return np.stack(parts, axis=1)
"""

_FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier


def fitted(A, B):
    model = ExtraTreesClassifier(60, min_samples_leaf=3, random_state=0, n_jobs=1).fit(A, Y)
    return np.stack([part[:, 1] for part in model.predict_proba(B)], axis=1)

chance = fitted(features(X), features(Z))
"""

_BOTH = """\
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

A, B = features(X), features(Z)
middle, spread = A.mean(axis=0), A.std(axis=0)
A, B = (A - middle) / spread, (B - middle) / spread
trees = ExtraTreesClassifier(50, min_samples_leaf=3, max_features=0.2, random_state=0, n_jobs=1)
forest = np.stack([part[:, 1] for part in trees.fit(A, Y).predict_proba(B)], axis=1)
straight = np.stack(
    [LogisticRegression(C=0.01, max_iter=200).fit(A, y).predict_proba(B)[:, 1] for y in Y.T], axis=1
)
chance = (forest + straight) / 2
"""

_DUMMY_DECISIONS = """\
chance = np.ones((len(test), len(sources)))
"""

_CHANCES = """\
table = pd.DataFrame(np.clip(chance, 0, 1), columns=sources)
"""

_DECISIONS = """\
# under F1, a source pays from a chance of about 0.4 on
table = pd.DataFrame((chance > 0.4).astype(int), columns=sources)
"""

_WRITE = """\
table.insert(0, $ID, test[$ID])
table.to_csv("submission.csv", index=False)
"""

_RUNGS = {
    "naive": (_RAW,),
    "shape": (_SHAPE, _FOREST),
    "standard": (_BANDS, _FOREST),
    "strong": (_FRAMES, _LOUD, _FOREST),
    "expert": (_FRAMES, _STROKES, _BOTH),
}


def calls_ladder(
    *, loader: str, id_column: str, sources: Sequence[str], decisions: bool
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `RATE`, `X` and `Z`, see `toolkit.wav`.
        id_column: Name of the id column.
        sources: Target columns.
        decisions: Whether 0 or 1 is submitted, rather than chances.
    """
    names: dict[str, str | list[str]] = {"ID": id_column, "SOURCES": list(sources)}
    write = (_DECISIONS if decisions else _CHANCES, _WRITE)
    dummy = _DUMMY_DECISIONS if decisions else _DUMMY
    ladder = [Baseline("dummy", script(_READ, dummy, *write, **names))]
    for rung, pieces in _RUNGS.items():
        ladder.append(Baseline(rung, script(_READ, loader, *pieces, *write, **names)))
    return tuple(ladder)
