"""The ladder for cases with a table, a short trace and a note: what happens where they disagree.

The scripts know that traces hold faster or slower waves and that notes deny as well as affirm; they
do not know which answer belongs to which case.
"""

from __future__ import annotations

from sandmle.authors.ladders.pieces import RAW_NUMBERS, READ, script
from sandmle.core.draft import Baseline

_LOAD = """\
labels = train[$TARGET].to_numpy()
traces = np.concatenate([np.load("input/train_traces.npy"), np.load("input/test_traces.npy")])
traces = traces.astype(float)
notes = pd.concat([train[$NOTE], test[$NOTE]], ignore_index=True).fillna("")
n = len(train)
"""

_READ = READ.replace("target = train[$TARGET].to_numpy(dtype=float)\n", "")

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
prediction = pd.Series(labels).mode()[0]
"""

_RAW_WAVES = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(np.column_stack([X, traces[:n]]))
known = scaler.transform(np.column_stack([X, traces[:n]]))
asked = scaler.transform(np.column_stack([X_test, traces[n:]]))
model = LogisticRegression(C=0.01, max_iter=200).fit(known, labels)
prediction = model.predict(asked)
"""

_BAG = """\
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier

bag = TfidfVectorizer(min_df=2).fit(notes[:n]).transform(notes)
model = RidgeClassifier(alpha=1.0).fit(bag[:n], labels)
prediction = model.predict(bag[n:])
"""

_BANDS = """\
# share of the power at each frequency; a trace of a recorder that was off is nearly flat
spectrum = np.abs(np.fft.rfft(traces - traces.mean(1, keepdims=True))) ** 2
bands = np.add.reduceat(spectrum[:, 1:], np.arange(0, spectrum.shape[1] - 1, 3), axis=1)
bands = bands / bands.sum(1, keepdims=True)
off = traces.std(1) < 0.2 * np.median(traces.std(1))
"""

_SMOOTH_BANDS = """\
# what changes slowly is drift, and single peaks are artefacts: take both out before the spectrum
from scipy import ndimage

off = traces.std(1) < 0.2 * np.median(traces.std(1))
level = ndimage.median_filter(traces, (1, 25))
clean = traces - level
usual = np.median(np.abs(clean), axis=1, keepdims=True) * 1.48 + 1e-9
clean = np.where(np.abs(clean) > 3.5 * usual, 0.0, clean)
spectrum = np.abs(np.fft.rfft(clean)) ** 2
bands = np.add.reduceat(spectrum[:, 3:36], np.arange(0, 33, 2), axis=1)
bands = np.sqrt(bands / (bands.sum(1, keepdims=True) + 1e-9))
"""

_WORDS = """\
from sklearn.feature_extraction.text import CountVectorizer

words = CountVectorizer(min_df=3).fit(notes[:n]).transform(notes).toarray().astype(float)
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
words = words[:, (words[:n] != 0).sum(0) >= 3]
"""

_TABLE = """\
both = pd.concat([train, test], ignore_index=True)[[c for c in test.columns if c != $ID]]
both = both[[c for c in both.columns if pd.api.types.is_numeric_dtype(both[c])]]
table = ((both - both.mean()) / both.std()).fillna(0.0).to_numpy()
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

features = np.column_stack([table, bands, off, words])
model = RandomForestClassifier(60, min_samples_leaf=2, random_state=0, n_jobs=1)
prediction = model.fit(features[:n], labels).predict(features[n:])
"""

_LINEAR = """\
from sklearn.linear_model import RidgeClassifierCV

features = np.column_stack([table, bands, off, words])
features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
model = RidgeClassifierCV(alphas=np.logspace(0, 3, 10)).fit(features[:n], labels)
prediction = model.predict(features[n:])
"""

_KERNEL = """\
from sklearn.svm import SVC

def scaled(block):
    block = (block - block.mean(axis=0)) / (block.std(axis=0) + 1e-9)
    return block / np.sqrt(block.shape[1])

# each source counts alike, and products of them too
features = np.column_stack([scaled(table), scaled(bands), scaled(words), 0.5 * off])
model = SVC(kernel="poly", degree=3, coef0=1.0, gamma=1.0, C=1.0)
prediction = model.fit(features[:n], labels).predict(features[n:])
"""

_DECODE = """\
from sklearn.linear_model import LogisticRegression

silent = (notes == "").to_numpy()
classes = sorted(set(labels))
code = np.searchsorted(classes, labels)

def chance(features, rows, answers, strength):
    spread = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
    model = LogisticRegression(C=strength, max_iter=300)
    return model.fit(spread[rows], answers).predict_proba(spread)[:, 1]

# what the waves say: two kinds of spectrum, one more usual with some answers than with others
# what the note says: likewise; the pair of answers that each source separates best is "agreed"
first = np.arange(n)
best = None
for one in range(len(classes)):
    for other in range(one + 1, len(classes)):
        pair = (code == one) | (code == other)
        answers = (code[pair] == other).astype(int)
        score = 0.0
        for features, usable, strength in ((bands, ~off[:n], 0.1), (words, ~silent[:n], 0.05)):
            rows = first[pair & usable]
            truth = (code[rows] == other).astype(int)
            half = np.arange(len(rows)) % 2 == 0
            for fit, hold in ((half, ~half), (~half, half)):
                guess = chance(features, rows[fit], truth[fit], strength)[rows[hold]]
                score += np.mean((guess > 0.5) == truth[hold])
        if best is None or score > best[0]:
            best = score, one, other
_, calm, alert = best
agreed = (code == calm) | (code == alert)
rows = first[agreed & ~off[:n]]
waves = chance(bands, rows, (code[rows] == alert).astype(int), 0.1)
# where the two disagree, the note says the opposite of the waves: more rows to learn from
truth = np.where(agreed, code == alert, waves[:n] < 0.5).astype(int)
rows = first[~silent[:n] & (agreed | ~off[:n])]
note = chance(words, rows, truth[rows], 0.1)
truth = np.where(agreed, code == alert, note[:n] < 0.5).astype(int)
rows = first[~off[:n] & (agreed | ~silent[:n])]
waves = chance(bands, rows, truth[rows], 0.1)
waves = np.where(off, note, waves)
note = np.where(silent, waves, note)

# who decides a conflict: the table, perhaps the other way round where the waves are the louder
rest = [kind for kind in range(len(classes)) if kind not in (calm, alert)]
rows = first[~agreed]
side = np.sign(waves - note)
answers = (code[rows] == rest[-1]).astype(int)
found = None
for turned in (False, True):
    signed = table * side[:, None] if turned else table
    extra = np.column_stack([signed, side])
    half = np.arange(len(rows)) % 5
    right = 0.0
    for fold in range(5):
        guess = chance(extra, rows[half != fold], answers[half != fold], 0.3)
        right += ((guess[rows[half == fold]] > 0.5) == answers[half == fold]).sum()
    if found is None or right > found[0]:
        found = right, chance(extra, rows, answers, 0.3)
verdict = found[1]
weight = np.zeros((len(notes), len(classes)))
weight[:, alert] = waves * note
weight[:, calm] = (1 - waves) * (1 - note)
apart = waves * (1 - note) + note * (1 - waves)
weight[:, rest[-1]] = apart * verdict
weight[:, rest[0]] = apart * (1 - verdict)
prediction = np.array(classes)[weight.argmax(1)][n:]
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (RAW_NUMBERS, _RAW_WAVES),
    "note": (_BAG,),
    "linear": (_TABLE, _BANDS, _WORDS, _LINEAR),
    "standard": (_TABLE, _BANDS, _WORDS, _FOREST),
    "kernel": (_TABLE, _BANDS, _WORDS, _KERNEL),
    "strong": (_TABLE, _SMOOTH_BANDS, _DENIALS, _KERNEL),
    "expert": (_TABLE, _SMOOTH_BANDS, _DENIALS, _DECODE),
}


def triage_ladder(*, id_column: str, target: str, note: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        id_column: Name of the id column.
        target: Name of the target.
        note: Name of the column with the text.
    """
    return tuple(
        Baseline(
            name, script(_READ, _LOAD, *pieces, _WRITE, ID=id_column, TARGET=target, NOTE=note)
        )
        for name, pieces in _RUNGS.items()
    )
