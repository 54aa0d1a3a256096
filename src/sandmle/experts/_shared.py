"""Lines and questions that several playbooks share: the same step reads the same everywhere."""

from __future__ import annotations

from sandmle.experts.playbook import Facts

TABLES = """\
train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
idc, target = pd.read_csv("input/sample_submission.csv")
"""
ARRAYS = f"""\
import numpy as np
import pandas as pd
from pathlib import Path
{TABLES}files = sorted(Path("input").glob("*.npy"))[::-1]
A = np.concatenate([np.load(f) for f in files])
y, n = train[target].to_numpy(), len(train)
"""
"""Afterwards: `A`, the rows of train and then those of test; `n` of them are of train."""

ARRAY_LOOK = f"""\
# look
import numpy as np
import pandas as pd
from pathlib import Path
{TABLES}A = np.load(sorted(Path("input").glob("*.npy"))[-1])
"""
"""Opens a look; `A` holds the rows of train."""

LABEL = """\
p = model.fit(X[:n], y).predict(X[n:])
out = pd.DataFrame({idc: test[idc], target: p})
out.to_csv("submission.csv", index=False)
"""
CHANCE = """\
p = model.fit(X[:n], y).predict_proba(X[n:])[:, 1]
out = pd.DataFrame({idc: test[idc], target: p})
out.to_csv("submission.csv", index=False)
"""

LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
X = (X - X[:n].mean(0)) / (X[:n].std(0) + 1e-9)
model = LogisticRegression(C=0.3, class_weight="balanced")
"""
TREES = """\
from sklearn.ensemble import ExtraTreesClassifier as Trees
model = Trees(50, min_samples_leaf=2, random_state=0)
"""
NEIGHBOURS = """\
from sklearn.neighbors import KNeighborsClassifier
model = KNeighborsClassifier(5)
"""
BAYES = """\
from sklearn.naive_bayes import GaussianNB
model = GaussianNB()
"""


def asks_number(facts: Facts) -> bool:
    """Return whether a prediction is a number that need not be whole."""
    return facts.get("predict", "").startswith("a number")


def asks_whole_number(facts: Facts) -> bool:
    """Return whether a prediction is a whole number."""
    return facts.get("predict", "").startswith("a whole number")


def asks_label(facts: Facts) -> bool:
    """Return whether a prediction is one of a few labels."""
    return facts.get("predict", "").startswith("one of")
