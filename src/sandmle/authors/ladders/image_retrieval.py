"""Ladder of scripts that rank known individuals for small grey pictures.

The scripts know that an individual keeps its spots while it moves and turns and the light changes.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", dtype=str)
test = pd.read_csv("input/test.csv", dtype=str)
names, who = np.unique(train[$TARGET].to_numpy(dtype=str), return_inverse=True)
"""

_WRITE = """\
order = np.argsort(-score, axis=1, kind="stable")[:, :5]
guesses = [" ".join(names[row]) for row in order]
pd.DataFrame({$ID: test[$ID], $TARGET: guesses}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
score = np.tile(np.bincount(who).astype(float), (len(test), 1))
"""

_NEAREST = """\
def unit(values):
    flat = values.reshape(len(values), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def by_name(likeness):
    \"\"\"Mean likeness of the three pictures of each individual that are most alike.\"\"\"
    return np.stack(
        [np.sort(likeness[:, who == k], axis=1)[:, -3:].mean(1) for k in range(len(names))], axis=1
    )


"""

_NAIVE = """\
score = by_name(unit(Z) @ unit(X).T)
"""

_FLATTEN = """\
from scipy.ndimage import gaussian_filter


def flatten(pictures):
    \"\"\"Take slow changes of light away.\"\"\"
    return pictures - gaussian_filter(pictures, (0, 3, 3))


A, B = flatten(X), flatten(Z)
"""

_STANDARD = """\
def blurred(pictures):
    return unit(gaussian_filter(pictures, (0, 1.2, 1.2)))


score = by_name(blurred(B) @ blurred(A).T)
"""

_SPECTRUM = """\
def spectrum(pictures):
    \"\"\"Magnitudes of the spectrum: where the spots lie does not matter.\"\"\"
    magnitude = np.abs(np.fft.rfft2(np.maximum(pictures, 0)))[:, :, :9]
    low = np.concatenate([magnitude[:, :9], magnitude[:, -8:]], axis=1)
    return unit(gaussian_filter(low, (0, 0.7, 0.7)))


score = by_name(spectrum(B) @ spectrum(A).T)
"""

_LAGS = """\
def lags(pictures, reach=14):
    \"\"\"Products of the picture with itself at every shift: spots become distances of spots.\"\"\"
    side = pictures.shape[1]
    size = (2 * side, 2 * side)
    power = np.abs(np.fft.rfft2(np.maximum(pictures - 8, 0), s=size)) ** 2
    shifted = np.fft.fftshift(np.fft.irfft2(power, s=size), axes=(1, 2))
    window = slice(side - reach, side + reach + 1)
    return shifted[:, window, window]


"""

_STRONG = """\
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


def distances(pictures):
    \"\"\"How often spots lie how far apart: turning does not matter either.\"\"\"
    table = lags(pictures)
    axis = np.arange(table.shape[1]) - table.shape[1] // 2
    away = np.hypot(*np.meshgrid(axis, axis))
    rings = []
    for far in np.arange(2, 14, 0.5):
        weight = np.maximum(0, 1 - np.abs(away - far))
        rings.append((table * weight).sum((1, 2)) / np.sqrt(weight.sum()))
    return unit(np.sqrt(np.maximum(np.column_stack(rings), 0)))


model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3)
score = model.fit(distances(A), who).decision_function(distances(B))
"""

_EXPERT = """\
from scipy.ndimage import map_coordinates


def polar(pictures, turns=18):
    \"\"\"The shifts by distance and direction, each distance around its own mean.\"\"\"
    table = lags(pictures)
    middle = table.shape[1] // 2
    angle, far = np.arange(turns) * np.pi / turns, np.arange(2.5, 13)[:, None]
    down, right = middle + far * np.sin(angle), middle + far * np.cos(angle)
    number = np.arange(len(table))[:, None, None]
    shape = (len(table), *down.shape)
    places = [np.broadcast_to(part, shape) for part in (number, down, right)]
    rings = np.sqrt(np.maximum(map_coordinates(table, places, order=1), 0))
    rings = rings - rings.mean(2, keepdims=True)
    return rings / np.linalg.norm(rings, axis=(1, 2), keepdims=True)


# likeness at the best of all turns, by one product of spectra along the direction
A, B = np.fft.rfft(polar(A), axis=2), np.fft.rfft(polar(B), axis=2)
products = np.stack([B[:, :, k] @ np.conj(A[:, :, k]).T for k in range(A.shape[2])], axis=2)
score = by_name(np.fft.irfft(products, n=18, axis=2).max(2))
"""


def retrieval_ladder(loader: str, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that reads the pictures as `X` and `Z`.
        id_column: Name of the id column.
        target: Name of the column with the individual's code, or a ranked list of codes.
    """
    flat = (loader, _NEAREST, _FLATTEN)
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (loader, _NEAREST, _NAIVE),
        "standard": (*flat, _STANDARD),
        "spectrum": (*flat, _SPECTRUM),
        "strong": (*flat, _LAGS, _STRONG),
        "expert": (*flat, _LAGS, _EXPERT),
    }
    return tuple(
        Baseline(name=rung, script=script(_READ, *body, _WRITE, ID=id_column, TARGET=target))
        for rung, body in bodies.items()
    )
