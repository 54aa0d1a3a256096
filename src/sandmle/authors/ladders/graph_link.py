"""Ladder for hidden links of a network: columns, degrees, neighbours in common, positions."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = """\
prediction = np.full(len(test), target.mean())
"""

_COLUMNS = """\
X, X_test = train[$FIELDS].to_numpy(), test[$FIELDS].to_numpy()
"""

_LINKS = """\
links = pd.read_csv("input/links.csv")
ends = [train[$FIRST], train[$SECOND], test[$FIRST], test[$SECOND], links[$FIRST], links[$SECOND]]
nodes = pd.Index(np.unique(np.concatenate(ends)))
a, b, a_test, b_test, head, tail = (nodes.get_indexer(part) for part in ends)
n = len(nodes)
"""

_CLEAN = """\
# every link once, and nobody with very many of them: those link to anyone
pairs = np.unique(np.sort(np.column_stack([head, tail]), axis=1), axis=0)
degree = np.bincount(pairs.ravel(), minlength=n)
limit = 2.5 * np.quantile(degree, 0.98)
pairs = pairs[(degree[pairs] < limit).all(axis=1)]
head, tail = pairs.T
"""

_ADJACENCY = """\
from scipy.sparse import coo_matrix, diags

ones = np.ones(2 * len(head))
A = coo_matrix((ones, (np.r_[head, tail], np.r_[tail, head])), shape=(n, n)).tocsr()
degree = np.asarray(A.sum(axis=1)).ravel()


def between(M, one, other):
    return np.asarray(M[one, other]).ravel()
"""

_DEGREES = """\
degree = np.bincount(np.r_[head, tail], minlength=n)
X = np.log1p(np.column_stack([degree[a], degree[b]])).sum(axis=1, keepdims=True)
X_test = np.log1p(np.column_stack([degree[a_test], degree[b_test]])).sum(axis=1, keepdims=True)
"""

_ALL = """\
common = A @ A


def features(one, other, frame):
    links = np.log1p(np.column_stack([degree[one], degree[other]]))
    return np.column_stack([links, links.sum(axis=1), between(common, one, other), frame[$FIELDS]])

X, X_test = features(a, b, train), features(a_test, b_test, test)
"""

_COMMON = """\
common = A @ A
X = between(common, a, b)[:, None]
X_test = between(common, a_test, b_test)[:, None]
"""

_PATHS = """\
# paths of two and three steps, each the less the more links its nodes have
fair = diags(1 / np.sqrt(np.maximum(degree, 1)))
S = fair @ A @ fair
two = S @ S
three = two @ S


def features(one, other):
    steps = [between(M, one, other) for M in (two, three)]
    return np.column_stack([np.sqrt(np.maximum(step, 0)) for step in steps])

X, X_test = features(a, b), features(a_test, b_test)
"""

_POSITIONS = """\
from scipy.sparse.linalg import eigsh

# a position for every node from the network as a whole; links count by how sure they are
fair = diags(1 / np.sqrt(degree + degree.mean()))
S = fair @ A @ fair
values, vectors = eigsh(S, k=min(24, n - 2), v0=np.ones(n), tol=1e-6)
order = np.argsort(-np.abs(values))
values, vectors = values[order], vectors[:, order]
two = S @ S
three = two @ S


def features(one, other, frame):
    found = []
    for k in (10, 18):
        place = vectors[:, 1:k] * np.abs(values[1:k])
        place = place / (np.linalg.norm(place, axis=1, keepdims=True) + 1e-9)
        found.append((place[one] * place[other] * np.sign(values[1:k])).sum(axis=1))
    for M in (two, three):
        found.append(np.sqrt(np.maximum(between(M, one, other), 0)))
    return np.column_stack([*found, frame[$FIELDS]])

X, X_test = features(a, b, train), features(a_test, b_test, test)
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = LogisticRegression(C=1.0, max_iter=300).fit(scaler.transform(X), target)
prediction = model.predict_proba(scaler.transform(X_test))[:, 1]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(50, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict_proba(X_test)[:, 1]
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "degrees": (_LINKS, _DEGREES, _LOGISTIC),
    "naive": (_COLUMNS, _LOGISTIC),
    "forest": (_LINKS, _ADJACENCY, _ALL, _FOREST),
    "standard": (_LINKS, _ADJACENCY, _COMMON, _LOGISTIC),
    "strong": (_LINKS, _CLEAN, _ADJACENCY, _PATHS, _LOGISTIC),
    "expert": (_LINKS, _CLEAN, _ADJACENCY, _POSITIONS, _LOGISTIC),
}


def link_ladder(names: dict[str, str | list[str]]) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: `ID`, `TARGET`, `FIRST`, `SECOND` and `FIELDS`.
    """
    return tuple(
        Baseline(rung, script(READ, *pieces, WRITE, **names)) for rung, pieces in _RUNGS.items()
    )
