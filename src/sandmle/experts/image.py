"""The playbook for pictures in an array: patterns that lie anywhere, under changing light."""

from __future__ import annotations

from sandmle.experts import PLAYBOOKS
from sandmle.experts._shared import ARRAY_LOOK, ARRAYS, LABEL, LOGISTIC, NEIGHBOURS, TREES
from sandmle.experts.playbook import Choice, Facts, Playbook, Slot

_LOAD = f"""\
{ARRAYS}A = A.astype(float).reshape(*A.shape[:3], -1).mean(3)
"""

_LEVELLED = """\
A = A - A.mean((1, 2), keepdims=True)
A = A / (A.std((1, 2), keepdims=True) + 1e-9)
"""
# Takes away a plane of light, then cuts off what is far from the middle grey: scratches.
_FLATTENED = """\
line = np.linspace(-1, 1, A.shape[1]) + 0 * A[0]
for u in (line ** 0, line, line.T):
    part = (A * u).sum((1, 2)) / (u * u).sum()
    A = A - part[:, None, None] * u
A = A / (A.std((1, 2), keepdims=True) + 1e-9)
A = np.clip(A, -1.5, 1.5)
"""

_PIXELS = "X = A.reshape(len(A), -1)"
_LEVELS = """\
X = A.reshape(len(A), -1)
X = np.percentile(X, [5, 25, 50, 75, 95], axis=1).T
"""
_EDGES = """\
dy, dx = np.gradient(A, axis=(1, 2))
size, angle = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi
place = np.minimum(angle * 8 / np.pi, 7).astype(int)
parts = [size * (place == k) for k in range(8)]
X = np.stack(parts, axis=1).sum((2, 3))
"""
_SPECTRUM = """\
F = np.abs(np.fft.rfft2(A))[:, :, 3:14]
X = F.reshape(len(A), -1)
"""
_BLURRED = """\
F = np.abs(np.fft.fftshift(np.fft.fft2(A), axes=(1, 2)))
c = A.shape[1] // 2
F = F[:, c:c + 14, c - 13:c + 14] ** 2
F = F[:, :-2] + 2 * F[:, 1:-1] + F[:, 2:]
F = F[:, :, :-2] + 2 * F[:, :, 1:-1] + F[:, :, 2:]
X = np.sqrt(F).reshape(len(A), -1)
"""

_UNIT = "X = X / (np.linalg.norm(X, axis=1)[:, None] + 1e-9)"

_RIDGE = """\
from sklearn.linear_model import RidgeClassifier
model = RidgeClassifier()
"""
_EVEN_RIDGE = """\
from sklearn.linear_model import RidgeClassifier
model = RidgeClassifier(class_weight="balanced")
"""
_SVM = """\
from sklearn.svm import SVC
model = SVC(C=10)
"""

# Brightness that differs between the labels of train is a trap: it comes from how they were taken.
_LOOK = f"""\
{ARRAY_LOOK}print("side:", "small" if A.shape[1] < 40 else "large")
print("colours:", "grey" if A.ndim < 4 else "several")
light = pd.Series(A.reshape(len(A), -1).mean(1))
mine = light.groupby(train[target]).transform("mean")
fixed = mine.var() > light.var() / 2
print("light:", "by label" if fixed else "mixed")
"""


def _advise(facts: Facts) -> dict[str, str]:
    uneven = facts.get("light") == "by label"
    return {
        "load": "load",
        "light": "flatten" if uneven else "level",
        "features": "blurred-spectrum",
        "scale": "unit",
        "model": "svm",
        "output": "label",
    }


PLAYBOOKS.register("image")(
    Playbook(
        name="image",
        modalities=("image",),
        look=_LOOK,
        slots=(
            Slot("load", (Choice("load", _LOAD),)),
            Slot(
                "light",
                (Choice("as-is", ""), Choice("level", _LEVELLED), Choice("flatten", _FLATTENED)),
            ),
            Slot(
                "features",
                (
                    Choice("pixels", _PIXELS),
                    Choice("levels", _LEVELS),
                    Choice("edges", _EDGES),
                    Choice("spectrum", _SPECTRUM),
                    Choice("blurred-spectrum", _BLURRED),
                ),
            ),
            Slot("scale", (Choice("raw", ""), Choice("unit", _UNIT))),
            Slot(
                "model",
                (
                    Choice("ridge", _RIDGE),
                    Choice("even-ridge", _EVEN_RIDGE),
                    Choice("svm", _SVM),
                    Choice("logistic", LOGISTIC),
                    Choice("trees", TREES),
                    Choice("neighbours", NEIGHBOURS),
                ),
            ),
            Slot("output", (Choice("label", LABEL),)),
        ),
        advise=_advise,
    )
)
