"""The playbook for clips of sound in an array: how high a tone is, whatever else is heard."""

from __future__ import annotations

from sandmle.experts import PLAYBOOKS
from sandmle.experts._shared import ARRAY_LOOK, ARRAYS
from sandmle.experts.playbook import Choice, Facts, Playbook, Slot

_LOAD = f"""\
{ARRAYS}A = A.astype(float).reshape(len(A), -1)
"""

_LEVELLED = "A = A / (A.std(1, keepdims=True) + 1e-9)"
# Clicks are cut off at four times the usual size.
_CUT = """\
top = 4 * np.median(np.abs(A), axis=1, keepdims=True)
A = np.clip(A, -top, top)
A = A / (A.std(1, keepdims=True) + 1e-9)
"""

_WAVE = "X = A"
_CROSSINGS = """\
turns = (np.diff(np.sign(A), axis=1) != 0).mean(1)
X = np.percentile(np.abs(A), [50, 75, 95], axis=1)
X = np.column_stack([turns, *X])
"""
_BANDS = """\
W = A * np.hanning(A.shape[1])
P = np.abs(np.fft.rfft(W)) ** 2
P = np.array_split(P, 40, axis=1)
P = np.stack([part.sum(1) for part in P], axis=1) + 1e-9
X = np.log(P / P.sum(1, keepdims=True))
"""
# The lag at which a clip is most like itself; slow waves, such as hum, do not count.
_LAG = """\
P = np.abs(np.fft.rfft(A, 2 * A.shape[1])) ** 2
P[:, :P.shape[1] // 6] = 0
alike = np.fft.irfft(P)[:, 4:25]
X = np.log2(4 + alike.argmax(1))[:, None]
"""
# Pitches in cycles per sample; slow waves, such as hum, do not count.
_PITCHES = """\
W = A * np.hanning(A.shape[1])
P = np.abs(np.fft.rfft(W, 8192)) ** 2
P = P / np.median(P, axis=1, keepdims=True)
pitch = np.geomspace(0.04, 0.22, 360)
S = np.zeros((len(A), 360))
"""
_COMB = f"""\
{_PITCHES}for k in range(1, 6):
    at = np.round(pitch * k * 8192).astype(int)
    ok = (at > 550) & (at < 3900)
    S[:, ok] += np.sqrt(P[:, at[ok]])
X = np.log2(pitch[S.argmax(1)])[:, None]
"""
# As the comb, but a multiple that is absent speaks against a pitch.
_GAPS = f"""\
{_PITCHES}for k in range(1, 12):
    at = np.round(pitch * k * 8192).astype(int)
    ok = (at > 550) & (at < 3900)
    S[:, ok] += np.log1p(P[:, at[ok]]).clip(0, 5) - 1.8
X = np.log2(pitch[S.argmax(1)])[:, None]
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
X = (X - X[:n].mean(0)) / (X[:n].std(0) + 1e-9)
model = RidgeCV(np.logspace(-1, 4, 11))
"""
_HUBER = """\
from sklearn.linear_model import HuberRegressor
X = (X - X[:n].mean(0)) / (X[:n].std(0) + 1e-9)
model = HuberRegressor(epsilon=1.1, alpha=1)
"""
_TREES = """\
from sklearn.ensemble import ExtraTreesRegressor as Trees
model = Trees(50, min_samples_leaf=3, random_state=0)
"""
_NEIGHBOURS = """\
from sklearn.neighbors import KNeighborsRegressor
model = KNeighborsRegressor(5)
"""

_NUMBER = """\
p = model.fit(X[:n], y).predict(X[n:])
p = np.clip(p, y.min(), y.max())
out = pd.DataFrame({idc: test[idc], target: p})
out.to_csv("submission.csv", index=False)
"""

_LOOK = f"""\
{ARRAY_LOOK}A = A.reshape(len(A), -1)
print("clips:", "short" if A.shape[1] < 5000 else "long")
peak = np.median(np.abs(A).max(1) / A.std(1))
print("peaks:", "high" if peak > 3.5 else "low")
"""


def _advise(facts: Facts) -> dict[str, str]:
    return {
        "load": "load",
        "loudness": "cut" if facts.get("peaks") == "high" else "level",
        "features": "comb-with-gaps",
        "model": "neighbours",
        "output": "number",
    }


PLAYBOOKS.register("audio")(
    Playbook(
        name="audio",
        modalities=("audio",),
        look=_LOOK,
        slots=(
            Slot("load", (Choice("load", _LOAD),)),
            Slot(
                "loudness",
                (Choice("as-is", ""), Choice("level", _LEVELLED), Choice("cut", _CUT)),
            ),
            Slot(
                "features",
                (
                    Choice("wave", _WAVE),
                    Choice("crossings", _CROSSINGS),
                    Choice("bands", _BANDS),
                    Choice("lag", _LAG),
                    Choice("comb", _COMB, weight=0.5),
                    Choice("comb-with-gaps", _GAPS, weight=0.5),
                ),
            ),
            Slot(
                "model",
                (
                    Choice("ridge", _RIDGE),
                    Choice("huber", _HUBER),
                    Choice("trees", _TREES),
                    Choice("neighbours", _NEIGHBOURS),
                ),
            ),
            Slot("output", (Choice("number", _NUMBER),)),
        ),
        advise=_advise,
    )
)
