"""Ladder of scripts that rate how alike two phrases are, with a glossary of synonyms beside them.

The scripts know how phrases may vary, never what counts for one task's raters.
"""

from __future__ import annotations

from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", keep_default_na=False)
test = pd.read_csv("input/test.csv", keep_default_na=False)
glossary = pd.read_csv("input/glossary.csv", keep_default_na=False)
y = train[$TARGET].to_numpy(dtype=float)
both = pd.concat([train[[$FIRST, $SECOND]], test[[$FIRST, $SECOND]]])
pairs = [(a.split(), b.split()) for a, b in zip(both[$FIRST], both[$SECOND])]
"""

_WRITE = """
pd.DataFrame({$ID: test[$ID], $TARGET: rating}).to_csv("submission.csv", index=False)
"""

_DUMMY = """
rating = np.full(len(test), y.mean())
"""

_NAIVE = """
overlap = np.array([len(set(a) & set(b)) / len(set(a) | set(b)) for a, b in pairs])
rating = overlap[len(y) :]
"""

_LINEAR = """
from sklearn.feature_extraction.text import TfidfVectorizer

# parts of words see through endings
parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), sublinear_tf=True)
parts.fit([*both[$FIRST], *both[$SECOND]])
A, B = parts.transform(both[$FIRST]), parts.transform(both[$SECOND])
rating = np.asarray(A.multiply(B).sum(1)).ravel()[len(y) :]
"""

_STEMS = '''
terms = sorted({*glossary["term"], *glossary["same_as"]}, key=len, reverse=True)


def stem(word):
    """The longest plain form that the word begins with."""
    for term in terms:
        if word.startswith(term):
            return term
    return word


stems = {word: stem(word) for a, b in pairs for word in (*a, *b)}
'''

_STANDARD = """
known = set(zip(glossary["term"], glossary["same_as"]))


def alike(a, b):
    return a == b or (a, b) in known or (b, a) in known


def overlap(a, b):
    a, b = [[stems[w] for w in words if stems[w] in terms] for words in (a, b)]
    return sum(any(alike(v, w) for w in b) for v in a) / max(len(a), len(b))


rating = np.array([overlap(a, b) for a, b in pairs[len(y) :]])
"""

_CLOSED = """
group = {term: term for term in terms}


def root(term):
    while group[term] != term:
        term = group[term]
    return term


for a, b in zip(glossary["term"], glossary["same_as"]):
    group[root(a)] = root(b)
concept = {word: root(stem) for word, stem in stems.items() if stem in group}
meant = [tuple([concept[w] for w in words if w in concept] for words in pair) for pair in pairs]


def shared(a, b):
    return len(set(a) & set(b)) / max(len(a), len(b), 1)
"""

_STRONG = """
rating = np.array([shared(a, b) for a, b in meant[len(y) :]])
"""

_HEADS = """
from sklearn.linear_model import RidgeCV

X = np.array([[shared(a, b), a[0] == b[0], a[-1] == b[-1], shared(a[1:], b[1:]),
               shared(a[:-1], b[:-1])] for a, b in meant], dtype=float)
model = RidgeCV(np.logspace(-2, 2, 9)).fit(X[: len(y)], y)
rating = model.predict(X[len(y) :])
"""

_EXPERT = """
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict

base = np.array([[shared(a, b), a[0] == b[0], a[-1] == b[-1], shared(a[1:], b[1:]),
                  shared(a[:-1], b[:-1])] for a, b in meant], dtype=float)
little = sorted({w for a, b in pairs for w in (*a, *b) if w not in concept})
options = [None, *little]


def features(word):
    # a word in one phrase only may scale down all the likeness
    if word is None:
        return base
    odd = np.array([(word in a) != (word in b) for a, b in pairs], dtype=float)[:, None]
    return np.hstack([base * (1 - odd), base * odd])


def held_out(word):
    X = features(word)[: len(y)]
    return np.corrcoef(cross_val_predict(RidgeCV(np.logspace(-2, 2, 9)), X, y, cv=5), y)[0, 1]


scores = [held_out(word) for word in options]
best = options[int(np.argmax(scores))] if max(scores) > scores[0] + 0.01 else None
X = features(best)
model = RidgeCV(np.logspace(-2, 2, 9)).fit(X[: len(y)], y)
rating = model.predict(X[len(y) :])
"""


def pairs_ladder(*, id_column: str, first: str, second: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for pairs of phrases with a rating."""
    bodies = {
        "dummy": (_READ, _DUMMY, _WRITE),
        "naive": (_READ, _NAIVE, _WRITE),
        "linear": (_READ, _LINEAR, _WRITE),
        "standard": (_READ, _STEMS, _STANDARD, _WRITE),
        "strong": (_READ, _STEMS, _CLOSED, _STRONG, _WRITE),
        "heads": (_READ, _STEMS, _CLOSED, _HEADS, _WRITE),
        "expert": (_READ, _STEMS, _CLOSED, _EXPERT, _WRITE),
    }
    return rungs(bodies, ID=id_column, FIRST=first, SECOND=second, TARGET=target)
