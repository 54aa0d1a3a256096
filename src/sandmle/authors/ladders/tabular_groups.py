"""The ladder for unseen groups: from a constant to leak-free, per-group features and products."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import (
    ORDINAL_CODES,
    RAW_NUMBERS,
    READ,
    WRITE,
    script,
)
from sandmle.authors.toolkit.domains import Skin
from sandmle.core.draft import Baseline

_DUMMY = """\
prediction = np.full(len(test), target.mean())
"""

_LOGISTIC = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = LogisticRegression(C=0.3, max_iter=200).fit(scaler.transform(X), target)
prediction = model.predict_proba(scaler.transform(X_test))[:, 1]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(n_estimators=50, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict_proba(X_test)[:, 1]
"""

_DROP_LEAK = """\
# filled in when the outcome is known: worthless on rows whose outcome is still open
train = train.drop(columns=[$LEAK])
test = test.drop(columns=[$LEAK])
"""

_SENSORS = """\
sensors = $FIELDS
sensors = [c for c in sensors if c in test.columns]
train[sensors] = train[sensors].mask(train[sensors] == -99)
test[sensors] = test[sensors].mask(test[sensors] == -99)
"""

_FILL = """\
middle = train[sensors].median()
X = train[sensors].fillna(middle).to_numpy()
X_test = test[sensors].fillna(middle).to_numpy()
"""

_CENTRE = """\
def centred(frame):
    return frame[sensors] - frame.groupby($GROUP)[sensors].transform("mean")

X = centred(train).fillna(0).to_numpy()
X_test = centred(test).fillna(0).to_numpy()
"""

_STANDARDISE = """\
def standardised(frame):
    # every site in its own units
    by_site = frame.groupby($GROUP)[sensors]
    return (frame[sensors] - by_site.transform("mean")) / by_site.transform("std")

X = standardised(train).fillna(0).to_numpy()
X_test = standardised(test).fillna(0).to_numpy()
"""

_DETREND = """\
def detrended(frame):
    # sensors may drift with the clock: take a straight line out of each site and sensor, but
    # shrink its slope where few rows speak for it
    site = frame[$GROUP]
    values = frame[sensors] - frame.groupby(site)[sensors].transform("mean")
    clock = frame[$CLOCK] - frame.groupby(site)[$CLOCK].transform("mean")
    moved = values.mul(clock, axis=0).groupby(site).transform("mean")
    slope = moved.div((clock**2).groupby(site).transform("mean"), axis=0)
    fitted = slope * moved / (values**2).groupby(site).transform("mean")
    size = site.map(site.value_counts())
    keep = (1 - 2 / (fitted.mul(size, axis=0) + 1e-9)).clip(lower=0)
    return frame.assign(**(values - keep * slope.mul(clock, axis=0)))

train, test = detrended(train), detrended(test)
"""

_PRODUCTS = """\
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import PolynomialFeatures

expand = PolynomialFeatures(degree=2, include_bias=False)
X = expand.fit_transform(np.clip(X, -3, 3))
X_test = expand.transform(np.clip(X_test, -3, 3))
middle, spread = X.mean(axis=0), X.std(axis=0)
X, X_test = (X - middle) / spread, (X_test - middle) / spread
folds = list(GroupKFold(4).split(X, target, train[$GROUP]))

def validated(strength):
    guess = np.zeros(len(X))
    for fit, hold in folds:
        model = LogisticRegression(C=strength, max_iter=200).fit(X[fit], target[fit])
        guess[hold] = model.decision_function(X[hold])
    return roc_auc_score(target, guess)

best = max((0.01, 0.03, 0.1, 0.3, 1.0), key=validated)
model = LogisticRegression(C=best, max_iter=200).fit(X, target)
prediction = model.predict_proba(X_test)[:, 1]
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (RAW_NUMBERS, _LOGISTIC),
    "forest": (ORDINAL_CODES, _FOREST),
    "linear": (_DROP_LEAK, _SENSORS, _FILL, _LOGISTIC),
    "standard": (_DROP_LEAK, RAW_NUMBERS, _FOREST),
    "centred": (_DROP_LEAK, _SENSORS, _CENTRE, _LOGISTIC),
    "strong": (_DROP_LEAK, _SENSORS, _STANDARDISE, _FOREST),
    "expert": (_DROP_LEAK, _SENSORS, _DETREND, _STANDARDISE, _PRODUCTS),
}


def groups_ladder(skin: Skin, *, leak: str) -> tuple[Baseline, ...]:
    """Return the rungs with the skin's column names filled in.

    Raises:
        ValueError: If the skin has no groups.
    """
    if skin.place is None:
        raise ValueError(f"skin {skin.key!r} has no place; this ladder is about groups")
    names: dict[str, str | list[str]] = {
        "ID": skin.id_column,
        "TARGET": skin.target,
        "GROUP": skin.place.name,
        "CLOCK": skin.place.clock.name,
        "LEAK": leak,
        "FIELDS": [field.name for field in skin.fields],
    }
    return tuple(
        Baseline(name, script(READ, *pieces, WRITE, **names)) for name, pieces in _RUNGS.items()
    )
