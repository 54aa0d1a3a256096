"""Ladder of scripts that box and name objects in grey pictures."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", keep_default_na=False)
test = pd.read_csv("input/test.csv")
"""

_BOXES = """\
height, width = X.shape[1:]
rows = []
for picture, text in enumerate(train[$TARGET]):
    cells = text.split()
    for at in range(0, len(cells), 6):
        rows.append((picture, cells[at], *map(float, cells[at + 2 : at + 6])))
known = pd.DataFrame(rows, columns=["picture", "label", "x", "y", "w", "h"])
labels = sorted(known.label.unique())
usual = known.label.mode()[0]


def text_of(found):
    parts = [f"{label} {c:.3f} {x:.2f} {y:.2f} {w:.2f} {h:.2f}" for label, c, x, y, w, h in found]
    return " ".join(parts)


"""

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: found}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
w, h = known.w.median(), known.h.median()
middle = [(label, 0.5, width / 2 - w / 2, height / 2 - h / 2, w, h) for label in labels]
found = [text_of(middle)] * len(Z)
"""

_RAW = """\
from scipy import ndimage


def flattened(images):
    return images - np.median(images, axis=(1, 2), keepdims=True)


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
        weight = 1 / (1 + (rest / 12) ** 2)
    return rest.reshape(images.shape)


"""

_REGIONS = """\
def regions(image, level, least=12):
    \"\"\"Return the bounding boxes of bright regions: x, y, width, height.\"\"\"
    places = ndimage.find_objects(ndimage.label(image > level)[0])
    boxes = [(c.start, r.start, c.stop - c.start, r.stop - r.start) for r, c in places]
    return [box for box in boxes if box[2] * box[3] >= least]


"""

_ONE_LABEL = """\
smooth = ndimage.gaussian_filter(flattened(Z), (0, 0.7, 0.7))
found = [text_of((usual, 0.5, *box) for box in regions(image, 22)) for image in smooth]
"""

_EVERY_LABEL = """\
share = known.label.value_counts(normalize=True)
smooth = ndimage.gaussian_filter(flattened(Z), (0, 0.7, 0.7))
found = []
for image in smooth:
    boxes = [box for box in regions(image, 22, 25) if max(box[2:]) < 16]
    found.append(text_of((label, share[label], *box) for box in boxes for label in labels))
"""

_MATCH = """\


def overlap(a, b):
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


true = {picture: part.to_numpy()[:, 1:] for picture, part in known.groupby("picture")}


def named(picture, box):
    \"\"\"Return label and true box of what a region shows; None where it is no object.\"\"\"
    best = max(true.get(picture, ()), key=lambda row: overlap(box, row[1:]), default=None)
    return ("none", box) if best is None or overlap(box, best[1:]) < 0.4 else (best[0], best[1:])


"""

_DESCRIBED = """\
def described(image, box):
    x, y, w, h = box
    part = image[y : y + h, x : x + w]
    inner = part[h // 3 : h - h // 3, w // 3 : w - w // 3]
    return [w, h, w / h, part.mean(), part.std(), inner.mean(), (part > 22).mean()]


candidates = []
for images in (X, Z):
    smooth = ndimage.gaussian_filter(flattened(images), (0, 0.7, 0.7))
    candidates.append(
        [(at, box, described(image, box)) for at, image in enumerate(smooth)
         for box in regions(image, 22)]
    )
names = [named(at, box)[0] for at, box, _ in candidates[0]]
A, B = (np.array([features for *_, features in some]) for some in candidates)
lists = [[] for _ in Z]
"""

_NEAREST = """\
from sklearn.neighbors import KNeighborsClassifier

model = KNeighborsClassifier(7).fit(A, names)
for (at, box, _), label in zip(candidates[1], model.predict(B)):
    if label != "none":
        lists[at].append((label, 0.5, *box))
found = [text_of(boxes) for boxes in lists]
"""

_STRONG = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(25, min_samples_leaf=3, random_state=0, n_jobs=1).fit(A, names)
for (at, box, _), row in zip(candidates[1], model.predict_proba(B)):
    for label, c in zip(model.classes_, row):
        if label != "none" and c > 0.02:
            lists[at].append((label, c, *box))
found = [text_of(boxes) for boxes in lists]
"""

_EXPERT = """\
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC


grid = np.arange(8)


def filled(image, level):
    \"\"\"Fill outlines, so that an object stays in one piece, and drop thin lines.\"\"\"
    mask = np.pad(image > level, 4)
    mask = ndimage.binary_fill_holes(mask)
    mask = ndimage.binary_opening(mask, np.ones((4, 4)))[4:-4, 4:-4]
    return ndimage.label(mask)[0]


def sampled(image, marks, mark, box):
    \"\"\"Return what a region looks like: its shape in numbers, and 8 x 8 pixels of it.\"\"\"
    x, y, w, h = box
    cut = np.ix_(y + ((grid + 0.5) * h / 8).astype(int), x + ((grid + 0.5) * w / 8).astype(int))
    inside = marks[y : y + h, x : x + w] == mark
    return [w, h, abs(w - h), inside.mean()], image[cut]


def described(some):
    \"\"\"Turn regions into features; where a form lies and how it is turned does not matter.\"\"\"
    shape, small = np.array([s for *_, s, _ in some]), np.array([p for *_, p in some])
    turned = sum(np.rot90(s, k, (1, 2)) for s in (small, small.swapaxes(1, 2)) for k in range(4))
    symmetric = (turned / 8)[:, :4, :4][:, *np.triu_indices(4)]
    bright = np.percentile(small, 85, axis=(1, 2))[:, None]
    spread = small.std((1, 2))[:, None]
    return np.hstack([shape, bright, spread, symmetric / (bright + 5)])


candidates = []
for images in (X, Z):
    some = []
    for at, image in enumerate(ndimage.gaussian_filter(flattened(images), (0, 0.55, 0.55))):
        level = max(0.45 * np.percentile(image, 97), 16)
        marks = filled(image, level)
        for mark, (r, c) in enumerate(ndimage.find_objects(marks), start=1):
            box = (c.start, r.start, c.stop - c.start, r.stop - r.start)
            some.append((at, box, *sampled(image, marks, mark, box)))
    candidates.append(some)
matches = [named(at, box) for at, box, *_ in candidates[0]]
names = np.array([name for name, _ in matches])
edges = np.array([[*box[:2], box[0] + box[2], box[1] + box[3]] for _, box, *_ in candidates[0]])
truth = np.array([[b[0], b[1], b[0] + b[2], b[1] + b[3]] for _, b in matches], float)
# how far annotators stay from an object's edge is theirs to tell
shift = np.median((truth - edges)[names != "none"], axis=0)
scaler = StandardScaler()
A = scaler.fit_transform(described(candidates[0]))
B = scaler.transform(described(candidates[1]))
kinds = sorted(set(names))
chance = np.zeros((len(B), len(kinds)))
for at, kind in enumerate(kinds):
    model = SVC(C=5.0, gamma=0.04).fit(A, names == kind)
    chance[:, at] = 1 / (1 + np.exp(-3 * model.decision_function(B)))
chance /= chance.sum(1, keepdims=True)
lists = [[] for _ in Z]
for (at, (x, y, w, h), *_), row in zip(candidates[1], chance):
    left, top, right, bottom = np.array([x, y, x + w, y + h]) + shift
    for label, c in zip(kinds, row):
        if label != "none":
            lists[at].append((label, c, left, top, right - left, bottom - top))
found = [text_of(boxes) for boxes in lists]
"""


def detect_ladder(loader: str, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        loader: Source that defines `X` and `Z`, grey pictures (n, height, width).
        id_column: Name of the id column.
        target: Name of the column of boxes.
    """
    head = (_READ, loader.replace("$", "$$"), _BOXES)
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_RAW, _REGIONS, _ONE_LABEL),
        "standard": (_FLAT, _REGIONS, _EVERY_LABEL),
        "nearest": (_FLAT, _REGIONS, _MATCH, _DESCRIBED, _NEAREST),
        "strong": (_FLAT, _REGIONS, _MATCH, _DESCRIBED, _STRONG),
        "expert": (_FLAT, _MATCH, _EXPERT),
    }
    return tuple(
        Baseline(name=name, script=script(*head, *body, _WRITE, ID=id_column, TARGET=target))
        for name, body in bodies.items()
    )
