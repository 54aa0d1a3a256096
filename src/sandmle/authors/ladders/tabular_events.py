"""The ladder for event logs: from a constant to clean logs, windows and interactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandmle.authors.ladders.pieces import ONE_HOT, READ, WRITE, named, script, without
from sandmle.core.draft import Baseline

if TYPE_CHECKING:
    from sandmle.authors.procedural.tabular_events import EventsScene

_DUMMY = """\
prediction = np.full(len(test), target.mean())
"""

_HIDE_DATES = """\
train = train.drop(columns=[$CUT])
test = test.drop(columns=[$CUT])
"""

_LOG = """\
log = pd.read_csv("input/events.csv")
"""

_ISO_DATES = """\
log["when"] = pd.to_datetime(log[$WHEN], format="%Y-%m-%d", errors="coerce")
"""

_UNIQUE = """\
log = log.drop_duplicates()
"""

_ALL_DATES = """\
text = log[$WHEN].astype(str)
log["when"] = pd.NaT
for style in ("%Y-%m-%d", "%d.%m.%Y", "%d %b %Y"):
    parsed = pd.to_datetime(text, format=style, errors="coerce")
    log["when"] = parsed if style == "%Y-%m-%d" else log["when"].fillna(parsed)
"""

_UNTIL_CUT_OFF = """\
cut = pd.concat([train, test]).set_index($ID)[$CUT]
log["ago"] = (pd.to_datetime(log[$ID].map(cut)) - log["when"]).dt.days
log = log[log["ago"] >= 0]
"""

_COUNTS = """\
counts = log.groupby([$ID, $KIND]).size().unstack(fill_value=0).add_prefix("n_")
counts["sum"] = log.groupby($ID)[$AMOUNT].sum()
"""

_LAST = """\
counts["last"] = log.groupby($ID)["ago"].min()
"""

_JOIN = """\
train = train.join(counts, on=$ID)
test = test.join(counts, on=$ID)
"""

_NET = """\
plus, minus, view = $KINDS
# what is taken back should count as if it had never been
log["sign"] = log[$KIND].map({plus: 1.0, minus: -1.0, view: 0.0})
log["net"] = log["sign"] * log[$AMOUNT].fillna(0.0)
ids = pd.concat([train[$ID], test[$ID]])
parts = {}
for days in (30, 45, 60):
    recent = log[log["ago"] < days]
    parts[f"net_{days}"] = recent.groupby($ID)["sign"].sum()
    parts[f"view_{days}"] = recent[recent[$KIND] == view].groupby($ID).size()
parts["money"] = log.groupby($ID)["net"].sum() / log[$AMOUNT].median()
parts["last"] = log[log[$KIND] == plus].groupby($ID)["ago"].min()
features = pd.DataFrame(parts).reindex(ids.unique())
features["last"] = features["last"].fillna(120)
features = np.log1p(features.fillna(0.0).clip(lower=0))
"""

_WINDOWED = """\
train = train.join(features, on=$ID)
test = test.join(features, on=$ID)
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = LogisticRegression(C=0.3, max_iter=300).fit(scaler.transform(X), target)
prediction = model.predict_proba(scaler.transform(X_test))[:, 1]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(n_estimators=60, min_samples_leaf=4, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict_proba(X_test)[:, 1]
"""

_SELECTION = """\
from itertools import combinations

def fit(A, y, ridge):
    # logistic regression by Newton steps; the first column is the intercept
    w = np.zeros(A.shape[1])
    penalty = ridge * np.eye(A.shape[1])
    penalty[0, 0] = 1e-6
    for _ in range(9):
        p = 1 / (1 + np.exp(-np.clip(A @ w, -30, 30)))
        slope = A.T @ (y - p) - penalty @ w
        curve = (A * (p * (1 - p))[:, None]).T @ A + penalty
        w = w + np.linalg.solve(curve, slope)
    return w

def chance(A, w):
    return np.clip(1 / (1 + np.exp(-np.clip(A @ w, -30, 30))), 0.003, 0.997)

def loss(A, y, ridge):
    out = np.zeros(len(y))
    for fold in range(6):
        held = np.arange(len(y)) % 6 == fold
        out[held] = chance(A[held], fit(A[~held], y[~held], ridge))
    return -np.mean(y * np.log(out) + (1 - y) * np.log(1 - out))

def standard(columns):
    columns = columns.astype(float).copy()
    for name in columns:
        if columns[name].min() > 0 and columns[name].median() < 0.88 * columns[name].mean():
            columns[name] = np.log(columns[name])
    values = columns.to_numpy()
    return (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9)

n = len(train)
best = None
for days in windows:
    other = [f"{kind}_{span}" for kind in ("net", "view") for span in windows if span != days]
    keep = [c for c in both.columns if c not in other]
    table = standard(both[keep])
    score = loss(np.column_stack([np.ones(n), table[:n]]), target, 2.0)
    if best is None or score < best[0]:
        best = score, table
A = np.column_stack([np.ones(len(best[1])), best[1]])
pairs = np.column_stack([best[1][:, i] * best[1][:, j]
                         for i, j in combinations(range(best[1].shape[1]), 2)])
pairs = (pairs - pairs.mean(axis=0)) / (pairs.std(axis=0) + 1e-9)
score = min(loss(A[:n], target, ridge) for ridge in (2.0, 5.0))
for _ in range(5):
    # the product that explains most of what is left, as long as it pays on held-out rows
    p = chance(A[:n], fit(A[:n], target, 1.0))
    W = p * (1 - p)
    hat = np.linalg.solve((A[:n] * W[:, None]).T @ A[:n] + np.eye(A.shape[1]),
                          (A[:n] * W[:, None]).T @ pairs[:n])
    rest = pairs[:n] - A[:n] @ hat
    gain = ((target - p) @ rest) ** 2 / ((rest**2 * W[:, None]).sum(axis=0) + 1.0)
    found = False
    for place in np.argsort(-gain)[:3]:
        wider = np.column_stack([A, pairs[:, place]])
        trial = min(loss(wider[:n], target, ridge) for ridge in (2.0, 5.0))
        if trial < score - 0.012:
            score, A, found = trial, wider, True
            break
    if not found:
        break
ridge = min((1.0, 3.0, 6.0, 12.0), key=lambda value: loss(A[:n], target, value))
prediction = chance(A, fit(A[:n], target, ridge))[n:]
"""

_FRAME = """\
both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
both = pd.get_dummies(both, dtype=float)
windows = (30, 45, 60)
"""

_CLEAN = (_HIDE_DATES, ONE_HOT)
_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (*_CLEAN, _LOGISTIC),
    "counts": (_LOG, _COUNTS, _JOIN, *_CLEAN, _LOGISTIC),
    "standard": (_LOG, _ISO_DATES, _UNTIL_CUT_OFF, _COUNTS, _LAST, _JOIN, *_CLEAN, _FOREST),
    "linear": (_LOG, _ISO_DATES, _UNTIL_CUT_OFF, _COUNTS, _LAST, _JOIN, *_CLEAN, _LOGISTIC),
    "dated": (_LOG, _ALL_DATES, _UNTIL_CUT_OFF, _COUNTS, _LAST, _JOIN, *_CLEAN, _LOGISTIC),
    "strong": (_LOG, _UNIQUE, _ALL_DATES, _UNTIL_CUT_OFF, _NET, _WINDOWED, *_CLEAN, _LOGISTIC),
    "expert": (
        _LOG,
        _UNIQUE,
        _ALL_DATES,
        _UNTIL_CUT_OFF,
        _NET,
        _WINDOWED,
        _HIDE_DATES,
        _FRAME,
        _SELECTION,
    ),
}


_CHOOSY = ("dated", "strong", "expert")
"""Rungs that leave out what does not bear on the outcome."""


def events_ladder(scene: EventsScene, *, side: list[str], coded: list[str]) -> tuple[Baseline, ...]:
    """Return the rungs with the scene's column names filled in.

    Args:
        scene: Names of columns.
        side: Columns that the better scripts do without.
        coded: Columns in which numbers stand for labels.
    """
    return tuple(
        Baseline(
            name,
            script(
                READ,
                *((*without(side), *named(coded)) if name in _CHOOSY else ()),
                *pieces,
                WRITE,
                ID=scene.id_column,
                TARGET=scene.target,
                CUT=scene.cut_off,
                WHEN=scene.when,
                KIND=scene.kind,
                KINDS=list(scene.kinds),
                AMOUNT=scene.amount,
                SIDE=side,
                CODED=coded,
            ),
        )
        for name, pieces in _RUNGS.items()
    )
