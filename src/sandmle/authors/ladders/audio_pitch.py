"""Ladder of scripts that read a quantity off the pitch of a noisy clip."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = """\
prediction = np.full(len(test), np.median(target))
"""

_RIDGE = """\
from sklearn.linear_model import Ridge

A, B = X / X.std(1, keepdims=True), Z / Z.std(1, keepdims=True)
prediction = Ridge(alpha=3000.0).fit(A, target).predict(B)
"""

_CROSSINGS = """\
def features(clips):
    \"\"\"Zero crossings and the shape of the wave.\"\"\"
    size = np.percentile(np.abs(clips), [50, 75, 95], axis=1).T
    crossings = (np.diff(np.sign(clips), axis=1) != 0).mean(1)
    return np.column_stack([crossings, size / clips.std(1, keepdims=True)])
"""

_BANDS = """\
def features(clips, bands=40):
    \"\"\"Share of the power in each band.\"\"\"
    power = np.abs(np.fft.rfft(clips * np.hanning(clips.shape[1]), axis=1)) ** 2
    parts = np.stack([part.sum(1) for part in np.array_split(power, bands, axis=1)], axis=1)
    return np.log(parts / parts.sum(1, keepdims=True))
"""

_FOREST = """\
from sklearn.ensemble import ExtraTreesRegressor

model = ExtraTreesRegressor(60, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(features(X), target).predict(features(Z))
"""

_LAG = """\
def features(clips):
    \"\"\"The lag at which a clip is most like itself, and how much so.\"\"\"
    spectrum = np.abs(np.fft.rfft(clips, 2 * clips.shape[1], axis=1)) ** 2
    spectrum[:, :100] = 0
    alike = np.fft.irfft(spectrum, axis=1)
    alike = alike / alike[:, :1]
    low = RATE // 420
    best = low + alike[:, low : RATE // 80].argmax(1)
    return np.column_stack([np.log2(RATE / best), alike[np.arange(len(clips)), best]])
"""

_CLEAN = """\
def cleaned(clips):
    \"\"\"Cut off clicks and level the loudness.\"\"\"
    limit = 4.0 * np.median(np.abs(clips), axis=1, keepdims=True)
    clips = np.clip(clips, -limit, limit)
    return clips / clips.std(1, keepdims=True)


def candidates(clips):
    \"\"\"Candidate pitches, and the spectrum in units of its noise, shape (n, bins).\"\"\"
    window = np.hanning(clips.shape[1])
    power = np.abs(np.fft.rfft(cleaned(clips) * window, 8192, axis=1)) ** 2
    pitch = np.geomspace(80.0, 440.0, 360)
    return pitch, power / np.median(power[:, 600:], axis=1, keepdims=True)
"""

_SUM = """\
def comb(clips):
    \"\"\"Power at the multiples of each candidate pitch, shape (n, pitches).\"\"\"
    pitch, power = candidates(clips)
    power[:, : int(135 * 8192 / RATE)] = 0
    score = np.zeros((len(clips), len(pitch)))
    for k in range(1, 6):
        inside = pitch * k < 950
        score[:, inside] += np.sqrt(power[:, np.round(pitch[inside] * k * 8192 / RATE).astype(int)])
    return np.log2(pitch), score
"""

_ODDS = """\
def comb(clips):
    \"\"\"How far the multiples of each pitch stand out; absent ones speak against it.\"\"\"
    pitch, power = candidates(clips)
    score = np.zeros((len(clips), len(pitch)))
    for k in range(1, 12):
        inside = (pitch * k > 135) & (pitch * k < 950)
        place = np.round(pitch[inside] * k * 8192 / RATE).astype(int)
        score[:, inside] += np.minimum(np.log1p(power[:, place]), 5.0) - 1.8
    return np.log2(pitch), score / 10
"""

_COMB = """\
def features(clips):
    pitch, score = comb(clips)
    return pitch[score.argmax(1)][:, None]
"""

_LINE = """\
from sklearn.linear_model import HuberRegressor

A, B = features(X)[:, :1], features(Z)[:, :1]
model = HuberRegressor(epsilon=1.1, max_iter=200).fit(A - 7.5, target)
prediction = np.clip(model.predict(B - 7.5), target.min(), target.max())
"""

_EXPERT = """\
from sklearn.linear_model import HuberRegressor

pitch, score = comb(X)
line = HuberRegressor(epsilon=1.1, max_iter=300)
found = pitch[score.argmax(1)]
for turn in range(4):
    # where a reading disagrees by octaves, the reading says which peak is right
    line.fit(np.column_stack([found - 7.5, (found - 7.5) ** 2]), target)
    curve = line.predict(np.column_stack([pitch - 7.5, (pitch - 7.5) ** 2]))
    miss = np.abs(curve[None, :] - target[:, None]) / (target.std() + 1e-9)
    found = pitch[(score - 4.0 * miss).argmax(1)]
_, likely = comb(Z)
# no clip is asked about that is far higher or lower than all known ones
likely[:, (pitch < np.quantile(found, 0.01)) | (pitch > np.quantile(found, 0.99))] = -np.inf
prediction = np.clip(curve[likely.argmax(1)], target.min(), target.max())

"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "ridge": (_RIDGE,),
    "naive": (_CROSSINGS, _FOREST),
    "standard": (_BANDS, _FOREST),
    "lag": (_LAG, _FOREST),
    "strong": (_CLEAN, _SUM, _COMB, _FOREST),
    "octaves": (_CLEAN, _ODDS, _COMB, _LINE),
    "expert": (_CLEAN, _ODDS, _EXPERT),
}


def pitch_ladder(*, loader: str, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `RATE`, `X` and `Z`, see `toolkit.wav`.
        id_column: Name of the id column.
        target: Name of the target.
    """
    ladder = []
    for rung, pieces in _RUNGS.items():
        load = "" if rung == "dummy" else loader
        ladder.append(
            Baseline(rung, script(READ, load, *pieces, WRITE, ID=id_column, TARGET=target))
        )
    return tuple(ladder)
