"""Ladder of scripts for small grey pictures that hold something or do not.

The scripts know that marks, clutter and lighting are there, never which relation counts.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = "prediction = target.mean()"

_LEVELS = """\
from sklearn.ensemble import RandomForestClassifier


def levels(pictures):
    flat = pictures.reshape(len(pictures), -1)
    return np.column_stack([flat.std(1), np.percentile(flat, [5, 25, 50, 75, 95], axis=1).T])


model = RandomForestClassifier(40, min_samples_leaf=30, random_state=0, n_jobs=1)
prediction = model.fit(levels(X), target).predict_proba(levels(Z))[:, 1]
"""

_LINEAR = """\
from sklearn.linear_model import LogisticRegression


def linear(known, asked, strength):
    middle, spread = known.mean(0), known.std(0) + 1e-9
    model = LogisticRegression(C=strength, max_iter=300)
    model.fit((known - middle) / spread, target)
    return model.predict_proba((asked - middle) / spread)[:, 1]
"""

_FLATTEN = """\
from scipy.ndimage import gaussian_filter


def flatten(pictures):
    \"\"\"Take slow changes of light away.\"\"\"
    return pictures - gaussian_filter(pictures, (0, 3, 3))


A, B = flatten(X), flatten(Z)
"""

_LAGS = """\
def products(first, second, reach=9):
    \"\"\"How much of `second` lies at each shift from `first`, wherever that is.\"\"\"
    middle = (first.shape[1] + reach + 1) // 2
    size = (2 * middle, 2 * middle)
    spectrum = np.conj(np.fft.rfft2(first, s=size)) * np.fft.rfft2(second, s=size)
    shifted = np.fft.fftshift(np.fft.irfft2(spectrum, s=size), axes=(1, 2))
    window = slice(middle - reach, middle + reach + 1)
    return shifted[:, window, window]
"""

_AUTO = """\
prediction = linear(*(products(P, P).reshape(len(P), -1) for P in (A, B)), 1e-3)
"""

_SIGNED = """\
def signed(pictures):
    return products(np.maximum(pictures, 0), np.maximum(-pictures, 0)).reshape(len(pictures), -1)


prediction = linear(signed(A), signed(B), 1e-3)
"""

_CLEAN = """\
def signed(pictures):
    \"\"\"Bright marks against dark marks, noise cut off, nearby shifts pooled.\"\"\"
    lags = products(np.maximum(pictures - 15, 0), np.maximum(-pictures - 15, 0))
    pooled = np.maximum(gaussian_filter(lags, (0, 0.7, 0.7)), 0)
    return np.sqrt(pooled).reshape(len(pictures), -1)


C, D = signed(A), signed(B)
"""

_STRONG = """\
prediction = linear(C, D, 3e-3)
"""

_CHOOSE = """\
def best_shifts(count, clear=2):
    \"\"\"Shifts that go with the target most, apart from each other.\"\"\"
    standard = (C - C.mean(0)) / (C.std(0) + 1e-9)
    strength = standard.T @ (target - target.mean())
    side = int(round(len(strength) ** 0.5))
    board, chosen = strength.reshape(side, side).copy(), []
    for _ in range(count):
        place = int(board.argmax())
        chosen.append(place)
        row, column = divmod(place, side)
        top, left = max(0, row - clear), max(0, column - clear)
        board[top : row + clear + 1, left : column + clear + 1] = -1e9
    return chosen


"""

_ONE = """\
chosen = best_shifts(1)
prediction = linear(C[:, chosen], D[:, chosen], 1.0)
"""

_FEW = """\
chosen = best_shifts(3)


def any_of(table):
    \"\"\"Each shift, and the stronger of the best two: one of them may be enough.\"\"\"
    standard = (table - C.mean(0)) / (C.std(0) + 1e-9)
    return np.column_stack([standard[:, chosen], standard[:, chosen[:2]].max(1)])


prediction = linear(any_of(C), any_of(D), 1.0)
"""


def presence_ladder(loader: str, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that reads the pictures as `X` and `Z`.
        id_column: Name of the id column.
        target: Name of the column with 0 or 1.
    """
    lags = (loader, _LINEAR, _FLATTEN, _LAGS)
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (loader, _LEVELS),
        "standard": (*lags, _AUTO),
        "signed": (*lags, _SIGNED),
        "strong": (*lags, _CLEAN, _STRONG),
        "one_shift": (*lags, _CLEAN, _CHOOSE, _ONE),
        "expert": (*lags, _CLEAN, _CHOOSE, _FEW),
    }
    return tuple(
        Baseline(name=rung, script=script(READ, *body, WRITE, ID=id_column, TARGET=target))
        for rung, body in bodies.items()
    )
