"""Ladder of scripts that restore small damaged pictures."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

test = pd.read_csv("input/test.csv")
X = np.load("input/train_images.npy").astype(float)
Y = np.load("input/train_clean.npy").astype(float)
Z = np.load("input/test_images.npy").astype(float)
side = X.shape[1]
"""

_WRITE = """\
restored = np.clip(restored, 0, 255).reshape(Z.shape).round(1)
out = pd.DataFrame(restored[test[$UNIT], test["line"]])
out.columns = [f"x{place:02d}" for place in range(side)]
out.insert(0, $ID, test[$ID])
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """\
restored = np.full(Z.shape, np.$MIDDLE(Y))
"""

_NAIVE = """\
slope, level = np.polyfit(X.ravel(), Y.ravel(), 1)
restored = slope * Z + level
"""

_CURVE = """\


def toned(seen, asked):
    \"\"\"Map grey levels to the $MIDDLE clean level of training pixels of that grey level.\"\"\"
    cuts = np.quantile(seen, np.linspace(0, 1, 25)[1:-1])
    place = np.searchsorted(cuts, seen)
    known = [Y[place == k] if (place == k).any() else Y for k in range(24)]
    return np.array([np.$MIDDLE(part) for part in known])[np.searchsorted(cuts, asked)]


"""

_MEDIAN = """\
from scipy import ndimage

restored = toned(*(ndimage.median_filter(P, (1, 3, 3)) for P in (X, Z)))
"""

_GROUND = """\
from scipy import ndimage


def ground(images):
    \"\"\"Estimate how bright empty paper would be at each place.\"\"\"
    best = ndimage.percentile_filter(images, 85, (1, 9, 9))
    return ndimage.gaussian_filter(best, (0, 2.5, 2.5))


def flattened(images):
    calm = ndimage.median_filter(images, (1, 3, 3))
    return images / np.maximum(ground(calm), 10)


"""

_STANDARD = """\
restored = toned(*(ndimage.median_filter(flattened(P), (1, 3, 3)) for P in (X, Z)))
"""

_PATCH = """\


def patches(images, reach):
    \"\"\"List each pixel with its neighbours, shape (pixels, neighbours).\"\"\"
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)), mode="reflect")
    steps = range(2 * reach + 1)
    return np.stack([padded[:, i : i + side, j : j + side] for i in steps for j in steps], axis=-1)


"""

_WHOLE = """\


def whole(images):
    \"\"\"Put the median of its neighbours in place of each black or white pixel.\"\"\"
    lost = (images < 2) | (images > 253)
    return np.where(lost, ndimage.median_filter(images, (1, 3, 3)), images)


"""

_STRONG = """\
from sklearn.linear_model import Ridge

A, B = (patches(flattened(whole(P)), 2).reshape(-1, 25) for P in (X, Z))
model = Ridge(1.0).fit(A, Y.ravel())
restored = toned(model.predict(A).reshape(X.shape), model.predict(B))
"""

_EXPERT = """\
from sklearn.ensemble import HistGradientBoostingRegressor


def even(images):
    \"\"\"Take away most of what sets a line apart from the lines above and below it.\"\"\"
    steps = np.median(np.diff(images, axis=1), axis=2)
    level = np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0)))
    level -= ndimage.gaussian_filter1d(level, 2.5, axis=1)
    return images - 0.8 * level[:, :, None]


def features(images):
    flat = flattened(even(whole(images)))
    near = patches(flat, 2)[..., [2, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 22]]
    inner = np.sort(near, axis=-1)[..., [2, 4, 6, 8, 10]]
    calm = ndimage.median_filter(flat, (1, 3, 3))
    wide = ndimage.gaussian_filter(calm, (0, 1.2, 1.2))
    more = np.stack([calm, wide, ground(images) / 100], axis=-1)
    return np.concatenate([near, inner, more], axis=-1).reshape(-1, 21)


A, B = features(X), features(Z)
"""

_FIT = """\
some = np.random.default_rng(0).choice(len(A), 10000, replace=False)
model = HistGradientBoostingRegressor(
    loss="$LOSS", max_iter=45, learning_rate=0.15, max_leaf_nodes=20, max_bins=64, random_state=0
)
restored = model.fit(A[some], Y.ravel()[some]).predict(B)
"""


def denoise_ladder(*, id_column: str, unit: str, metric: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        id_column: Name of the id column.
        unit: Column of `test.csv` that says to which picture a line belongs.
        metric: `rmse` or `mae`; averages and losses follow it.
    """
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_NAIVE,),
        "median": (_CURVE, _MEDIAN),
        "standard": (_CURVE, _GROUND, _STANDARD),
        "strong": (_CURVE, _GROUND, _PATCH, _WHOLE, _STRONG),
        "expert": (_GROUND, _PATCH, _WHOLE, _EXPERT, _FIT),
    }
    loss, middle = ("absolute_error", "median") if metric == "mae" else ("squared_error", "mean")
    return tuple(
        Baseline(
            name=name,
            script=script(
                *(
                    piece.replace("$LOSS", loss).replace("$MIDDLE", middle)
                    for piece in (_READ, *body, _WRITE)
                ),
                ID=id_column,
                UNIT=unit,
            ),
        )
        for name, body in bodies.items()
    )
