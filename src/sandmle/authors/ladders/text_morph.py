"""Ladder of scripts for short texts in an unknown language: one label per text.

The scripts know what such languages and texts are like, never what one task's rule is.
"""

from __future__ import annotations

from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
"""

_WRITE = """
out = pd.DataFrame({"__ID__": test["__ID__"], "__LABEL__": predicted})
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """
predicted = train["__LABEL__"].mode()[0]
"""

_NAIVE = """
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.naive_bayes import MultinomialNB

words = CountVectorizer(token_pattern=r"\\S+")
model = MultinomialNB().fit(words.fit_transform(train["__TEXT__"]), train["__LABEL__"])
predicted = model.predict(words.transform(test["__TEXT__"]))
"""

_LINEAR = """
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier

words = TfidfVectorizer(token_pattern=r"[a-z]+", min_df=2, sublinear_tf=True)
model = RidgeClassifier(alpha=1.0).fit(words.fit_transform(train["__TEXT__"]), train["__LABEL__"])
predicted = model.predict(words.transform(test["__TEXT__"]))
"""

_STANDARD = """
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier

# parts of words: the same root has many endings
parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, sublinear_tf=True)
model = RidgeClassifier(alpha=1.0).fit(parts.fit_transform(train["__TEXT__"]), train["__LABEL__"])
predicted = model.predict(parts.transform(test["__TEXT__"]))
"""

_RIDGE = '''
labels = sorted(train["__LABEL__"].unique())
y = train["__LABEL__"].map({label: i for i, label in enumerate(labels)}).to_numpy()
n, k = len(train), len(labels)


def projection(gram, alpha=0.3):
    """The matrix that turns targets into the fit of kernel ridge regression."""
    return gram @ np.linalg.inv(gram + alpha * np.eye(len(gram)))


def hit_rate(hat, y):
    """Accuracy when each text is left out of its own fit, in closed form."""
    targets = np.eye(k)[y] - 1 / k
    own = np.diag(hat)[:, None]
    return np.mean(((hat @ targets - own * targets) / (1 - own)).argmax(1) == y)


def fitted(gram, y, gram_new, alpha=0.3):
    return gram_new @ np.linalg.solve(gram + alpha * np.eye(len(y)), np.eye(k)[y] - 1 / k)
'''

_STRONG = """
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

texts = pd.concat([train["__TEXT__"], test["__TEXT__"]], ignore_index=True)
parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, sublinear_tf=True)
parts.fit(texts[:n])
X = parts.transform(texts)
gram = (X @ X[:n].T).toarray()

# frequent short words may change what the rest means: one model for texts with the word, one for
# texts without, tied together by a shared part
words = CountVectorizer(token_pattern=r"[a-z]+", min_df=0.08, max_df=0.9, binary=True)
present = words.fit(texts[:n]).transform(texts).toarray()
best, chosen = hit_rate(projection(gram[:n]), y), gram
for column, word in enumerate(words.get_feature_names_out()):
    if len(word) <= 4:
        has = present[:, column]
        crossed = gram * (0.3 + (has[:, None] == has[None, :n]))
        rate = hit_rate(projection(crossed[:n]), y)
        if rate > best:
            best, chosen = rate, crossed
predicted = np.array(labels)[fitted(chosen[:n], y, chosen).argmax(1)[n:]]
"""

_EXPERT = '''
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

texts = pd.concat([train["__TEXT__"], test["__TEXT__"]], ignore_index=True)
pieces = [[s for s in text.split(".") if s.strip()] for text in texts]
owner = np.repeat(np.arange(len(texts)), [len(p) for p in pieces])
starts = np.concatenate([[0], np.cumsum([len(p) for p in pieces])[:-1]])
n_first = int((owner < n).sum())

# words per sentence times parts per word: parts that half of all words share weigh little
counter = CountVectorizer(token_pattern=r"[a-z]+")
counts = counter.fit_transform([s for p in pieces for s in p])
names = counter.get_feature_names_out()
parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=2, norm=None)
S = counts @ parts.fit_transform(names)
S_first = S[:n_first]
inner = (S_first @ S_first.T).toarray()

share = np.asarray((counts[:n_first] > 0).sum(0)).ravel() / n
short = [i for i in np.argsort(-share) if len(names[i]) <= 4 and share[i] > 0.08][:16]


def text_gram(keep):
    """Similarity of the training texts, made of the kept sentences alone."""
    kept = inner * keep[:, None] * keep[None, :]
    gram = np.add.reduceat(np.add.reduceat(kept, starts[:n], axis=0), starts[:n], axis=1)
    size = np.sqrt(np.maximum(np.diag(gram), 1e-9))
    return gram / size[:, None] / size[None, :]


def per_text(column, *, odd):
    total = np.bincount(owner, counts[:, column].toarray().ravel(), minlength=len(texts))
    return total % 2 == 1 if odd else total > 0


def undo(gram, y, marked):
    """Find which label a marked text would have had without the mark.

    A model of the unmarked texts reads the marked ones; labels are then paired one to one.
    """
    table = np.zeros((k, k))
    votes = fitted(gram[np.ix_(~marked, ~marked)], y[~marked], gram[np.ix_(marked, ~marked)])
    np.add.at(table, y[marked], votes)
    pairs = np.arange(k)
    for _ in range(k):
        row, column = np.unravel_index(table.argmax(), table.shape)
        pairs[row] = column
        table[row, :], table[:, column] = -np.inf, -np.inf
    return pairs


def search_mark(gram):
    hat = projection(gram)
    best, mark, pairs = hit_rate(hat, y), np.zeros(len(texts), bool), np.arange(k)
    for column in short:
        for odd in (False, True):
            has = per_text(column, odd=odd)
            if not 0.1 < has[:n].mean() < 0.75:
                continue
            if odd and np.array_equal(has, per_text(column, odd=False)):
                continue
            found = undo(gram, y, has[:n])
            rate = hit_rate(hat, np.where(has[:n], found[y], y))
            if rate > best + 0.01:
                best, mark, pairs = rate, has, found
    return mark, pairs


def search_drop(topic):
    best, keep = -1.0, np.ones(len(owner))
    for column in [None, *short]:
        has = np.zeros(len(owner)) if column is None else counts[:, column].toarray().ravel() > 0
        rate = hit_rate(projection(text_gram(1.0 - has[:n_first])), topic)
        if rate > best + 0.005:
            best, keep = rate, 1.0 - has
    return keep


mark, pairs = search_mark(text_gram(np.ones(n_first)))
keep = search_drop(np.where(mark[:n], pairs[y], y))
mark, pairs = search_mark(text_gram(keep[:n_first]))
topic = np.where(mark[:n], pairs[y], y)

cross = (S @ S_first.T).toarray() * keep[:, None] * keep[None, :n_first]
cross = np.add.reduceat(np.add.reduceat(cross, starts, axis=0), starts[:n], axis=1)
gram = text_gram(keep[:n_first])
kept = inner * keep[:n_first, None] * keep[None, :n_first]
size = np.sqrt([kept[a:b, a:b].sum() for a, b in zip(starts[:n], [*starts[1:n], n_first])])
# the length of a test text scales all its scores alike, so it is left as it is
guess = fitted(gram, topic, cross / np.maximum(size, 1e-9)[None, :]).argmax(1)
back = np.argsort(pairs)
predicted = np.array(labels)[np.where(mark, back[guess], guess)[n:]]
'''


def text_ladder(*, id_column: str, text_column: str, label_column: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for a table of texts with one label each."""
    bodies = {
        "dummy": _DUMMY,
        "naive": _NAIVE,
        "linear": _LINEAR,
        "standard": _STANDARD,
        "strong": _RIDGE + _STRONG,
        "expert": _RIDGE + _EXPERT,
    }
    names = {"__ID__": id_column, "__TEXT__": text_column, "__LABEL__": label_column}
    ladder = []
    for rung, body in bodies.items():
        script = _READ + body + _WRITE
        for mark, name in names.items():
            script = script.replace(mark, name)
        ladder.append(Baseline(name=rung, script=script))
    return tuple(ladder)
