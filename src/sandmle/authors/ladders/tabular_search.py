"""The ladder for ranking the candidates of a query: from the old order to curves within a query."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import READ, WRITE, script
from sandmle.core.draft import Baseline

_DUMMY = """\
prediction = np.zeros(len(test))
"""

_NAIVE = """\
# as it was shown before
prediction = -test[$POSITION].to_numpy(dtype=float)
"""

_RAW = """\
columns = $FIELDS + $SHOWN
middle = train[columns].median()
X = train[columns].fillna(middle).to_numpy(dtype=float)
X_test = test[columns].fillna(middle).to_numpy(dtype=float)
"""

_LINEAR = """\
spread = X.std(axis=0)
model = np.linalg.lstsq(np.column_stack([X / spread, np.ones(len(X))]), target, rcond=None)[0]
prediction = X_test / spread @ model[:-1]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestRegressor

model = RandomForestRegressor(40, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict(X_test)
"""

_WITHIN = """\
columns = $FIELDS
# skewed quantities are compared by their ratios
skewed = [c for c in columns if min(train[c].min(), test[c].min()) > 0]


def within(frame):
    values = frame[columns].astype(float)
    values[skewed] = np.log(values[skewed])
    lists = values.groupby(frame[$QUERY])
    return ((values - lists.transform("mean")) / lists.transform("std")).fillna(0).to_numpy()


X, X_test = within(train), within(test)
# some lists were judged more strictly than others
y = (train[$TARGET] - train.groupby($QUERY)[$TARGET].transform("mean")).to_numpy()
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV

A, A_test = features(X, train), features(X_test, test)
middle, spread = A.mean(axis=0), A.std(axis=0)
model = RidgeCV(np.geomspace(1, 300, 12)).fit((A - middle) / spread, y)
prediction = model.predict((A_test - middle) / spread)
"""

_STRAIGHT = """\
def features(z, frame):
    return z
"""

_CURVED = """\
def features(z, frame):
    return np.hstack([z, z**2])
"""

_ALL = """\
kinds = sorted(train[$KIND].unique())


def features(z, frame):
    pairs = [z[:, i] * z[:, j] for i in range(z.shape[1]) for j in range(i)]
    # cut off: the ends of a parabola run away where a bend goes on straight
    bends = [np.abs(z - at) for at in (-0.5, 0.0, 0.5)]
    parts = [z, *bends, np.column_stack(pairs)]
    parts += [z * (frame[$KIND] == kind).to_numpy(dtype=float)[:, None] for kind in kinds]
    return np.hstack(parts)
"""


def search_ladder(
    *, names: dict[str, str], fields: Sequence[str], position: str
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: Columns by placeholder: `ID`, `TARGET`, `QUERY`, `KIND`.
        fields: Numeric columns of the candidates.
        position: Column with the old place in the list.
    """
    bodies: dict[str, tuple[tuple[str, ...], list[str]]] = {
        "dummy": ((_DUMMY,), []),
        "naive": ((_NAIVE,), []),
        "linear": ((_RAW, _LINEAR), [position]),
        "forest": ((_RAW, _FOREST), []),
        "standard": ((_WITHIN, _STRAIGHT, _RIDGE), []),
        "strong": ((_WITHIN, _CURVED, _RIDGE), []),
        "expert": ((_WITHIN, _ALL, _RIDGE), []),
    }
    return tuple(
        Baseline(
            name=name,
            script=script(
                READ, *body, WRITE, **names, FIELDS=list(fields), SHOWN=shown, POSITION=position
            ),
        )
        for name, (body, shown) in bodies.items()
    )
