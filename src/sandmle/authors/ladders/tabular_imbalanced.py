"""The ladder for rare rows: from a constant to sparse pairs and a tuned threshold."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import (
    ORDINAL_CODES,
    RAW_NUMBERS,
    READ,
    WRITE,
    named,
    script,
    without,
)
from sandmle.authors.toolkit.domains import Skin
from sandmle.core.draft import Baseline

_DUMMY = """\
# a constant; to mark nothing would find nothing
prediction = np.ones(len(test), dtype=int)
"""

_BALANCED_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=300)
prediction = model.fit(scaler.transform(X), target).predict(scaler.transform(X_test)).astype(int)
"""

_NEAREST = """\
# with few rows of the rare kind, a majority among several neighbours would never mark any
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import QuantileTransformer

scaler = QuantileTransformer(n_quantiles=50).fit(X)
model = KNeighborsClassifier(n_neighbors=1).fit(scaler.transform(X), target)
prediction = model.predict(scaler.transform(X_test)).astype(int)
"""

_BALANCED_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(
    n_estimators=40, min_samples_leaf=4, class_weight="balanced", random_state=0, n_jobs=1
)
prediction = model.fit(X, target).predict(X_test).astype(int)
"""

_QUALITY = {
    "f1": """\
def quality(hits, taken):
    # F1 from how many rows are marked, and how many of those rightly
    return 2 * hits / (taken + target.sum())
""",
    "mcc": """\
def quality(hits, taken):
    # Matthews' correlation from how many rows are marked, and how many of those rightly
    rare, rows = target.sum(), len(target)
    return (hits * rows - taken * rare) / np.sqrt(taken * (rows - taken) * rare * (rows - rare))
""",
}

_CUT = """\
def best_cut(scores):
    # threshold for the metric on scores that were made without the rows' own labels
    cuts = np.unique(scores)[:-1]
    hits = np.array([(target[scores > cut]).sum() for cut in cuts])
    taken = np.array([(scores > cut).sum() for cut in cuts])
    # neighbours vote: one lucky row should not decide
    smooth = np.convolve(quality(hits, taken), np.ones(5) / 5, mode="same")
    return cuts[smooth.argmax()]
"""

_FOREST_CUT = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(
    n_estimators=70, min_samples_leaf=3, oob_score=True, random_state=0, n_jobs=1
).fit(X, target)
cut = best_cut(model.oob_decision_function_[:, 1])
prediction = (model.predict_proba(X_test)[:, 1] > cut).astype(int)
"""

_TIDY = """\
import difflib

both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
both = both.reset_index(drop=True)
numeric = [c for c in both.columns if pd.api.types.is_numeric_dtype(both[c])]
words = [c for c in both.columns if c not in numeric]
for column in words:
    tidy = both[column].str.lower().str.strip().str.replace("-", " ")
    counts = tidy.value_counts()
    common = list(counts[counts >= 0.03 * len(tidy)].index)
    nearest = {}
    for label in counts.index:
        match = difflib.get_close_matches(label, common, n=1, cutoff=0.6)
        nearest[label] = match[0] if match else "other"
    both[column] = tidy.map(nearest)
for column in numeric:
    values = both[column].mask(both[column] == -999)
    if values.min() > 0 and values.skew() > 0.5:
        values = np.log(values)
    both[column] = ((values - values.mean()) / values.std()).fillna(0).clip(-3, 3)
numbers = both[numeric].to_numpy()
onehot = pd.get_dummies(both[words], dtype=float).to_numpy()
"""

_PAIRS = """\
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import PolynomialFeatures

pairs = PolynomialFeatures(degree=2, include_bias=False).fit_transform(numbers)
features = np.column_stack([pairs, onehot])
features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)
X, X_test = features[: len(train)], features[len(train) :]
folds = StratifiedKFold(5, shuffle=True, random_state=0)
"""

_RIDGE = """\
model = LogisticRegression(C=0.03, class_weight="balanced", max_iter=300)
cut = best_cut(cross_val_predict(model, X, target, cv=folds, method="decision_function"))
prediction = (model.fit(X, target).decision_function(X_test) > cut).astype(int)
"""

_SPARSE = """\
# few of the pairs can matter: a sparse model finds them, its strength by ranking held-out rows
from sklearn.metrics import average_precision_score
from sklearn.svm import LinearSVC

best = None
for strength in (0.01, 0.02, 0.05, 0.12):
    model = LinearSVC(
        C=strength, penalty="l1", dual=False, class_weight="balanced", random_state=0
    )
    scores = cross_val_predict(model, X, target, cv=folds, method="decision_function")
    ranking = average_precision_score(target, scores)
    if best is None or ranking > best[0]:
        best = ranking, scores, model
cut = best_cut(best[1])
prediction = (best[2].fit(X, target).decision_function(X_test) > cut).astype(int)
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (RAW_NUMBERS, _BALANCED_LOGISTIC),
    "neighbour": (RAW_NUMBERS, _NEAREST),
    "forest": (ORDINAL_CODES, _BALANCED_FOREST),
    "standard": (ORDINAL_CODES, _CUT, _FOREST_CUT),
    "strong": (_TIDY, _CUT, _PAIRS, _RIDGE),
    "expert": (_TIDY, _CUT, _PAIRS, _SPARSE),
}


_CHOOSY = ("strong", "expert")
"""Rungs that leave out what does not bear on the outcome."""


def imbalanced_ladder(
    skin: Skin, *, metric: str, side: Sequence[str], coded: Sequence[str]
) -> tuple[Baseline, ...]:
    """Return the rungs with the skin's column names filled in.

    Args:
        skin: Names of columns.
        metric: F1 or MCC.
        side: Columns that the better scripts do without.
        coded: Columns in which numbers stand for labels.
    """
    ladder = []
    for name, pieces in _RUNGS.items():
        tuned = (_QUALITY[metric],) if _CUT in pieces else ()
        source = script(
            READ,
            *((*without(side), *named(coded)) if name in _CHOOSY else ()),
            *tuned,
            *pieces,
            WRITE,
            ID=skin.id_column,
            TARGET=skin.target,
            SIDE=list(side),
            CODED=list(coded),
        )
        ladder.append(Baseline(name, source))
    return tuple(ladder)
