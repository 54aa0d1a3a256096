"""The ladder for tables with a picture and a note: from the numbers alone to all three together.

The scripts know that pictures show bright spots and that notes praise, blame and deny; they do not
know which words count, or how.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import RAW_NUMBERS, READ, WRITE, script
from sandmle.core.draft import Baseline

_CONSTANTS = {
    "rmse": "prediction = np.full(len(test), target.mean())\n",
    "mae": "prediction = np.full(len(test), np.median(target))\n",
}

_RIDGE = """\
from sklearn.linear_model import RidgeCV

middle, spread = X.mean(axis=0), X.std(axis=0) + 1e-9
model = RidgeCV(alphas=np.logspace(-1, 3, 13)).fit((X - middle) / spread, target)
prediction = model.predict((X_test - middle) / spread)
"""

_BRIGHTNESS = """\
def levels(images):
    flat = images.reshape(len(images), -1)
    return np.column_stack([flat.mean(1), flat.std(1), np.percentile(flat, [10, 50, 90, 98], 1).T])

X = np.column_stack([X, levels(pictures)])
X_test = np.column_stack([X_test, levels(pictures_test)])
"""

_TABLE = """\
both = pd.concat([train, test], ignore_index=True)[[c for c in test.columns if c != $ID]]
labels = [c for c in both.columns if not pd.api.types.is_numeric_dtype(both[c]) and c != $NOTE]
numbers = [c for c in both.columns if c not in labels and c != $NOTE]
gaps = both[numbers].isna()
gaps = gaps.loc[:, gaps.any()].astype(float)
filled = both[numbers].fillna(both[numbers].median())
table = np.column_stack([filled, gaps, pd.get_dummies(both[labels], dtype=float)])
notes = both[$NOTE]
n = len(train)
"""

_WORDS = """\
from sklearn.feature_extraction.text import CountVectorizer

words = CountVectorizer(min_df=2).fit(notes[:n]).transform(notes).toarray()
"""

_PAIRS_OF_WORDS = """\
from sklearn.feature_extraction.text import CountVectorizer

counter = CountVectorizer(ngram_range=(1, 2), min_df=3, token_pattern="[a-z]+")
words = counter.fit(notes[:n]).transform(notes).toarray()
"""

_DENIALS = """\
def statements(note):
    # "not" holds for every word up to "but" or the full stop
    found, sign = [], 1
    for token in note.lower().replace(",", " ").replace(".", " .").split():
        if token in ("not", "but", "."):
            sign = -1 if token == "not" else 1
        else:
            found.append((token, sign))
    return found

said = [statements(note) for note in notes]
names = sorted({token for note in said[:n] for token, _ in note})
place = {token: column for column, token in enumerate(names)}
words = np.zeros((len(said), len(names)))
for row, note in enumerate(said):
    for token, sign in note:
        if token in place:
            words[row, place[token]] += sign
# words that are never denied say nothing of their own: they are how sentences begin
denied = np.array([any((t, -1) in note for note in said[:n]) for t in names])
words = words[:, denied]
"""

_THRESHOLD = """\
from scipy import ndimage

# bright parts of each picture, counted
every = np.concatenate([pictures, pictures_test])
level = every.mean((1, 2), keepdims=True) + 1.5 * every.std((1, 2), keepdims=True)
spots = np.array([ndimage.label(image)[1] for image in every > level], dtype=float)
spots = np.column_stack([spots, (every > level).mean((1, 2))])
"""

_SPOTS = """\
from scipy import ndimage

every = np.concatenate([pictures, pictures_test])

def band(images, fine, coarse):
    # what is neither grain nor lighting
    return ndimage.gaussian_filter(images, (0, fine, fine)) - ndimage.gaussian_filter(
        images, (0, coarse, coarse)
    )

sharp = band(every, 1.0, 3.0)
grain = np.median(np.abs(sharp), (1, 2), keepdims=True) * 1.48
flat = np.zeros((3, 3, 3))
flat[1] = 1
columns = []
for strength in (2.5, 4.0):
    marks, _ = ndimage.label(sharp > strength * grain, structure=flat)
    boxes = ndimage.find_objects(marks)
    area = np.bincount(marks.ravel())[1:]
    picture = np.array([box[0].start for box in boxes])
    longest = np.array([max(s.stop - s.start for s in box[1:]) for box in boxes])
    long = longest > 0.28 * every.shape[1]
    for chosen in ((area > 3) & ~long, (area > 3) & long):
        columns.append(np.bincount(picture[chosen], minlength=len(every)))
peaks = (ndimage.maximum_filter(sharp, (1, 3, 3)) == sharp) & (sharp > 4 * grain)
spots = np.column_stack([*columns, peaks.sum((1, 2))]).astype(float)
"""

_ROUND = """\
# a spot curves down in every direction, a scratch in one only: take the weaker of both curvatures
down, across, mixed = (
    ndimage.gaussian_filter(every, (0, 1.1, 1.1), order=(0, *order))
    for order in ((2, 0), (0, 2), (1, 1))
)
weaker = -(down + across) / 2 - np.sqrt((down - across) ** 2 / 4 + mixed**2)
grain = np.median(np.abs(weaker), (1, 2), keepdims=True) * 1.48
top = np.sort(weaker.reshape(len(every), -1), axis=1)[:, -12:].mean(1)[:, None, None]
is_peak = ndimage.maximum_filter(weaker, (1, 3, 3)) == weaker
limits = [2 * grain, 3 * grain, 4 * grain, 6 * grain, 0.3 * top, 0.5 * top, 0.7 * top]
rounds = [(is_peak & (weaker > limit)).sum((1, 2)) for limit in limits]
spots = np.column_stack([spots, *rounds]).astype(float)
"""

_STACK = """\
parts = np.column_stack([table, words, spots])
X, X_test = parts[:n], parts[n:]
"""

_TOGETHER = """\
from sklearn.linear_model import RidgeCV

def fitted(blocks):
    X = np.column_stack(blocks)
    X = (X - X[:n].mean(axis=0)) / (X[:n].std(axis=0) + 1e-9)
    return X, RidgeCV(alphas=np.logspace(-1, 2.5, 15)).fit(X[:n], target)

def share(X, model, first, count):
    # what one block of columns adds to the prediction, on a scale of its own
    part = X[:, first : first + count] @ model.coef_[first : first + count]
    return (part - part[:n].mean()) / (part[:n].std() + 1e-9)

blocks = [table, words, spots]
X, model = fitted(blocks)
error = -model.best_score_
prediction = model.predict(X)[n:]
# does the picture change what the note is worth?
for _ in range(3):
    note = share(X, model, table.shape[1], words.shape[1])
    picture = share(X, model, table.shape[1] + words.shape[1], spots.shape[1])
    X, model = fitted([*blocks, note * picture])
    if -model.best_score_ < error:
        error, prediction = -model.best_score_, model.predict(X)[n:]
    gain = model.coef_[-1] / max(abs(model.coef_).max(), 1e-9)
    turned = words * (1 + np.clip(gain, -1, 1) * picture)[:, None]
    X, model = fitted([table, turned, spots])
    if -model.best_score_ < error:
        error, prediction = -model.best_score_, model.predict(X)[n:]
"""


def listing_ladder(
    *, id_column: str, target: str, note: str, loader: str, metric: str
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        id_column: Name of the id column.
        target: Name of the target.
        note: Name of the column with the text.
        loader: Python source that defines the pictures `X` and `Z`, see `toolkit.pictures`.
        metric: `rmse` or `mae`.
    """
    load = f"{loader}\npictures, pictures_test = X, Z\n"
    rungs = {
        "dummy": (_CONSTANTS[metric],),
        "naive": (RAW_NUMBERS, _RIDGE),
        "brightness": (load, RAW_NUMBERS, _BRIGHTNESS, _RIDGE),
        "standard": (load, _TABLE, _WORDS, _THRESHOLD, _STACK, _RIDGE),
        "spots": (load, _TABLE, _WORDS, _SPOTS, _STACK, _RIDGE),
        "strong": (load, _TABLE, _PAIRS_OF_WORDS, _SPOTS, _STACK, _RIDGE),
        "scoped": (load, _TABLE, _DENIALS, _SPOTS, _STACK, _RIDGE),
        "expert": (load, _TABLE, _DENIALS, _SPOTS, _ROUND, _TOGETHER),
    }
    return tuple(
        Baseline(name, script(READ, *pieces, WRITE, ID=id_column, TARGET=target, NOTE=note))
        for name, pieces in rungs.items()
    )
