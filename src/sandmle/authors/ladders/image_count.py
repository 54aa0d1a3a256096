"""Ladder of scripts for pictures whose objects add up to a number."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, script
from sandmle.core.draft import Baseline

_WRITE = """\
prediction = np.clip(prediction, 0, None)
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
prediction = np.full(len(test), $MIDDLE(target))
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 3, 9)))
prediction = model.fit(features(X), target).predict(features(Z))
"""

_LEVELS = """\


def features(images):
    flat = images.reshape(len(images), -1)
    return np.column_stack([flat.mean(1), flat.std(1), np.percentile(flat, [10, 50, 90], axis=1).T])


"""

_PIXELS = """\
from sklearn.ensemble import RandomForestRegressor


def shrunk(images):
    n, side = images.shape[:2]
    blocks = images.reshape(n, side // 4, 4, side // 4, 4).mean((2, 4)).reshape(n, -1)
    return blocks - blocks.mean(1, keepdims=True)


model = RandomForestRegressor(25, min_samples_leaf=4, max_features=0.3, random_state=0, n_jobs=1)
prediction = model.fit(shrunk(X), target).predict(shrunk(Z))
"""

_FLAT = """\
from scipy import ndimage


def flattened(images):
    \"\"\"Take away the lighting, a plane through what is not bright, and scale by contrast.\"\"\"
    n, side = images.shape[:2]
    axis = np.linspace(-1, 1, side)
    basis = np.stack([np.ones((side, side)), *np.meshgrid(axis, axis)]).reshape(3, -1)
    products = (basis[:, None] * basis).reshape(9, -1).T
    flat = images.reshape(n, -1)
    weight = np.ones_like(flat)
    for _ in range(4):
        gram = (weight @ products).reshape(n, 3, 3)
        right = (weight * flat) @ basis.T
        rest = flat - np.linalg.solve(gram, right[:, :, None])[:, :, 0] @ basis
        weight = (np.abs(rest) < 1.2 * np.median(np.abs(rest), axis=1, keepdims=True) * 1.48) + 1e-6
    scale = np.percentile(rest, 97, axis=1, keepdims=True)
    return (rest / np.maximum(scale, 25)).reshape(images.shape)


"""

_AREA = """\
def features(images):
    flat = ndimage.gaussian_filter(flattened(images), (0, 0.6, 0.6))
    rows = []
    for image in flat:
        mask = image > 0.45
        rows.append([mask.mean(), image[mask].sum(), ndimage.label(mask)[1]])
    return np.array(rows)


"""

_REGIONS = """\
def regions(image):
    \"\"\"Describe each connected region: size, length, width, brightness, hollowness.\"\"\"
    marks, count = ndimage.label(image > 0.42, np.ones((3, 3)))
    marks, image = marks.ravel(), image.ravel()
    inside = np.flatnonzero(marks)
    mark, level = marks[inside] - 1, image[inside]
    down, across = np.divmod(inside, 32)
    area = np.bincount(mark, minlength=count)
    y, x = (np.bincount(mark, v, count) / np.maximum(area, 1) for v in (down, across))
    v, u = down - y[mark], across - x[mark]
    vv, uu, uv = (np.bincount(mark, a * b, count) / area for a, b in ((v, v), (u, u), (u, v)))
    half, root = (vv + uu) / 2, np.sqrt(((vv - uu) / 2) ** 2 + uv**2)
    middle = image.reshape(32, 32)[np.rint(y).astype(int), np.rint(x).astype(int)]
    bright = np.bincount(mark, level, count) / area
    return np.column_stack(
        [area, np.sqrt(half + root), np.sqrt(np.maximum(half - root, 0)), bright, middle]
    )[area >= 3]


"""

_SORTED = """\
def features(images):
    rows = []
    for image in ndimage.gaussian_filter(flattened(images), (0, 0.6, 0.6)):
        found = regions(image)
        long = found[:, 1] / np.maximum(found[:, 2], 0.3) > 2.0
        large = found[:, 0] > 26
        rows.append([(~long & ~large).sum(), (long & ~large).sum(), large.sum(), found[:, 0].sum()])
    return np.array(rows, float)


"""

_MATCHED = """\
from scipy import fft


def templates(side=32):
    \"\"\"A disc, a ring and bars at eight angles: mean 0, length 1, centred.\"\"\"
    axis = (np.arange(side) + side // 2) % side - side // 2
    y, x = np.meshgrid(axis, axis, indexing="ij")
    away = np.hypot(x, y)
    drawn = [away - 1.85, np.abs(away - 2.45) - 0.5]
    for angle in np.arange(8) * np.pi / 8:
        u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        drawn.append(np.hypot(np.maximum(np.abs(u) - 2.4, 0), v) - 0.8)
    drawn = np.clip(0.5 - np.array(drawn) / 1.4, 0, 1) * (away < 5)
    drawn -= (away < 4.6) * drawn.sum((1, 2), keepdims=True) / (away < 4.6).sum()
    return drawn / np.sqrt((drawn**2).sum((1, 2), keepdims=True))


def matched(images):
    \"\"\"Count the peaks of the best template by kind, certain and doubtful ones apart.\"\"\"
    spectrum = fft.rfft2(np.clip(images, -0.3, 1.4).astype(np.float32))[:, None]
    filters = fft.rfft2(templates().astype(np.float32)).conj()[None]
    answer = fft.irfft2(spectrum * filters, s=(32, 32))
    best, kind = answer.max(1), answer.argmax(1)
    peak = (best == ndimage.maximum_filter(best, (0, 5, 5))) & (best > 1.0)
    kind = np.minimum(kind, 2) + 3 * (best > 1.9)
    return np.stack([(peak & (kind == k)).sum((1, 2)) for k in range(6)], axis=1)


"""

_BAG = """\
from sklearn.cluster import KMeans
from sklearn.linear_model import RidgeCV

both = ndimage.gaussian_filter(flattened(np.concatenate([X, Z])), (0, 0.5, 0.5))
found = [regions(image) for image in both]
picture = np.repeat(np.arange(len(both)), [len(f) for f in found])
known = np.vstack(found)
scaled = np.log(np.maximum(known, 0.3))
scaled = (scaled - scaled.mean(0)) / scaled.std(0)
kind = KMeans(16, n_init=1, random_state=0).fit_predict(scaled)
bag = np.zeros((len(both), 16))
np.add.at(bag, (picture, kind), 1.0)
area = np.bincount(picture, known[:, 0], len(both)) / 20
bag = np.column_stack([bag, area, matched(both)])
model = RidgeCV(np.logspace(-1, 2, 7)).fit(bag[: len(X)], target)
prediction = model.predict(bag[len(X) :])
"""


def count_ladder(loader: str, *, id_column: str, target: str, metric: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `X` and `Z`, grey pictures of 32 x 32.
        id_column: Name of the id column.
        target: Name of the target.
        metric: `rmse` or `mae`.
    """
    load = loader.replace("$", "$$")
    bodies = {
        "dummy": (_DUMMY.replace("$MIDDLE", "np.median" if metric == "mae" else "np.mean"),),
        "pixels": (load, _PIXELS),
        "naive": (load, _LEVELS, _RIDGE),
        "standard": (load, _FLAT, _AREA, _RIDGE),
        "strong": (load, _FLAT, _REGIONS, _SORTED, _RIDGE),
        "expert": (load, _FLAT, _REGIONS, _MATCHED, _BAG),
    }
    return tuple(
        Baseline(name=name, script=script(READ, *parts, _WRITE, ID=id_column, TARGET=target))
        for name, parts in bodies.items()
    )
