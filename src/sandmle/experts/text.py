"""The playbook for texts in a column: subjects, short words that change them, and grades."""

from __future__ import annotations

from sandmle.experts import PLAYBOOKS
from sandmle.experts._shared import TABLES, asks_label, asks_whole_number
from sandmle.experts.playbook import Choice, Facts, Playbook, Slot

_LOAD = f"""\
import numpy as np
import pandas as pd
{TABLES}size = test.astype(str).map(len).mean()
text = pd.concat([train, test])[size.idxmax()].astype(str)
labels, y = np.unique(train[target], return_inverse=True)
Y, n = np.eye(len(labels))[y], len(train)
"""
"""Afterwards: `text` of train and then test, `n` rows of train, `Y` their labels as 0 and 1."""

# Features end with K, the likeness of every text (row) to every text of train (column).
_WORDS = """\
from sklearn.feature_extraction.text import TfidfVectorizer
X = TfidfVectorizer(sublinear_tf=True).fit_transform(text)
K = (X @ X[:n].T).toarray()
"""
_PARTS = """\
from sklearn.feature_extraction.text import TfidfVectorizer
X = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3))
X = X.fit_transform(text)
K = (X @ X[:n].T).toarray()
"""
_LENGTHS = """\
words = text.str.findall(r"\\w+")
X = [[len(w), len(set(w)), len("".join(w))] for w in words]
X = np.log(np.array(X) + 1.0)
X = (X - X.mean(0)) / (X.std(0) + 1e-9)
K = X @ X[:n].T
"""

_SHORT = """\
from sklearn.feature_extraction.text import CountVectorizer
B = CountVectorizer(token_pattern=r"\\b\\w{1,4}\\b")
B = B.fit_transform(text).toarray().T
B = B[(B > 0).mean(1) > 0.08]
"""
_COUNTED = f"""\
{_SHORT}X = np.log(B.T + 1.0)
X = (X - X.mean(0)) / (X.std(0) + 1e-9)
K = X @ X[:n].T / X.shape[1]
"""
_CROSSED = f"""\
{_SHORT}B = 2.0 * (B > 0) - 1
K = K * (1 + B.T @ B[:, :n] / len(B)) ** 4
"""
# The short word whose presence, crossed with K, leaves the least error when each text of train is
# left out of its own fit, in closed form.
_SEARCH = """\
def missed(b):
    C = K[:n] * (0.3 + (b[:n, None] == b[:n]))
    H = np.linalg.inv(C + 0.3 * np.eye(n))
    return ((H @ Y / np.diag(H)[:, None]) ** 2).sum()
b = min(B, key=missed)
K = K * (0.3 + (b[:, None] == b[:n]))
"""
_SWITCH = f"{_SHORT}B = B > 0\n{_SEARCH}"
_ODD_SWITCH = f"{_SHORT}B = B % 2\n{_SEARCH}"

# Models end with S, for every text of test the score of every label.
_RIDGE = """\
W = np.linalg.solve(K[:n] + 0.3 * np.eye(n), Y - Y.mean(0))
S = K[n:] @ W + Y.mean(0)
"""
_CENTRES = "S = K[n:] @ (Y / Y.sum(0))"
_NEIGHBOURS = """\
near = np.argsort(-K[n:], axis=1)[:, :7]
S = Y[near].mean(1)
"""
_SVM = """\
from sklearn.svm import SVC
model = SVC(kernel="precomputed", C=10).fit(K[:n], y)
S = np.eye(len(labels))[model.predict(K[n:])]
"""

_EVEN = "S = S / Y.mean(0) ** 0.5"

_WRITE = """\
out = pd.DataFrame({idc: test[idc], target: p})
out.to_csv("submission.csv", index=False)
"""
_LABEL = f"p = labels[S.argmax(1)]\n{_WRITE}"
_ROUNDED = f"""\
p = np.clip(S @ labels, labels.min(), labels.max())
p = np.round(p).astype(int)
{_WRITE}"""
_RANKED = f"""\
rank = pd.Series(S @ labels).rank(pct=True)
p = np.quantile(train[target], rank, method="nearest")
{_WRITE}"""

_LOOK = f"""\
# look
import pandas as pd
{TABLES}size = test.astype(str).map(len).mean()
print("texts:", "short" if size.max() < 300 else "long")
words = test[size.idxmax()].str.findall(r"\\b\\w{{1,4}}\\b")
once, every = words.map(set).explode(), words.explode()
often = len(every) > 1.28 * len(once)
print("short words repeat:", "often" if often else "no")
share = once.value_counts().max() / len(test)
print("short words:", "some" if share > 0.1 else "none")
"""


def _short_words(facts: Facts) -> bool:
    return facts.get("short words") != "none"


def _advise(facts: Facts) -> dict[str, str]:
    if asks_whole_number(facts):
        return {
            "load": "load",
            "features": "short-words",
            "short": "plain",
            "model": "ridge",
            "prior": "natural",
            "output": "ranked",
        }
    hits = facts.get("metric", "").startswith(("accuracy", "error_rate"))
    return {
        "load": "load",
        "features": "parts",
        "short": "odd-switch" if facts.get("short words repeat") == "often" else "switch",
        "model": "svm" if hits else "ridge",
        "prior": "natural" if hits else "even",
        "output": "label",
    }


PLAYBOOKS.register("text")(
    Playbook(
        name="text",
        modalities=("text",),
        look=_LOOK,
        slots=(
            Slot("load", (Choice("load", _LOAD),)),
            Slot(
                "features",
                (
                    Choice("words", _WORDS),
                    Choice("parts", _PARTS),
                    Choice("lengths", _LENGTHS),
                    Choice("short-words", _COUNTED, works=_short_words),
                ),
            ),
            Slot(
                "short",
                (
                    Choice("plain", ""),
                    Choice("crossed", _CROSSED, works=_short_words),
                    Choice("switch", _SWITCH, works=_short_words),
                    Choice("odd-switch", _ODD_SWITCH, works=_short_words),
                ),
            ),
            Slot(
                "model",
                (
                    Choice("ridge", _RIDGE),
                    Choice("centres", _CENTRES),
                    Choice("neighbours", _NEIGHBOURS),
                    Choice("svm", _SVM),
                ),
            ),
            Slot("prior", (Choice("natural", ""), Choice("even", _EVEN, works=asks_label))),
            Slot(
                "output",
                (
                    Choice("label", _LABEL),
                    Choice("rounded", _ROUNDED, works=asks_whole_number),
                    Choice("ranked", _RANKED, works=asks_whole_number),
                ),
            ),
        ),
        advise=_advise,
    )
)
