"""Ladder for structures written as lines of text: letters, parsed graphs, neighbourhoods."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = """\
prediction = np.full(len(test), target.mean())
"""

_RAW_TEMPERATURE = """\
def degrees(frame):
    return pd.to_numeric(frame[$TEMPERATURE], errors="coerce").fillna(25.0).to_numpy()
"""

_TEMPERATURE = """\
def degrees(frame):
    # what is given in kelvin becomes degrees Celsius
    cells = frame[$TEMPERATURE].astype(str)
    values = cells.str.extract(r"(-?\\d+\\.?\\d*)")[0].astype(float)
    return values.where(~cells.str.contains("K"), values - 273.15).to_numpy()
"""

_LENGTH = """\
def features(frame):
    return np.column_stack([frame[$STRUCTURE].str.len(), degrees(frame)])

X, X_test = features(train), features(test)
"""

_LETTERS = """\
def features(frame):
    signs = [frame[$STRUCTURE].str.count(sign) for sign in ("C", "N", "O", "S", "F", "=", "1")]
    return np.column_stack([*signs, degrees(frame)])

X, X_test = features(train), features(test)
"""

_PAIRS = """\
from sklearn.feature_extraction.text import CountVectorizer

count = CountVectorizer(analyzer="char", ngram_range=(1, 3), lowercase=False, min_df=8)
X = np.column_stack([count.fit_transform(train[$STRUCTURE]).toarray(), degrees(train)])
X_test = np.column_stack([count.transform(test[$STRUCTURE]).toarray(), degrees(test)])
"""

_PARSE = """\
import re
from collections import Counter


def parse(line):
    \"\"\"Atoms, and for each its neighbours with the bond between.\"\"\"
    atoms, near, pile, rings, last, bond = [], [], [], {}, None, ""
    for sign in re.findall(r"[A-Z]|[=()]|\\d", line):
        if sign == "(":
            pile.append(last)
        elif sign == ")":
            last = pile.pop()
        elif sign == "=":
            bond = "="
        elif sign.isdigit():
            if sign in rings:
                other, first = rings.pop(sign)
                near[last].append((other, bond or first))
                near[other].append((last, bond or first))
            else:
                rings[sign] = (last, bond)
            bond = ""
        else:
            atoms.append(sign)
            near.append([])
            if last is not None:
                near[-1].append((last, bond))
                near[last].append((len(atoms) - 1, bond))
            last, bond = len(atoms) - 1, ""
    return atoms, near
"""

_BONDS = """\
def counted(line):
    atoms, near = parse(line)
    found = Counter(atoms)
    for atom, around in enumerate(near):
        for other, bond in around:
            if atom < other:
                found[bond.join(sorted((atoms[atom], atoms[other])))] += 1
    found["rings"] = sum(map(len, near)) // 2 - len(atoms) + 1
    return found
"""

_AROUND = """\
def counted(line):
    atoms, near = parse(line)
    found = Counter(atoms)
    for atom, around in enumerate(near):
        found[atoms[atom] + str(sorted(bond + atoms[other] for other, bond in around))] += 1
        for other, bond in around:
            if atom < other:
                found[(bond or "-").join(sorted((atoms[atom], atoms[other])))] += 1
    found["rings"] = sum(map(len, near)) // 2 - len(atoms) + 1
    return found
"""

_COUNTS = """\
rows = [[counted(line) for line in frame[$STRUCTURE]] for frame in (train, test)]
support = Counter(name for found in rows[0] for name in found)
names = sorted(name for name, times in support.items() if times >= 10)
X, X_test = (
    np.column_stack([np.array([[found[name] for name in names] for found in part]), degrees(frame)])
    for part, frame in zip(rows, (train, test))
)
"""

_SCALE = """\
middle, spread = X.mean(axis=0), X.std(axis=0) + 1e-9
X, X_test = (X - middle) / spread, (X_test - middle) / spread
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV

prediction = RidgeCV(np.logspace(0, 3, 7)).fit(X, target).predict(X_test)
"""

_SPARSE = """\
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV

warnings.simplefilter("ignore", ConvergenceWarning)


def sparse(A, b):
    return LassoCV(alphas=15, cv=4, max_iter=300, tol=1e-3).fit(A, b)

prediction = sparse(X, target).predict(X_test)
"""

_PRODUCTS = """\
import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LassoCV, LinearRegression

warnings.simplefilter("ignore", ConvergenceWarning)


def sparse(A, b):
    return LassoCV(alphas=15, cv=4, max_iter=300, tol=1e-3).fit(A, b)


def with_products(A, pairs):
    return np.column_stack([A, *(A[:, i] * A[:, j] for i, j in pairs)])


# pairs of those that matter alone, then those of them that matter together
keep = np.ones(len(X), bool)
for turn in range(3):
    single = sparse(X[keep], target[keep])
    first = np.argsort(-np.abs(single.coef_))[:16]
    pairs = [(i, j) for k, i in enumerate(first) for j in first[k + 1 :]]
    W, W_test = with_products(X, pairs), with_products(X_test, pairs)
    both = sparse(W[keep], target[keep])
    miss = np.abs(target - both.predict(W))
    keep = miss < 3.5 * np.median(miss)
# the chosen ones again, without the shrinkage
chosen = np.argsort(-np.abs(both.coef_))[: min(30, int((both.coef_ != 0).sum()))]
free = LinearRegression().fit(W[keep][:, chosen], target[keep])
prediction = 0.5 * (free.predict(W_test[:, chosen]) + both.predict(W_test))
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "length": (_RAW_TEMPERATURE, _LENGTH, _SCALE, _RIDGE),
    "naive": (_RAW_TEMPERATURE, _LETTERS, _SCALE, _RIDGE),
    "standard": (_RAW_TEMPERATURE, _PAIRS, _SCALE, _RIDGE),
    "bonds": (_TEMPERATURE, _PARSE, _BONDS, _COUNTS, _SCALE, _RIDGE),
    "strong": (_TEMPERATURE, _PARSE, _AROUND, _COUNTS, _SCALE, _SPARSE),
    "expert": (_TEMPERATURE, _PARSE, _AROUND, _COUNTS, _SCALE, _PRODUCTS),
}


def molecule_ladder(
    *, id_column: str, target: str, structure: str, temperature: str
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first, with the column names filled in."""
    names = {"ID": id_column, "TARGET": target, "STRUCTURE": structure, "TEMPERATURE": temperature}
    return tuple(
        Baseline(rung, script(READ, *pieces, WRITE, **names)) for rung, pieces in _RUNGS.items()
    )
