"""Ladder of scripts for small grey pictures of one object whose direction is to be told.

The scripts know that angles come round and that an object keeps its shape, never what the shape is.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_ANGLES = """\
period = $PERIOD
turn = target * 2 * np.pi / period
waves = np.column_stack([np.cos(turn), np.sin(turn)])


def degrees(cosine, sine):
    \"\"\"Angles in degrees, within what the training angles span.\"\"\"
    angle = np.arctan2(sine, cosine) * period / (2 * np.pi)
    if target.min() >= 0:
        return angle % period
    return np.clip(angle, target.min(), target.max())
"""

_DUMMY = """\
prediction = degrees(*waves.mean(0))
"""

_COARSE = """\
from sklearn.ensemble import ExtraTreesRegressor


def coarse(pictures):
    side = 3 * (pictures.shape[1] // 3)
    blocks = pictures[:, :side, :side].reshape(len(pictures), side // 3, 3, side // 3, 3)
    return blocks.mean((2, 4)).reshape(len(pictures), -1)


model = ExtraTreesRegressor(30, min_samples_leaf=2, random_state=0, n_jobs=1)
"""

_NAIVE = """\
prediction = model.fit(coarse(X), target).predict(coarse(Z))
"""

_STANDARD = """\
prediction = degrees(*model.fit(coarse(X), waves).predict(coarse(Z)).T)
"""

_FLATTEN = """\
from scipy.ndimage import gaussian_filter


def flatten(pictures):
    return pictures - gaussian_filter(pictures, (0, 6, 6))


A, B = flatten(X), flatten(Z)
"""

_KERNEL = """\
from sklearn.kernel_ridge import KernelRidge


def unit(pictures):
    flat = gaussian_filter(pictures, (0, 1, 1)).reshape(len(pictures), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)


def smooth_fit(known, waves, asked):
    model = KernelRidge(kernel="rbf", gamma=2.0, alpha=0.1)
    return degrees(*model.fit(unit(known), waves).predict(unit(asked)).T)


"""

_PLAIN = """\
prediction = smooth_fit(A, waves, B)
"""

_QUARTERS = """\
def quarters(pictures):
    \"\"\"Every picture in its four quarter turns, where angles go all the way round.\"\"\"
    times = range(4 if target.min() >= 0 else 1)
    turned = np.concatenate([np.rot90(pictures, k, (1, 2)) for k in times])
    angles = np.concatenate([turn + $SENSE * k * np.pi / 2 * 360 / period for k in times])
    return turned, np.column_stack([np.cos(angles), np.sin(angles)])


"""

_TURNED = """\
prediction = smooth_fit(*quarters(A), B)
"""

_CENTRED = """\
def centred(pictures):
    \"\"\"Move the middle of what stands out to the middle of the picture.\"\"\"
    weight = np.abs(pictures)
    weight = np.maximum(weight - np.percentile(weight, 80, axis=(1, 2), keepdims=True), 0)
    weight = weight / weight.sum((1, 2), keepdims=True)
    axis = np.arange(pictures.shape[1]) - (pictures.shape[1] - 1) / 2
    right = np.rint((weight * axis).sum((1, 2))).astype(int)
    down = np.rint((weight * axis[:, None]).sum((1, 2))).astype(int)
    return np.stack([
        np.roll(picture, (-y, -x), (0, 1))
        for picture, x, y in zip(pictures, right, down, strict=True)
    ])


A, B = centred(A), centred(B)
"""

_TEMPLATE = """\
from scipy.ndimage import affine_transform

middle = (A.shape[1] - 1) / 2


def turned(picture, degree):
    \"\"\"The picture turned by an angle in the sense of the labels.\"\"\"
    angle = -$SENSE * np.radians(degree)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return affine_transform(picture, matrix, offset=middle - matrix @ [middle, middle], order=1)


upright = np.stack([turned(a, -angle) for a, angle in zip(A, target, strict=True)])


def match(template, steps, reach=3):
    \"\"\"Try the template in all directions and at nearby places.\"\"\"
    low, high = (0, period) if target.min() >= 0 else (target.min(), target.max())
    tried = np.linspace(low, high, steps, endpoint=False)
    moves = [(y, x) for y in range(-reach, reach + 1) for x in range(-reach, reach + 1)]
    flat = B.reshape(len(B), -1)
    fit = []
    for angle in tried:
        shape = turned(template, angle)
        shape = (shape - shape.mean()) / shape.std()
        shapes = np.stack([np.roll(shape, move, (0, 1)).ravel() for move in moves], axis=1)
        fit.append(BEST(flat @ shapes).max(1))
    return tried, np.array(fit).T


"""

_MEAN = """\
tried, fit = match(upright.mean(0), 24)
prediction = tried[fit.argmax(1)]
"""

_EXPERT = """\
# the main component of the upright pictures: it does not mind that some are negatives
flat = upright.reshape(len(upright), -1)
template = np.linalg.svd(flat - flat.mean(1, keepdims=True), full_matrices=False)[2][0]
template = template.reshape(A.shape[1:])
if (upright * template).sum((1, 2)).mean() < 0:
    template = -template
tried, fit = match(template, 36)
# the top of a parabola through the best direction and its neighbours
best = fit.argmax(1)
row, step = np.arange(len(fit)), tried[1] - tried[0]
left, right = fit[row, best - 1], fit[row, (best + 1) % len(tried)]
bend = np.maximum(2 * fit[row, best] - left - right, 1e-9)
prediction = tried[best] + step * np.clip((right - left) / (2 * bend), -0.5, 0.5)
prediction = degrees(*[f(prediction * 2 * np.pi / period) for f in (np.cos, np.sin)])
"""


def pose_ladder(
    loader: str, *, id_column: str, target: str, period: int, clockwise: bool
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that reads the pictures as `X` and `Z`.
        id_column: Name of the id column.
        target: Name of the column with the angle in degrees.
        period: Degrees after which an angle comes back to itself.
        clockwise: Whether angles grow clockwise.
    """
    smooth = (_ANGLES, loader, _FLATTEN, _KERNEL)
    template = (_ANGLES, loader, _FLATTEN, _CENTRED)
    bodies = {
        "dummy": (_ANGLES, _DUMMY),
        "naive": (loader, _COARSE, _NAIVE),
        "standard": (_ANGLES, loader, _COARSE, _STANDARD),
        "kernel": (*smooth, _PLAIN),
        "strong": (*smooth, _QUARTERS, _TURNED),
        "centred": (*smooth, _QUARTERS, _CENTRED, _TURNED),
        "template": (*template, _TEMPLATE.replace("BEST", ""), _MEAN),
        "expert": (*template, _TEMPLATE.replace("BEST", "np.abs"), _EXPERT),
    }
    known = {"$PERIOD": str(period), "$SENSE": "-1" if clockwise else "1"}

    def filled(piece: str) -> str:
        for name, value in known.items():
            piece = piece.replace(name, value)
        return piece

    return tuple(
        Baseline(
            name=rung,
            script=script(READ, *map(filled, body), WRITE, ID=id_column, TARGET=target),
        )
        for rung, body in bodies.items()
    )
