"""Ladder of scripts that mark one object in each grey picture."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", keep_default_na=False)
test = pd.read_csv("input/test.csv")
"""

_CODES = """\


def decode(code, shape):
    \"\"\"Turn `start length ...`, down the columns, into a mask.\"\"\"
    line = np.zeros(shape[0] * shape[1], bool)
    numbers = np.array(code.split(), int)
    for start, length in zip(numbers[::2], numbers[1::2]):
        line[start - 1 : start - 1 + length] = True
    return line.reshape(shape[1], shape[0]).T


def encode(mask):
    line = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(line)) + 1
    return " ".join(f"{start} {stop - start}" for start, stop in zip(edges[::2], edges[1::2]))


shape = X.shape[1:]
known = np.array([decode(code, shape) for code in train[$TARGET]])
"""

_WRITE = """\
codes = [encode(mask) for mask in masks]
pd.DataFrame({$ID: test[$ID], $TARGET: codes}).to_csv("submission.csv", index=False)
"""

_TUNED = """\


def dice(p):
    return np.mean(2 * (p & known).sum((1, 2)) / (p.sum((1, 2)) + known.sum((1, 2)) + 1e-9))


def tuned(score, asked):
    \"\"\"Cut scores of pixels at the level that suits the training masks best.\"\"\"
    levels = np.quantile(score, np.linspace(0.02, 0.98, 25))
    return asked > max(levels, key=lambda level: dice(score > level))


"""

_DUMMY = """\
usual = known.mean(0, keepdims=True)
masks = np.repeat(tuned(np.repeat(usual, len(X), axis=0), usual), len(Z), axis=0)
"""

_OTSU = """\


def otsu(image):
    \"\"\"Return the level that splits an image into the two classes of least variance.\"\"\"
    level = np.sort(image.ravel())
    count = np.arange(1, len(level))
    total = np.cumsum(level)
    low, high = total[:-1] / count, (total[-1] - total[:-1]) / (len(level) - count)
    return level[np.argmax(count * (len(level) - count) * (high - low) ** 2)]


"""

_NAIVE = """\
masks = [image > otsu(image) for image in Z]
"""

_FLAT = """\
from scipy import ndimage


def flattened(images):
    \"\"\"Take away the lighting: a plane that is fitted to most of each picture.\"\"\"
    n, height, width = images.shape
    axes = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    basis = np.stack([np.ones((height, width)), *axes]).reshape(3, -1)
    products = (basis[:, None] * basis).reshape(9, -1).T
    flat = images.reshape(n, -1)
    weight = np.ones_like(flat)
    for _ in range(6):
        gram = (weight @ products).reshape(n, 3, 3)
        right = (weight * flat) @ basis.T
        rest = flat - np.linalg.solve(gram, right[:, :, None])[:, :, 0] @ basis
        weight = 1 / (1 + (rest / 16) ** 2)
    return rest.reshape(images.shape)


"""

_LEVELS = """\
masks = tuned(flattened(X), flattened(Z))
"""

_PIXELS = """\
from sklearn.linear_model import LogisticRegression


def features(images):
    flat = flattened(images) / 16
    scales = [ndimage.gaussian_filter(flat, (0, s, s)) for s in (1, 2, 4)]
    scales += [np.abs(scale) for scale in scales]
    return np.stack(scales, axis=-1).reshape(-1, 6)


rng = np.random.default_rng(0)
some = rng.choice(known.size, 6000, replace=False)
A = features(X)
model = LogisticRegression().fit(A[some], known.ravel()[some])
score = (A @ model.coef_[0]).reshape(X.shape)
masks = tuned(score, (features(Z) @ model.coef_[0]).reshape(Z.shape))
"""

_STANDARD = """\
def contrast(images):
    return np.abs(ndimage.gaussian_filter(flattened(images), (0, 1, 1)))


masks = tuned(contrast(X), contrast(Z))
"""

_LARGEST = """\


def largest(mask):
    marks, count = ndimage.label(mask)
    if count == 0:
        return mask
    return marks == 1 + np.argmax(np.bincount(marks.ravel())[1:])


"""

_STRONG = """\
def marked(images):
    \"\"\"Keep the largest region that is brighter, or darker, than its surroundings.\"\"\"
    masks = []
    for image in ndimage.gaussian_filter(flattened(images), (0, 1.3, 1.3)):
        both = [largest(image > 11), largest(image < -11)]
        masks.append(max(both, key=np.sum))
    return np.array(masks)


masks = marked(Z)
"""

_EXPERT = """\
ball = np.hypot(*np.ogrid[-3:4, -3:4]) < 3.3
disc = np.hypot(*np.ogrid[-2:3, -2:3]) < 2.3


def core(image):
    \"\"\"Close and fill what is brighter, or darker; keep what is large and compact.\"\"\"
    sign = 1 if np.sum(image > 11) >= np.sum(image < -11) else -1
    level = max(otsu(np.clip(sign * image, -8, 45)), 9.0)
    padded = np.pad(sign * image > level, 6, mode="edge")
    filled = ndimage.binary_fill_holes(ndimage.binary_closing(padded, disc))
    return largest(ndimage.binary_opening(filled, ball)[6:-6, 6:-6])


def outside(images):
    \"\"\"Return the distance of each pixel from the object's edge, negative inside.\"\"\"
    away = []
    for image in ndimage.gaussian_filter(flattened(images), (0, 1.3, 1.3)):
        mask = np.pad(core(image), 1)
        out = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)
        away.append(ndimage.gaussian_filter(out, 1.2)[1:-1, 1:-1])
    return np.array(away)


away = outside(X)
# how far annotators stay from the visible edge is theirs to tell
rim = max(np.arange(-3, 4, 0.25), key=lambda r: dice(away < r))
masks = outside(Z) < rim
"""


def segment_ladder(loader: str, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `X` and `Z`, grey pictures (n, height, width).
        id_column: Name of the id column.
        target: Name of the column of masks.
    """
    head = (_READ, loader.replace("$", "$$"), _CODES)
    bodies = {
        "dummy": (_TUNED, _DUMMY),
        "naive": (_OTSU, _NAIVE),
        "levels": (_TUNED, _FLAT, _LEVELS),
        "standard": (_TUNED, _FLAT, _STANDARD),
        "pixels": (_TUNED, _FLAT, _PIXELS),
        "strong": (_FLAT, _LARGEST, _STRONG),
        "expert": (_TUNED, _OTSU, _FLAT, _LARGEST, _EXPERT),
    }
    return tuple(
        Baseline(name=name, script=script(*head, *body, _WRITE, ID=id_column, TARGET=target))
        for name, body in bodies.items()
    )
