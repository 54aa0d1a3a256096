"""Ladder of scripts for texts whose author is to be told: one chance per author and text.

The scripts know what gives authors away, never what one task's authors do.
"""

from __future__ import annotations

from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
import re

import numpy as np
import pandas as pd

authors = $AUTHORS
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
y = train[authors].to_numpy().argmax(1)
k = len(authors)
"""

_WRITE = """
out = pd.DataFrame(chances, columns=authors)
out.insert(0, $ID, test[$ID])
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """
chances = np.tile(train[authors].mean().to_numpy(), (len(test), 1))
"""

_NAIVE = """
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

words = TfidfVectorizer()
model = LogisticRegression(C=0.3, max_iter=200).fit(words.fit_transform(train[$TEXT]), y)
chances = model.predict_proba(words.transform(test[$TEXT]))
"""

_LINEAR = """
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

# words of nearly all texts cannot be about one topic
words = CountVectorizer(min_df=0.5)
X = np.sqrt(words.fit_transform(train[$TEXT]).toarray())
model = LogisticRegression(C=0.3, max_iter=200).fit(X, y)
chances = model.predict_proba(np.sqrt(words.transform(test[$TEXT]).toarray()))
"""

_CHAIN = '''
def chain_counts(sequences, size):
    """How often word j follows word i, by text; the start is word `size`."""
    counts = np.zeros((len(sequences), size + 1, size))
    for row, sequence in enumerate(sequences):
        last = size
        for word in sequence:
            counts[row, last, word] += 1
            last = word
    return counts


def log_chances(counts, y, weight):
    """Log chances of each next word by author, drawn towards what comes anywhere."""
    tables = []
    for a in range(k):
        own = counts[y == a].sum(0)
        single = own.sum(0) + 2 * counts.sum((0, 1)) / counts.sum() * k
        backing = single / single.sum()
        shared = (counts.sum(0) + weight * backing) / (counts.sum((0, 2))[:, None] + weight)
        mixed = 0.5 * backing + 0.5 * shared
        table = (own + weight * mixed) / (own.sum(1, keepdims=True) + weight)
        tables.append(np.log(table))
    return np.array(tables)


def posterior(scores, heat):
    scores = scores * heat
    odds = np.exp(scores - scores.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def scores_of(counts, tables):
    return np.tensordot(counts, tables, axes=([1, 2], [1, 2]))


def fit(counts, counts_test, weights=(3, 8, 20)):
    """Choose smoothing and sharpness on held-out folds."""
    fold = np.arange(len(y)) % 5
    best = None
    for weight in weights:
        held = np.zeros((len(y), k))
        for f in range(5):
            tables = log_chances(counts[fold != f], y[fold != f], weight)
            held[fold == f] = scores_of(counts[fold == f], tables)
        for heat in (0.08, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9, 1.05):
            loss = -np.log(posterior(held, heat)[np.arange(len(y)), y]).mean()
            if best is None or loss < best[0]:
                best = (loss, weight, heat)
    return posterior(scores_of(counts_test, log_chances(counts, y, best[1])), best[2])


texts = list(train[$TEXT]) + list(test[$TEXT])
'''

_STANDARD = """
tokens = [re.findall(r"[a-z]+", text) for text in texts]
df = pd.Series([w for words in tokens[: len(y)] for w in set(words)]).value_counts()
little = sorted(w for w in df[df > 0.25 * len(y)].index if len(w) <= 4)
index = {w: i for i, w in enumerate(little)}
counts = np.zeros((len(texts), 1, len(little)))
for row, words in enumerate(tokens):
    for w in words:
        if w in index:
            counts[row, 0, index[w]] += 1
chances = fit(counts[: len(y)], counts[len(y) :])
"""

_PAIRS = """
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

tokens = [re.findall(r"[a-z]+", text) for text in [*train[$TEXT], *test[$TEXT]]]
df = pd.Series([w for words in tokens[: len(y)] for w in set(words)]).value_counts()
little = set(w for w in df[df > 0.25 * len(y)].index if len(w) <= 4)
habits = [" ".join(w for w in words if w in little) for words in tokens]
pairs = CountVectorizer(token_pattern="[a-z]+", ngram_range=(1, 2))
X = np.sqrt(pairs.fit_transform(habits).toarray())
model = LogisticRegression(C=0.1, max_iter=200).fit(X[: len(y)], y)
chances = model.predict_proba(X[len(y) :])
"""

_STRONG = """
tokens = [re.findall(r"[a-z]+", text) for text in texts]
df = pd.Series([w for words in tokens[: len(y)] for w in set(words)]).value_counts()
little = sorted(w for w in df[df > 0.25 * len(y)].index if len(w) <= 4)
index = {w: i for i, w in enumerate(little)}
counts = chain_counts([[index[w] for w in words if w in index] for words in tokens], len(index))
chances = fit(counts[: len(y)], counts[len(y) :])
"""

_UNQUOTED = """
# what stands in quotation marks is somebody else's
texts = [re.sub("«[^»]*»", " ", text) for text in texts]
"""

_EXPERT = """
tokens = [re.findall(r"[a-z]+", text) for text in texts]
df = pd.Series([w for words in tokens[: len(y)] for w in set(words)]).value_counts()
little = sorted(w for w in df[df > 0.25 * len(y)].index if len(w) <= 4)
index = {w: i for i, w in enumerate(little)}

# a little word may be written as the ending of a word that also comes without it
every = {w for words in tokens for w in words}


def pieces(word):
    if word in index:
        return [index[word]]
    for w in little:
        if word.endswith(w) and word[: -len(w)] in every:
            return [index[w]]
    return []


parts = {word: pieces(word) for word in every}
sequences = [[i for word in words for i in parts[word]] for words in tokens]
counts = chain_counts(sequences, len(index))
chances = fit(counts[: len(y)], counts[len(y) :])
"""


def author_ladder(*, id_column: str, text: str, authors: list[str]) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for texts with one column of chances per author."""
    bodies = {
        "dummy": (_READ, _DUMMY, _WRITE),
        "naive": (_READ, _NAIVE, _WRITE),
        "linear": (_READ, _LINEAR, _WRITE),
        "pairs": (_READ, _PAIRS, _WRITE),
        "standard": (_READ, _CHAIN, _STANDARD, _WRITE),
        "strong": (_READ, _CHAIN, _STRONG, _WRITE),
        "unquoted": (_READ, _CHAIN, _UNQUOTED, _STRONG, _WRITE),
        "pieces": (_READ, _CHAIN, _EXPERT, _WRITE),
        "expert": (_READ, _CHAIN, _UNQUOTED, _EXPERT, _WRITE),
    }
    return rungs(bodies, ID=id_column, TEXT=text, AUTHORS=authors)
