"""Ladder for nodes of a partly labelled network: features, neighbours, and learnt mixing."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
"""

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_DUMMY = """\
prediction = train[$TARGET].mode()[0]
"""

_NODES = """\
nodes = pd.read_csv("input/nodes.csv")
edges = pd.read_csv("input/edges.csv")
position = pd.Series(np.arange(len(nodes)), index=nodes[$ID])
known = position[train[$ID]].to_numpy()
asked = position[test[$ID]].to_numpy()
head, tail = position[edges[$SOURCE]].to_numpy(), position[edges[$SINK]].to_numpy()
classes, y = np.unique(train[$TARGET], return_inverse=True)
"""

_FEATURES = """\
table = nodes[$FIELDS]
table = table.fillna(table.median())
table = table.rank(pct=True).to_numpy()
table = (table - table.mean(axis=0)) / table.std(axis=0)
"""

_ADJACENCY = """\
from scipy.sparse import coo_matrix

n = len(nodes)
A = coo_matrix((np.ones(2 * len(head)), (np.r_[head, tail], np.r_[tail, head])), shape=(n, n))
A = A.tocsr()
"""

_DEGREE = """\
from sklearn.ensemble import RandomForestClassifier

degree = np.bincount(np.r_[head, tail], minlength=len(nodes))
X = np.column_stack([degree, np.bincount(head, minlength=len(nodes))])
model = RandomForestClassifier(30, min_samples_leaf=5, random_state=0, n_jobs=1)
prediction = classes[model.fit(X[known], y).predict(X[asked])]
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression

model = LogisticRegression(C=0.3, max_iter=300).fit(X[known], y)
prediction = classes[model.predict(X[asked])]
"""

_VOTE = """\
# each takes the commonest class among its labelled neighbours
hot = np.zeros((len(nodes), len(classes)))
hot[known, y] = 1
votes = A[asked] @ hot + 0.1 * hot.sum(axis=0) / len(y)
prediction = classes[votes.argmax(axis=1)]
"""

_SMOOTH = """\
share = A.multiply(1 / np.maximum(A.sum(axis=1), 1)).tocsr()
near = share @ table
X = np.column_stack([table, near, share @ near])
X = (X - X.mean(axis=0)) / X.std(axis=0)
"""

_CLEAN = """\
# one record for each pair, and nobody with very many links: those link to anyone
if "__KIND__" in edges.columns:
    relation = pd.factorize(edges["__KIND__"], sort=True)[0]
else:
    relation = np.zeros(len(edges), dtype=int)
ends = np.minimum(head, tail), np.maximum(head, tail)
pairs = np.unique(np.column_stack([*ends, relation]), axis=0)
pairs = pairs[pairs[:, 0] != pairs[:, 1]]
degree = np.bincount(pairs[:, :2].ravel(), minlength=len(nodes))
limit = 3 * np.quantile(degree, 0.97)
pairs = pairs[(degree[pairs[:, 0]] < limit) & (degree[pairs[:, 1]] < limit)]
head, tail, relation = pairs.T
"""

_HISTOGRAMS = """\
# which classes the labelled neighbours have, one and two steps away, never counting oneself
from sklearn.ensemble import ExtraTreesClassifier

hot = np.zeros((n, len(classes)))
hot[known, y] = 1
A.data[:] = 1
one = A @ hot
two = A @ one - np.asarray(A.sum(axis=1)) * hot
two /= np.maximum(two.sum(axis=1, keepdims=True), 1)
X = np.column_stack([table, one, two, share @ table])
model = ExtraTreesClassifier(80, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = classes[model.fit(X[known], y).predict(X[asked])]
"""

_BELIEF = """\
# belief propagation; how classes link is learnt from labels and beliefs together
from sklearn.linear_model import LogisticRegression

k, n, e = len(classes), len(nodes), len(head)
start, end = np.r_[head, tail], np.r_[tail, head]
kind = np.r_[relation, relation]
back = np.r_[np.arange(e, 2 * e), np.arange(e)]
model = LogisticRegression(C=0.1, max_iter=300, class_weight="balanced").fit(table[known], y)
prior = model.predict_log_proba(table)
prior[nodes[$FIELDS].isna().all(axis=1).to_numpy()] = -np.log(k)
clamped = np.full((len(known), k), -30.0)
clamped[np.arange(len(known)), y] = 0.0
prior[known] = clamped
base = np.bincount(y, minlength=k) / len(y)


def normalised(log):
    log = np.exp(log - log.max(axis=1, keepdims=True))
    return log / log.sum(axis=1, keepdims=True)


labelled = np.zeros(n, bool)
labelled[known] = True
belief = normalised(prior)
message = np.zeros((2 * e, k))
for turn in range(12):
    # edges between labelled nodes count in full, guesses as far as they are sure
    mixing = np.empty((kind.max() + 1, k, k))
    trust = np.where(labelled, 1.0, min(1.0, turn / 6))
    weight = trust[start] * trust[end]
    for r in range(len(mixing)):
        of = kind == r
        joint = (belief[start[of]] * weight[of, None]).T @ belief[end[of]]
        joint += np.outer(base, base) * 20
        joint /= joint.sum()
        mixing[r] = joint / np.outer(joint.sum(axis=1), joint.sum(axis=0))
    for _ in range(2):
        total = prior.copy()
        for c in range(k):
            total[:, c] += np.bincount(end, message[:, c], minlength=n)
        outgoing = normalised(total[start] - message[back])
        for r in range(len(mixing)):
            of = kind == r
            message[of] = np.log(outgoing[of] @ mixing[r])
    total = prior.copy()
    for c in range(k):
        total[:, c] += np.bincount(end, message[:, c], minlength=n)
    belief = normalised(total)
prediction = classes[belief[asked].argmax(axis=1)]
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "degree": (_NODES, _DEGREE),
    "naive": (_NODES, _FEATURES, "X = table", _LOGISTIC),
    "vote": (_NODES, _ADJACENCY, _VOTE),
    "standard": (_NODES, _FEATURES, _ADJACENCY, _SMOOTH, _LOGISTIC),
    "strong": (_NODES, _CLEAN, _FEATURES, _ADJACENCY, _SMOOTH, _HISTOGRAMS),
    "expert": (_NODES, _CLEAN, _FEATURES, _BELIEF),
}


def node_ladder(*, names: dict[str, str | list[str]], kind: str) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: `ID`, `TARGET`, `SOURCE`, `SINK` and `FIELDS`.
        kind: Column of the edges that says which relation one is of; it may be absent.
    """
    return tuple(
        Baseline(rung, script(_READ, *pieces, _WRITE, **names).replace("__KIND__", kind))
        for rung, pieces in _RUNGS.items()
    )
