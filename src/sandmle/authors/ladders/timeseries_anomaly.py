"""The ladder for odd windows of rhythmic sensors: from plain spread to fits and bursts."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_LOAD = """\
X = np.load("input/train_windows.npy").astype(float)
Z = np.load("input/test_windows.npy").astype(float)
X[X == -32768], Z[Z == -32768] = np.nan, np.nan
"""

_DUMMY = """\
prediction = np.full(len(test), target.mean())
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

A, A_test = features(X, train), features(Z, test)
scaler = StandardScaler().fit(A)
model = LogisticRegression(C=0.05, max_iter=200).fit(scaler.transform(A), target)
prediction = model.predict_proba(scaler.transform(A_test))[:, 1]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

A, A_test = features(X, train), features(Z, test)
model = RandomForestClassifier(25, min_samples_leaf=4, random_state=0, n_jobs=1).fit(A, target)
prediction = model.predict_proba(A_test)[:, 1]
"""

_SPREAD = """\
def features(windows, table):
    spread = np.nanstd(windows, axis=1)
    return np.column_stack([spread, np.nanmax(windows, axis=1) - np.nanmin(windows, axis=1)])
"""

_STATS = """\
names = sorted(train[$SENSOR].unique())


def features(windows, table):
    out = np.zeros((len(windows), 8))
    for name in names:
        mine = (table[$SENSOR] == name).to_numpy()
        values = windows[mine]
        values = (values - np.nanmean(values)) / np.nanstd(values)
        jumps = np.abs(np.diff(values, axis=1))
        out[mine] = np.column_stack([
            np.nanmean(values, axis=1), np.nanstd(values, axis=1),
            *np.nanquantile(values, [0.02, 0.25, 0.75, 0.98], axis=1),
            np.nanmean(jumps, axis=1), np.nanmax(jumps, axis=1)])
    return out
"""

_RHYTHM = """\
names = sorted(train[$SENSOR].unique())
time = np.arange(X.shape[1])


def basis(period, harmonics=3):
    turns = [2 * np.pi * k * time / period for k in range(1, harmonics + 1)]
    waves = [wave(turn) for turn in turns for wave in (np.cos, np.sin)]
    return np.column_stack([np.ones(len(time)), (time - time.mean()) / len(time), *waves])


def left_over(values, period):
    Q = np.linalg.qr(basis(period))[0]
    return values - (values @ Q) @ Q.T


def find_period(values):
    values = values[:30]
    best = min(np.arange(8, 26, 0.4), key=lambda p: (left_over(values, p) ** 2).sum())
    fine = best + np.linspace(-0.4, 0.4, 9)
    return min(fine, key=lambda p: (left_over(values, p) ** 2).sum())


def filled(values):
    middle = np.nanmedian(values, axis=1, keepdims=True)
    return np.where(np.isnan(values), middle, values)


both = np.vstack([X, Z])
where = np.concatenate([train[$SENSOR], test[$SENSOR]])
periods = {name: find_period(filled(both[where == name])) for name in names}
"""

_RESIDUAL = """\
def features(windows, table):
    out = np.zeros((len(windows), 3))
    for name in names:
        mine = (table[$SENSOR] == name).to_numpy()
        rest = left_over(filled(windows[mine]), periods[name])
        rest = rest / np.median(np.abs(rest))
        power = np.cumsum(np.pad(rest**2, ((0, 0), (1, 0))), axis=1)
        rolling = (power[:, 12:] - power[:, :-12]).max(axis=1)
        out[mine] = np.log(np.column_stack(
            [rest.std(axis=1), np.abs(rest).max(axis=1), rolling]))
    return out
"""

_EXPERT = """\
def cleaned(values, period):
    # spikes, gaps and readings at the end of the range are replaced by what the rhythm says
    top = np.nanmax(values)
    stuck = values >= top if (values >= top).mean() > 0.01 else np.zeros(values.shape, bool)
    gap = np.isnan(values) | stuck
    values = filled(values)
    size = np.median(np.abs(values - np.median(values, axis=1, keepdims=True)))
    for step in range(5):
        rest = left_over(values, period)
        size = np.median(np.abs(rest)) * 1.48
        smooth = np.median(np.stack([np.roll(rest, k, axis=1) for k in (-2, -1, 0, 1, 2)]), axis=0)
        spike = np.abs(rest - smooth) > 4.2 * size
        values = np.where(gap | spike, values - rest, values)
    return values, left_over(values, period), size


FREQUENCIES = np.arange(0.1, 0.38, 0.035)
LENGTH = 12
taper = np.sin(np.pi * (np.arange(LENGTH) + 0.5) / LENGTH)
waves = taper * np.exp(2j * np.pi * FREQUENCIES[:, None] * np.arange(LENGTH))


def features(windows, table):
    out = np.zeros((len(windows), len(FREQUENCIES) + 2))
    for name in names:
        mine = (table[$SENSOR] == name).to_numpy()
        values, rest, size = cleaned(windows[mine], periods[name])
        # what two fits, before and after a cut, explain better than one
        A, options = basis(periods[name], 2), [rest]
        for at in range(len(time) // 5, len(time) - len(time) // 5, 5):
            option = values.copy()
            for rows in (slice(None, at), slice(at, None)):
                Q = np.linalg.qr(A[rows])[0]
                option[:, rows] -= (values[:, rows] @ Q) @ Q.T
            options.append(option)
        power = (np.stack(options) ** 2).sum(axis=2) / size**2
        best = 1 + power[1:].argmin(axis=0)
        gain = power[0] - power.min(axis=0)
        best = np.where(gain > 25, best, 0)
        rest = np.stack(options)[best, np.arange(len(values))]
        cut = np.lib.stride_tricks.sliding_window_view(rest / size, LENGTH, axis=1)
        spectrum = (np.abs(cut @ waves.T) ** 2).max(axis=1) / (taper**2).sum()
        out[mine] = np.column_stack([np.sqrt(spectrum), np.sqrt(np.maximum(gain, 1)),
                                     np.log((rest**2).sum(axis=1))])
    return out
"""


def anomaly_ladder(*, id_column: str, target: str, sensor: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first."""
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_LOAD, _SPREAD, _LOGISTIC),
        "standard": (_LOAD, _STATS, _FOREST),
        "strong": (_LOAD, _RHYTHM, _RESIDUAL, _LOGISTIC),
        "expert": (_LOAD, _RHYTHM, _EXPERT, _LOGISTIC),
    }
    return tuple(
        Baseline(
            name=name, script=script(READ, *body, WRITE, ID=id_column, TARGET=target, SENSOR=sensor)
        )
        for name, body in bodies.items()
    )
