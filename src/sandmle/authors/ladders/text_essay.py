"""Ladder of scripts that grade essays of an unknown language, with its word list beside them.

The scripts know what graders may look at, never what one task's graders do.
"""

from __future__ import annotations

from sandmle.authors.toolkit.grammar import rungs
from sandmle.core.draft import Baseline

_READ = """\
import re
from collections import Counter, defaultdict

import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv", keep_default_na=False)
test = pd.read_csv("input/test.csv", keep_default_na=False)
y = train[$TARGET].to_numpy(dtype=float)
texts = [*train[$TEXT], *test[$TEXT]]
"""

_WRITE = """
grade = np.clip(np.round(grade), y.min(), y.max()).astype(int)
pd.DataFrame({$ID: test[$ID], $TARGET: grade}).to_csv("submission.csv", index=False)
"""

_DUMMY = """
grade = np.full(len(test), np.median(y))
"""

_NAIVE = """
from sklearn.linear_model import LinearRegression

length = np.log([[len(text)] for text in texts])
grade = LinearRegression().fit(length[: len(y)], y).predict(length[len(y) :])
"""

_LINEAR = """
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge

X = TfidfVectorizer(min_df=3, norm="l2", sublinear_tf=True).fit_transform(texts).tocsr()
grade = Ridge(alpha=1.0).fit(X[: len(y)], y).predict(X[len(y) :])
"""

_FIT = """

def standing(X):
    return (X - X.mean(0)) / (X.std(0) + 1e-9)


def cut(score_train, score_test):
    # grades as frequent as in training, which keeps their spread
    counts = np.array([(y <= g).mean() for g in range(int(y.min()), int(y.max()))])
    cuts = np.quantile(score_train, counts)
    return y.min() + np.searchsorted(cuts, score_test)
"""

_COUNTS = """
from sklearn.linear_model import RidgeCV

words = [re.findall("[a-z]+", text) for text in texts]
X = standing(np.array([
    [len(w), len(set(w)), len(set(w)) / len(w), np.mean([len(v) for v in w])] for w in words
]))
model = RidgeCV(np.logspace(-1, 2, 7)).fit(X[: len(y)], y)
grade = cut(model.predict(X[: len(y)]), model.predict(X[len(y) :]))
"""

_UNPADDED = """
from sklearn.linear_model import RidgeCV

# a sentence that is said twice counts once
sentences = [list(dict.fromkeys(s.strip() for s in t.split(".") if s.strip())) for t in texts]
words = [[w for s in ss for w in s.split()] for ss in sentences]
lexicon = set(pd.read_csv("input/lexicon.csv", keep_default_na=False)["word"])
"""

_STANDARD = """
X = standing(np.array([[len(set(w)), len(w)] for w in words], dtype=float))
model = RidgeCV(np.logspace(-1, 2, 7)).fit(X[: len(y)], y)
grade = cut(model.predict(X[: len(y)]), model.predict(X[len(y) :]))
"""

_STRONG = """
wrong = [sum(v not in lexicon for v in w) for w in words]
X = standing(np.column_stack([[len(set(w)) for w in words], wrong]).astype(float))
model = RidgeCV(np.logspace(-1, 2, 7)).fit(X[: len(y)], y)
grade = cut(model.predict(X[: len(y)]), model.predict(X[len(y) :]))
"""

_OPENERS = """
# words that open sentences: each may count for or against
starts = [[s.split()[0] for s in ss] for ss in sentences]
common = pd.Series([w for ws in starts for w in set(ws)]).value_counts()
openers = sorted(common[common > 0.1 * len(texts)].index)
opened = np.array([[float(w in ws) for w in openers] for ws in starts])
content = [[w for s in ss for w in s.split()[1:]] for ss in sentences]
wrong = np.array([sum(v not in lexicon for v in w) for w in content], dtype=float)
kinds = np.array([len({v for v in w if v in lexicon}) for w in content], dtype=float)
"""

_LINKED = """
X = np.column_stack([standing(np.column_stack([kinds, wrong])), opened])
model = RidgeCV(np.logspace(-1, 2, 7)).fit(X[: len(y)], y)
grade = cut(model.predict(X[: len(y)]), model.predict(X[len(y) :]))
"""

_EXPERT = """
# words of a subject: those that come mostly under its prompt
prompts = [*train[$PROMPT], *test[$PROMPT]]
sizes = Counter(prompts)
uses = defaultdict(Counter)
for prompt, ws in zip(prompts, content):
    for w in set(ws) & lexicon:
        uses[w][prompt] += 1
home = {w: max(sorted(n), key=lambda p: n[p] / sizes[p]) for w, n in uses.items()}
away = np.array([
    np.mean([home[v] != p for v in set(w) if v in home] or [0]) for p, w in zip(prompts, content)
])

# two groups of openers: those that graders like and the others
rest = standing(np.column_stack([kinds + 0.5 * wrong, wrong, away]))
first = RidgeCV(np.logspace(-1, 2, 7)).fit(np.column_stack([rest, opened])[: len(y)], y)
effect = first.coef_[rest.shape[1] :]
order = np.sort(effect)
gap = np.argmax(np.diff(order)[2:-2]) + 2 if len(order) > 6 else len(order) // 2
liked = effect > (order[gap] + order[gap + 1]) / 2
X = standing(np.column_stack([rest, opened[:, liked].sum(1)]))
model = RidgeCV(np.logspace(-1, 2, 7)).fit(X[: len(y)], y)
grade = cut(model.predict(X[: len(y)]), model.predict(X[len(y) :]))
"""


def essay_ladder(*, id_column: str, prompt: str, text: str, target: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, for texts with a grade."""
    bodies = {
        "dummy": (_READ, _DUMMY, _WRITE),
        "naive": (_READ, _NAIVE, _WRITE),
        "linear": (_READ, _LINEAR, _WRITE),
        "counts": (_READ, _FIT, _COUNTS, _WRITE),
        "standard": (_READ, _FIT, _UNPADDED, _STANDARD, _WRITE),
        "strong": (_READ, _FIT, _UNPADDED, _STRONG, _WRITE),
        "linked": (_READ, _FIT, _UNPADDED, _OPENERS, _LINKED, _WRITE),
        "expert": (_READ, _FIT, _UNPADDED, _OPENERS, _EXPERT, _WRITE),
    }
    return rungs(bodies, ID=id_column, PROMPT=prompt, TEXT=text, TARGET=target)
