"""The ladder for shifted rows: from a constant to robust fits that hold where rows are rare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandmle.authors.ladders.pieces import RAW_NUMBERS, READ, WRITE, script, without
from sandmle.core.draft import Baseline

if TYPE_CHECKING:
    from sandmle.authors.procedural.tabular_shift import ShiftScene

_DUMMY = """\
prediction = np.full(len(test), np.median(target))
"""

_NEIGHBOURS = """\
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = KNeighborsRegressor(n_neighbors=12).fit(scaler.transform(X), target)
prediction = model.predict(scaler.transform(X_test))
"""

_FOREST = """\
from sklearn.ensemble import RandomForestRegressor

model = RandomForestRegressor(n_estimators=50, min_samples_leaf=4, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict(X_test)
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = RidgeCV(alphas=np.logspace(-1, 3, 10)).fit(scaler.transform(X), target)
prediction = model.predict(scaler.transform(X_test))
"""

_DROP_LEAK = """\
# filled in up to the export: it does not mean the same for rows whose outcome is still open
train = train.drop(columns=[$LEAK])
test = test.drop(columns=[$LEAK])
"""

_TRIM = """\
# wild values of the target, far from all others, are errors of the log
middle = np.median(target)
spread = 1.48 * np.median(np.abs(target - middle))
kept = np.abs(target - middle) < 3.0 * spread
train, target = train[kept].reset_index(drop=True), target[kept]
"""

_ROBUST = """\
from sklearn.linear_model import HuberRegressor
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(np.vstack([X, X_test]))
model = HuberRegressor(alpha=1.0, epsilon=1.2, max_iter=300)
model.fit(scaler.transform(X), (target - np.median(target)) / target.std())
prediction = model.predict(scaler.transform(X_test)) * target.std() + np.median(target)
"""

_WEIGHTED = """\
from sklearn.linear_model import HuberRegressor, LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(np.vstack([X, X_test]))
A, A_test = scaler.transform(X), scaler.transform(X_test)
# rows that look like test rows count more
origin = np.concatenate([np.zeros(len(A)), np.ones(len(A_test))])
odds = LogisticRegression(C=0.1, class_weight="balanced").fit(np.vstack([A, A_test]), origin)
chance = odds.predict_proba(A)[:, 1]
weight = np.clip(chance / (1 - chance), 0.1, 5.0) ** 0.7
model = HuberRegressor(alpha=1.0, epsilon=1.2, max_iter=300)
model.fit(A, (target - np.median(target)) / target.std(), sample_weight=weight)
prediction = model.predict(A_test) * target.std() + np.median(target)
"""

_PRODUCTS = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

scaler = StandardScaler().fit(np.vstack([X, X_test]))
wide = PolynomialFeatures(degree=2, include_bias=False)
A = wide.fit_transform(scaler.transform(X))
A_test = wide.transform(scaler.transform(X_test))
model = RidgeCV(alphas=np.logspace(0, 3, 10)).fit(A, target)
prediction = model.predict(A_test)
"""

_MEND = """\
n = len(train)
both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
both = both.reset_index(drop=True)
for column in both:
    if both[column].min() > 0 and both[column].skew() > 0.4:
        both[column] = np.log(both[column])
# a sensor at the end of its range: let the other columns say how far beyond it is
for column in list(both):
    top = both[column] == both[column].max()
    if top.mean() > 0.02:
        free = ~top
        others = both.drop(columns=[column])
        A = np.column_stack([np.ones(len(others)), others])
        w = np.linalg.lstsq(A[free], both.loc[free, column], rcond=None)[0]
        rest = both.loc[free, column] - A[free] @ w
        # tails are flattened by the selection of free rows: stretch a little
        guess = A @ w
        centre = both.loc[free, column].mean()
        guess = centre + 1.25 * (guess - centre)
        both[column] = both[column].where(free, np.maximum(guess, both[column].max()))
table = both.to_numpy(dtype=float)
table = (table - table.mean(axis=0)) / table.std(axis=0)
"""

_KERNEL = """\
y = (target - np.median(target)) / target.std()
linear = table @ table[:n].T
pairs = (linear / table.shape[1]) ** 2
near = (table**2).sum(axis=1)[:, None] + (table**2).sum(axis=1)[None, :n] - 2 * linear
bend = np.exp(-near / (4 * table.shape[1]))
linear = linear / table.shape[1]
weight = np.ones(n)

def solve(kernel, noise, weight):
    # rows of small weight have more noise
    inverse = np.linalg.inv(kernel[:n] + np.diag(noise / weight) + 3.0)
    alpha = inverse @ y
    return alpha, y - (alpha / np.diag(inverse))

for _ in range(4):
    best = None
    for pair_weight in (0.0, 0.2, 0.6, 1.5):
        for bend_weight in (0.0, 0.3):
            kernel = linear + pair_weight * pairs + bend_weight * bend
            for noise in (0.03, 0.1, 0.3):
                alpha, left_out = solve(kernel, noise, weight)
                error = np.average(np.abs(y - left_out), weights=weight)
                if best is None or error < best[0]:
                    best = error, kernel, noise, left_out
    _, kernel, noise, left_out = best
    rest = np.abs(y - left_out)
    far = rest / (1.48 * np.median(rest))
    weight = np.where(far < 2.5, 1.0, np.maximum(1e-3, np.exp(-(far - 2.5))))
alpha, _ = solve(kernel, noise, weight)
prediction = (kernel[n:] + 3.0) @ alpha * target.std() + np.median(target)
"""


def shift_ladder(scene: ShiftScene, *, leak: bool, side: list[str]) -> tuple[Baseline, ...]:
    """Return the rungs with the scene's column names filled in.

    Args:
        scene: Names of columns.
        leak: Whether the table has a column that is filled in up to the export.
        side: Columns that the better scripts do without.
    """
    drop = (_DROP_LEAK,) if leak else ()
    best = (*drop, *without(side))
    rungs = {
        "dummy": (_DUMMY,),
        "naive": (RAW_NUMBERS, _NEIGHBOURS),
        "forest": (_TRIM, RAW_NUMBERS, _FOREST),
        "standard": (RAW_NUMBERS, _RIDGE),
        "robust": (*drop, RAW_NUMBERS, _ROBUST),
        "weighted": (*best, RAW_NUMBERS, _WEIGHTED),
        "strong": (*best, _TRIM, RAW_NUMBERS, _PRODUCTS),
        "expert": (*best, _MEND, _KERNEL),
    }
    names: dict[str, str | list[str]] = {
        "ID": scene.id_column,
        "TARGET": scene.quantity.name,
        "LEAK": scene.afterthought.name,
        "SIDE": side,
    }
    return tuple(
        Baseline(name, script(READ, *pieces, WRITE, **names)) for name, pieces in rungs.items()
    )
