"""Ladder of scripts for small grey pictures with several yes-or-no labels.

The scripts know that small bright or dark things lie about in uneven light, never what they look
like.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
labels = $LABELS
Y = train[labels].to_numpy()
"""

_CHANCES = """\
out = pd.DataFrame(chance, columns=labels)
"""

_DECISIONS = """\
# under F1, a label pays from a chance of about 0.4 on
out = pd.DataFrame((chance > 0.4).astype(int), columns=labels)
"""

_WRITE = """\
out.insert(0, $ID, test[$ID])
out.to_csv("submission.csv", index=False)
"""

_DUMMY_CHANCES = """\
chance = np.tile(Y.mean(0), (len(test), 1))
"""

_DUMMY_DECISIONS = """\
chance = np.ones((len(test), len(labels)))
"""

_FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier


def forest(known, asked):
    model = ExtraTreesClassifier(40, min_samples_leaf=2, random_state=0, n_jobs=1)
    return np.column_stack([p[:, 1] for p in model.fit(known, Y).predict_proba(asked)])


"""

_NAIVE = """\
def levels(pictures):
    flat = pictures.reshape(len(pictures), -1)
    shares = np.percentile(flat, [5, 25, 50, 75, 95], axis=1).T
    return np.column_stack([flat.mean(1), flat.std(1), shares])


chance = forest(levels(X), levels(Z))
"""

_FLATTEN = """\
from scipy.ndimage import gaussian_filter


def flatten(pictures):
    \"\"\"Take slow changes of light away.\"\"\"
    return pictures - gaussian_filter(pictures, (0, 4, 4))


A, B = flatten(X), flatten(Z)
"""

_EDGES = """\
def edges(pictures, bins=8):
    \"\"\"Histogram of edge directions, weighted by strength.\"\"\"
    smooth = gaussian_filter(pictures, (0, 1, 1))
    down, right = np.gradient(smooth, axis=1), np.gradient(smooth, axis=2)
    strength, angle = np.hypot(right, down), np.arctan2(down, right) % np.pi
    place = np.minimum((angle / np.pi * bins).astype(int), bins - 1)
    sums = [(strength * (place == b)).sum((1, 2)) for b in range(bins)]
    return np.column_stack([*sums, strength.std((1, 2))])


chance = forest(edges(A), edges(B))
"""

_PEAKS = """\
def peaks(response):
    \"\"\"The highest response, and one that counts the next ones, too.\"\"\"
    flat = np.maximum(response.reshape(len(response), -1), 0)
    return [flat.max(1), np.cbrt((flat * flat * flat).mean(1))]


"""

_SPOTS = """\
def spots(pictures):
    found = []
    for size in (0.8, 1.3, 2.0):
        band = gaussian_filter(pictures, (0, size, size))
        band = band - gaussian_filter(pictures, (0, 1.6 * size, 1.6 * size))
        found += peaks(band) + peaks(-band)
    return np.column_stack(found)


chance = forest(spots(A), spots(B))
"""

_BANK = """\
def bank(pictures):
    \"\"\"Peaks of second derivatives in several directions and sizes.\"\"\"
    found = []
    for size in (0.8, 1.3, 2.0):
        width = (0, size, size)
        across = gaussian_filter(pictures, width, order=(0, 0, 2))
        down = gaussian_filter(pictures, width, order=(0, 2, 0))
        mixed = gaussian_filter(pictures, width, order=(0, 1, 1))
        both, unlike = across + down, np.hypot(across - down, 2 * mixed)
        found += peaks(-both) + peaks(both) + peaks(unlike) + peaks(-both - unlike)
        for turn in range(4):
            c, s = np.cos(turn * np.pi / 4), np.sin(turn * np.pi / 4)
            line = -(c * c * across + 2 * c * s * mixed + s * s * down)
            found += peaks(line)
            if size == 0.8:
                found += peaks(gaussian_filter(line, (0, 1.5, 1.5)))
    return np.column_stack(found)


A, B = bank(A), bank(B)
"""

_LINEAR = """\
from sklearn.linear_model import LogisticRegression


def linear(known, asked, weight):
    middle, spread = known.mean(0), known.std(0) + 1e-9
    known, asked = (known - middle) / spread, (asked - middle) / spread
    models = [
        LogisticRegression(C=0.02, max_iter=200).fit(known, y, sample_weight=weight) for y in Y.T
    ]
    return np.column_stack([model.predict_proba(asked)[:, 1] for model in models])


"""

_STRONG = """\
chance = linear(A, B, None)
"""

_EXPERT = """\
# labels come together in training: weigh pictures as if each came by itself
share = Y.mean(0)
alone = np.where(Y == 1, share, 1 - share).prod(1)
code = Y @ (1 << np.arange(len(labels)))
together = np.bincount(code)[code] / len(Y)
weight = np.minimum(alone / together, 5)
chance = linear(A, B, weight / weight.mean())
"""


def multilabel_ladder(
    loader: str, *, id_column: str, labels: Sequence[str], decisions: bool
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that reads the pictures as `X` and `Z`.
        id_column: Name of the id column.
        labels: Columns of 0 and 1.
        decisions: Whether 0 or 1 is submitted, rather than chances.
    """
    write = (_DECISIONS if decisions else _CHANCES, _WRITE)
    flat = (loader, _FLATTEN)
    bodies = {
        "dummy": (_DUMMY_DECISIONS if decisions else _DUMMY_CHANCES,),
        "naive": (loader, _FOREST, _NAIVE),
        "standard": (*flat, _FOREST, _EDGES),
        "spots": (*flat, _FOREST, _PEAKS, _SPOTS),
        "strong": (*flat, _PEAKS, _BANK, _LINEAR, _STRONG),
        "expert": (*flat, _PEAKS, _BANK, _LINEAR, _EXPERT),
    }
    return tuple(
        Baseline(name=rung, script=script(_READ, *body, *write, ID=id_column, LABELS=list(labels)))
        for rung, body in bodies.items()
    )
