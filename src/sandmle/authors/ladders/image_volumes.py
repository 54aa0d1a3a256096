"""Ladder of scripts for small stacks of slices with a yes or a no.

The scripts know that structures go on from slice to slice, never which do.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = "prediction = target.mean()"

_FOREST = """\
from sklearn.ensemble import ExtraTreesClassifier


def forest(known, asked):
    model = ExtraTreesClassifier(40, min_samples_leaf=20, random_state=0, n_jobs=1)
    return model.fit(known, target).predict_proba(asked)[:, 1]


"""

_NAIVE = """\
def levels(volumes):
    flat = volumes.reshape(len(volumes), -1)
    return np.column_stack([flat.std(1), np.percentile(flat, [5, 50, 95, 99], axis=1).T])


prediction = forest(levels(X), levels(Z))
"""

_FLATTEN = """\
from scipy.ndimage import gaussian_filter, maximum_filter


def flatten(volumes):
    \"\"\"Take slow changes of light out of every slice; bring all stacks to one spread.\"\"\"
    flat = volumes - gaussian_filter(volumes, (0, 0, 3, 3))
    return flat / flat.std((1, 2, 3), keepdims=True)


A, B = flatten(X), flatten(Z)
if (A**3).mean() < 0:
    # what stands out is dark
    A, B = -A, -B
"""

_LINEAR = """\
from sklearn.linear_model import LogisticRegression


def linear(known, asked):
    middle, spread = known.mean(0), known.std(0) + 1e-9
    model = LogisticRegression(C=0.3, max_iter=300).fit((known - middle) / spread, target)
    return model.predict_proba((asked - middle) / spread)[:, 1]


"""

_SMOOTH = """\
def smooth(volumes):
    \"\"\"Peaks after blurring in all three directions.\"\"\"
    found = []
    for size in (0.7, 1.2):
        blurred = gaussian_filter(volumes, (0, 1.2 * size, size, size))
        top = np.sort(blurred.reshape(len(volumes), -1), axis=1)
        found += [top[:, -1], top[:, -20:].mean(1), blurred.std((1, 2, 3))]
    return np.column_stack(found)


prediction = linear(smooth(A), smooth(B))
"""

_TRACE = """\
def traced(volumes):
    \"\"\"The brightest path through all slices, and through parts of them.\"\"\"
    slices = np.minimum(gaussian_filter(volumes, (0, 0, 0.8, 0.8)), 3).swapaxes(0, 1)
    found = [slices.max((2, 3)).sum(0)]
    for length in (3, 5, len(slices)):
        ends = []
        for start in range(len(slices) - length + 1):
            path = slices[start]
            for step in slices[start + 1 : start + length]:
                path = step + maximum_filter(path, (1, 3, 3))
            ends.append(path.max((1, 2)))
        found += [np.max(ends, axis=0), np.mean(ends, axis=0)]
    return np.column_stack(found)


"""

_TRACED = """\
A, B = traced(A), traced(B)
prediction = linear(A, B)
"""

_NEIGHBOURS = """\
def alike(volumes):
    \"\"\"Products of slices that are one, two and three apart.\"\"\"
    found = []
    for size in (0.8, 1.6):
        smooth = gaussian_filter(volumes, (0, 0, size, size))
        found += [(smooth[:, :-gap] * smooth[:, gap:]).mean((1, 2, 3)) for gap in (1, 2, 3)]
    return np.column_stack(found)


prediction = linear(alike(A), alike(B))
"""

_ADJACENT = """\
def adjacent(volumes):
    \"\"\"How alike each slice and the next one are.\"\"\"
    smooth = gaussian_filter(volumes, (0, 0, 0.8, 0.8))
    return (smooth[:, :-1] * smooth[:, 1:]).mean((1, 2, 3))[:, None]


prediction = linear(adjacent(A), adjacent(B))
"""

_EXPERT = """\
def drift(volumes, reach=4):
    \"\"\"Products of nearby slices by how far one is moved against the other.\"\"\"
    side = volumes.shape[2]
    smooth = np.clip(gaussian_filter(volumes, (0, 0, 0.6, 0.6)), 0, 3)
    spectrum = np.fft.rfft2(smooth, s=(2 * side, 2 * side))
    axis = np.fft.fftfreq(2 * side, 1 / (2 * side))
    away = np.rint(np.hypot(*np.meshgrid(axis, axis)))
    found = []
    for gap in (1, 2, 3):
        products = (np.conj(spectrum[:, :-gap]) * spectrum[:, gap:]).mean(1)
        lags = np.fft.irfft2(products, s=(2 * side, 2 * side))
        found += [lags[:, away == far].mean(1) for far in range(reach + 1)]
    return np.sqrt(np.maximum(np.column_stack(found), 0))


A, B = np.hstack([traced(A), drift(A)]), np.hstack([traced(B), drift(B)])
prediction = linear(A, B)
"""


def volumes_ladder(loader: str, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that reads the stacks as `X` and `Z`, shape (n, slices, rows, columns).
        id_column: Name of the id column.
        target: Name of the column with 0 or 1.
    """
    flat = (loader, _FLATTEN)
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (loader, _FOREST, _NAIVE),
        "standard": (*flat, _LINEAR, _SMOOTH),
        "traced": (*flat, _LINEAR, _TRACE, _TRACED),
        "adjacent": (*flat, _LINEAR, _ADJACENT),
        "strong": (*flat, _LINEAR, _NEIGHBOURS),
        "expert": (*flat, _LINEAR, _TRACE, _EXPERT),
    }
    return tuple(
        Baseline(name=rung, script=script(READ, *body, WRITE, ID=id_column, TARGET=target))
        for rung, body in bodies.items()
    )
