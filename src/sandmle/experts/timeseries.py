"""The playbook for windows of readings in an array: motions by any mounting, odd bursts."""

from __future__ import annotations

from sandmle.experts import PLAYBOOKS
from sandmle.experts._shared import (
    ARRAY_LOOK,
    ARRAYS,
    BAYES,
    CHANCE,
    LABEL,
    LOGISTIC,
    NEIGHBOURS,
    TREES,
    asks_number,
)
from sandmle.experts.playbook import Choice, Facts, Playbook, Slot

_LOAD = f"""\
{ARRAYS}A = A.astype(float).reshape(*A.shape[:2], -1)
g = pd.concat([train, test])[test.columns[-1]]
g = pd.factorize(g)[0]
"""
"""Afterwards: `A` (row, time, axis), and `g`, the device of each row as a number."""

# Where readings were lost, all axes hold the lowest number that there is.
_FILL = "A = np.where(A == A.min(), np.median(A, 1)[:, None], A)"

_NORM = "A = np.linalg.norm(A, axis=2, keepdims=True)"
_STEPS = "A = np.diff(A, axis=1)"
# The steady pull on a device says which way is down, however it is fixed.
_DOWN = """\
pull = pd.DataFrame(A.mean(1)).groupby(g).transform("mean")
pull = pull.to_numpy()[:, None]
pull = pull / np.linalg.norm(pull, axis=2, keepdims=True)
A = A - A.mean(1, keepdims=True)
up = (A * pull).sum(2, keepdims=True)
A = np.concatenate([up, A - up * pull], axis=2)
"""
# What a device's own rhythm leaves over: a trend and three waves, of the period that fits best.
_RHYTHM = """\
t = np.arange(A.shape[1])[:, None]
p = np.arange(8, 26, 0.1)[:, None, None]
W = np.exp(2j * np.pi * t / p * [0.01, 1, 2, 3])
Q = np.linalg.qr(np.concatenate([W.real, W.imag], 2))[0]
for k in range(g.max() + 1):
    B = A[g == k][:30, :, 0]
    q = Q[((B @ Q) ** 2).sum((1, 2)).argmax()]
    A[g == k] -= q @ (q.T @ A[g == k])
"""

_WINDOW = """\
A = A - A.mean(1, keepdims=True)
A = A / (A.std((1, 2), keepdims=True) + 1e-9)
"""
_DEVICE = """\
for k in range(g.max() + 1):
    A[g == k] /= A[g == k].std((0, 1)).max() + 1e-9
"""

_SUMMARY = "X = np.hstack([A.mean(1), A.std(1), A.min(1), A.max(1)])"
_BURSTS = """\
P = np.cumsum(A ** 2, axis=1)
top = (P[:, 12:] - P[:, :-12]).max(1)
X = np.log1p(np.hstack([A.std(1), abs(A).max(1), top]))
"""
_POWER = """\
M = A - A.mean(1, keepdims=True)
M = M * np.hanning(A.shape[1])[:, None]
P = np.abs(np.fft.rfft(M, axis=1))[:, 1:24] ** 2
"""
_SPECTRUM = f"{_POWER}X = np.log1p(P.reshape(len(P), -1))"
_TOTAL = f"{_POWER}X = np.log1p(P.sum(2))"
_SPLIT = f"{_POWER}X = np.log1p(np.hstack([P[:, :, 0], P[:, :, 1:].sum(2)]))"

_LOOK = f"""\
{ARRAY_LOOK}print("axes:", "one" if A.ndim < 3 else "several")
lost = (A == A.min()).mean() > 0.01
print("lost readings:", "yes" if lost else "no")
group = test.columns[-1]
new = set(test[group]) - set(train[group])
print("devices in test:", "others" if new else "the same")
"""


def _not_one_axis(facts: Facts) -> bool:
    return facts.get("axes") != "one"


def _advise(facts: Facts) -> dict[str, str]:
    gaps = {"gaps": "fill" if facts.get("lost readings") == "yes" else "leave"}
    output = {"output": "chance" if asks_number(facts) else "label"}
    if "axes" not in facts:
        return output
    if _not_one_axis(facts):
        steps = {"parts": "down", "units": "device", "features": "split-spectrum", "model": "trees"}
    else:
        steps = {"parts": "rhythm", "units": "device", "features": "bursts", "model": "logistic"}
    return {"load": "load"} | gaps | steps | output


PLAYBOOKS.register("timeseries")(
    Playbook(
        name="timeseries",
        modalities=("timeseries",),
        look=_LOOK,
        slots=(
            Slot("load", (Choice("load", _LOAD),)),
            Slot("gaps", (Choice("leave", ""), Choice("fill", _FILL, weight=2))),
            Slot(
                "parts",
                (
                    Choice("axes", ""),
                    Choice("norm", _NORM, works=_not_one_axis),
                    Choice("steps", _STEPS),
                    Choice("down", _DOWN, weight=2, works=_not_one_axis),
                    Choice("rhythm", _RHYTHM, weight=3),
                ),
            ),
            Slot(
                "units",
                (Choice("raw", ""), Choice("window", _WINDOW), Choice("device", _DEVICE, weight=2)),
            ),
            Slot(
                "features",
                (
                    Choice("summary", _SUMMARY),
                    Choice("spectrum", _SPECTRUM),
                    Choice("total-spectrum", _TOTAL, works=_not_one_axis),
                    Choice("split-spectrum", _SPLIT, works=_not_one_axis),
                    Choice("bursts", _BURSTS, weight=2),
                ),
            ),
            Slot(
                "model",
                (
                    Choice("logistic", LOGISTIC),
                    Choice("trees", TREES),
                    Choice("neighbours", NEIGHBOURS),
                    Choice("bayes", BAYES),
                ),
            ),
            Slot(
                "output",
                (Choice("label", LABEL), Choice("chance", CHANCE, weight=3, works=asks_number)),
            ),
        ),
        advise=_advise,
    )
)
