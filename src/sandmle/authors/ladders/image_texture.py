"""Ladder of scripts for small grey images with one label each.

The scripts know what textures, lighting and clutter are like, never what one task's rule is.
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

_FOREST_IMPORT = """
from sklearn.ensemble import RandomForestClassifier
"""

_DUMMY = """
predicted = y.mode()[0]
"""

_LEVELS = """
from sklearn.ensemble import RandomForestClassifier


def levels(images):
    flat = images.reshape(len(images), -1)
    spread = np.percentile(flat, [5, 25, 50, 75, 95], axis=1).T
    return np.column_stack([flat.mean(1), flat.std(1), spread])
"""

_NAIVE = """
model = RandomForestClassifier(25, min_samples_leaf=3, random_state=0, n_jobs=1)
predicted = model.fit(levels(X), y).predict(levels(Z))
"""

_GRADIENTS = """
from sklearn.ensemble import RandomForestClassifier


def gradients(images, bins=8):
    \"\"\"Histogram of edge directions, weighted by strength, and edge statistics.\"\"\"
    n, features = len(images), []
    for step in (1, 2):
        dy = images[:, 2 * step :, step:-step] - images[:, : -2 * step, step:-step]
        dx = images[:, step:-step, 2 * step :] - images[:, step:-step, : -2 * step]
        strength, angle = np.hypot(dx, dy), np.arctan2(dy, dx) % np.pi
        place = np.minimum((angle / np.pi * bins).astype(int), bins - 1)
        place += bins * np.arange(n)[:, None, None]
        histogram = np.bincount(place.ravel(), strength.ravel(), n * bins).reshape(n, bins)
        features += [histogram / histogram.sum(1, keepdims=True)]
        features += [strength.mean((1, 2)), strength.std((1, 2))]
    return np.column_stack(features)
"""

_FOREST = """
A, B = np.hstack([levels(X), gradients(X)]), np.hstack([levels(Z), gradients(Z)])
model = RandomForestClassifier(25, min_samples_leaf=2, random_state=0, n_jobs=1)
predicted = model.fit(A, y).predict(B)
"""

_STANDARD = """
model = RandomForestClassifier(25, min_samples_leaf=2, random_state=0, n_jobs=1)
predicted = model.fit(gradients(X), y).predict(gradients(Z))
"""

_SPECTRAL = """
from sklearn.ensemble import RandomForestClassifier


def wedges_and_rings(images, wedges=12, rings=10):
    \"\"\"Share of the power in each direction, and share of the power at each frequency.\"\"\"
    power = np.abs(np.fft.rfft2(images - images.mean((1, 2), keepdims=True))) ** 2
    side = images.shape[1]
    fy, fx = np.meshgrid(np.fft.fftfreq(side) * side, np.arange(side // 2 + 1), indexing="ij")
    radius, angle = np.hypot(fx, fy), np.arctan2(fy, fx) % np.pi
    power = power * ((radius > 2) & (radius < 13))
    wedge = np.minimum((angle / np.pi * wedges).astype(int), wedges - 1)
    ring = np.minimum(((radius - 2) / 11 * rings).astype(int), rings - 1)
    features = [(power * (wedge == w)).sum((1, 2)) for w in range(wedges)]
    features += [(power * (ring == r)).sum((1, 2)) for r in range(rings)]
    return np.column_stack(features) / power.sum((1, 2))[:, None]


model = RandomForestClassifier(25, min_samples_leaf=2, random_state=0, n_jobs=1)
predicted = model.fit(wedges_and_rings(X), y).predict(wedges_and_rings(Z))
"""

_LINEAR = """
from sklearn.linear_model import RidgeClassifier


def spectrum(images):
    flat = images - images.mean((1, 2), keepdims=True)
    magnitude = np.abs(np.fft.rfft2(flat))[:, :, 3:14].reshape(len(images), -1)
    return magnitude / np.linalg.norm(magnitude, axis=1, keepdims=True)


predicted = RidgeClassifier(alpha=1.0).fit(spectrum(X), y).predict(spectrum(Z))
"""

_STRONG = """
from sklearn.svm import SVC


def spectrum(images):
    \"\"\"Blurred magnitudes of the spectrum: where a pattern lies does not matter.\"\"\"
    flat = images - images.mean((1, 2), keepdims=True)
    c = images.shape[1] // 2
    power = np.abs(np.fft.fftshift(np.fft.fft2(flat), axes=(1, 2))) ** 2
    power = power[:, c : c + 14, c - 13 : c + 14]
    blurred = sum(power[:, i : i + 12, j : j + 25] for i in range(3) for j in range(3))
    magnitude = np.sqrt(blurred.reshape(len(images), -1))
    return magnitude / np.linalg.norm(magnitude, axis=1, keepdims=True)


predicted = SVC(C=10.0, gamma=4.0).fit(spectrum(X), y).predict(spectrum(Z))
"""

_EXPERT = """
from sklearn.svm import SVC


def spectrum(images):
    \"\"\"Direction and frequency together: a blurred spectrum, lighting and scratches damped.\"\"\"
    n, side = len(images), images.shape[1]
    axis = np.linspace(-1, 1, side)
    basis = np.stack([np.ones((side, side)), *np.meshgrid(axis, axis)]).reshape(3, -1)
    flat = images.reshape(n, -1)
    flat = flat - flat @ np.linalg.pinv(basis) @ basis
    # far from the middle grey: a scratch, or the fold of a coarser pattern
    flat = np.clip(flat / flat.std(1, keepdims=True), -1.5, 1.5).reshape(n, side, side)
    c = side // 2
    power = np.abs(np.fft.fftshift(np.fft.fft2(flat), axes=(1, 2))) ** 2
    power = power[:, c - 1 : c + 14, c - 13 : c + 14]
    row, column = np.ogrid[-1:14, -13:14]
    power = power * (np.hypot(row, column) > 2.9)
    blurred = sum(
        (2 - abs(i)) * (2 - abs(j)) * power[:, 1 + i : 14 + i, 1 + j : 26 + j]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    )
    # powers, not magnitudes: what is strong counts, and the sum of all the noise does not
    power = blurred.reshape(n, -1)
    return power / np.linalg.norm(power, axis=1, keepdims=True)


predicted = SVC(C=10.0, gamma=2.0).fit(spectrum(X), y).predict(spectrum(Z))
"""


def image_ladder(*, id_column: str, label_column: str, loader: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        id_column: Name of the id column.
        label_column: Name of the target.
        loader: Python source that defines the pictures `X` and `Z`, see `toolkit.pictures`.
    """
    bodies = {
        "dummy": _DUMMY,
        "naive": loader + _LEVELS + _NAIVE,
        "forest": loader + _LEVELS + _GRADIENTS.replace(_FOREST_IMPORT, "") + _FOREST,
        "standard": loader + _GRADIENTS + _STANDARD,
        "spectral": loader + _SPECTRAL,
        "linear": loader + _LINEAR,
        "strong": loader + _STRONG,
        "expert": loader + _EXPERT,
    }
    ladder = []
    for rung, body in bodies.items():
        script = (_READ + body + _WRITE).replace("__ID__", id_column)
        ladder.append(Baseline(name=rung, script=script.replace("__LABEL__", label_column)))
    return tuple(ladder)
