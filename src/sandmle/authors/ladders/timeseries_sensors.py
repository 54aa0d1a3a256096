"""The ladder for states seen by sensors in any orientation: from spread to motion along a pull."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
target = train[$TARGET].to_numpy()
"""

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
prediction = np.full(len(test), train[$TARGET].mode()[0])
"""

_LOAD = """\
def load(path):
    windows = np.load(path).astype(float)
    lost = (windows == -128).all(axis=2)
    steps = np.arange(windows.shape[1])
    for row in np.flatnonzero(lost.any(axis=1)):
        for axis in range(3):
            known = ~lost[row]
            windows[row, :, axis] = np.interp(steps, steps[known], windows[row, known, axis])
    return windows


X, Z = load("input/train_windows.npy"), load("input/test_windows.npy")
"""

_RAW = """\
def features(windows, table):
    return np.hstack([windows.mean(axis=1), windows.std(axis=1)])
"""

_STATS = """\
def features(windows, table):
    steps = np.abs(np.diff(windows, axis=1)).mean(axis=1)
    crossings = np.diff(np.sign(windows - windows.mean(axis=1, keepdims=True)), axis=1)
    return np.hstack([windows.std(axis=1), steps, np.abs(crossings).mean(axis=1)])
"""

_SCALED = """\
def scaled(windows, table):
    # every device in its own units: the spread of all that it recorded
    out = np.zeros_like(windows)
    for device, rows in table.groupby($DEVICE).groups.items():
        mine = windows[rows]
        moving = mine - mine.mean(axis=(0, 1))
        out[rows] = mine / np.sqrt((moving**2).sum(axis=2).mean())
    return out


def spectrum(moving):
    taper = np.hanning(moving.shape[1])[:, None]
    return np.abs(np.fft.rfft(moving * taper, axis=1)[:, 1:24]) ** 2
"""

_SPECTRA = """\
def features(windows, table):
    windows = scaled(windows, table)
    power = spectrum(windows - windows.mean(axis=1, keepdims=True))
    return np.log(power + 1).reshape(len(windows), -1)
"""

_TOTAL = """\
def features(windows, table):
    windows = scaled(windows, table)
    moving = windows - windows.mean(axis=1, keepdims=True)
    spread = np.linalg.eigvalsh(np.einsum("nti,ntj->nij", moving, moving) / len(moving[0]))
    return np.hstack([np.log(spectrum(moving).sum(axis=2) + 1), np.log(spread + 0.01)])
"""

_PULL = """\
def features(windows, table):
    windows = scaled(windows, table)
    out = []
    pulls = pd.DataFrame(windows.mean(axis=1)).groupby(table[$DEVICE]).transform("mean").to_numpy()
    down = pulls / np.linalg.norm(pulls, axis=1, keepdims=True)
    moving = windows - windows.mean(axis=1, keepdims=True)
    # a steady pull on the device says which way is down, however it is fixed
    along = np.einsum("nti,ni->nt", moving, down)[:, :, None]
    across = moving - along * down[:, None, :]
    up, flat = spectrum(along)[:, :, 0], spectrum(across).sum(axis=2)
    both = up + flat
    share = up.sum(axis=1) / both.sum(axis=1)
    place = (both[:, :16] * np.arange(16)).sum(axis=1) / both[:, :16].sum(axis=1)
    peak = flat.argmax(axis=1)
    lines = np.arange(len(windows))
    second = np.minimum(2 * peak + 1, 22)
    # the second harmonic against the first: how much, and at which phase
    wave = np.fft.rfft(along[:, :, 0] * np.hanning(along.shape[1]), axis=1)[:, 1:24]
    bend = np.angle(wave[lines, second] * np.conj(wave[lines, peak]) ** 2)
    size = np.abs(wave[lines, second])
    parts = [share, place, np.log(both.sum(axis=1)), peak, np.log(size + 0.1),
             np.cos(bend), np.sin(bend)]
    smooth = [np.log(part[:, :20].reshape(len(part), 10, 2).sum(axis=2) + 1)
              for part in (up, flat)]
    return np.hstack([np.column_stack(parts), *smooth])
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

A, A_test = features(X, train), features(Z, test)
scaler = StandardScaler().fit(A)
model = LogisticRegression(C=0.3, max_iter=100).fit(scaler.transform(A), target)
prediction = model.predict(scaler.transform(A_test))
"""

_FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier

A, A_test = features(X, train), features(Z, test)
model = ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0, n_jobs=1).fit(A, target)
prediction = model.predict(A_test)
"""


def sensors_ladder(*, id_column: str, target: str, device: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first."""
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_LOAD, _RAW, _LOGISTIC),
        "forest": (_LOAD, _STATS, _FOREST),
        "standard": (_LOAD, _SCALED, _SPECTRA, _LOGISTIC),
        "strong": (_LOAD, _SCALED, _TOTAL, _LOGISTIC),
        "expert": (_LOAD, _SCALED, _PULL, _FOREST),
    }
    names = {"ID": id_column, "TARGET": target, "DEVICE": device}
    return tuple(
        Baseline(name=name, script=script(_READ, *body, _WRITE, **names))
        for name, body in bodies.items()
    )
