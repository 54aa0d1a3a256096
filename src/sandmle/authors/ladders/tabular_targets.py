"""The ladder for several outcomes: from means to clean columns, scales of targets and chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandmle.authors.ladders.pieces import RAW_NUMBERS, script
from sandmle.core.draft import Baseline

if TYPE_CHECKING:
    from sandmle.authors.procedural.tabular_targets import TargetsScene

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
names = $TARGETS
targets = train[names].to_numpy(dtype=float)
"""

_DUMMY = """\
prediction = np.tile(targets.mean(axis=0), (len(test), 1))
"""

_CODES = """\
both = pd.concat([train.drop(columns=[$ID, *names]), test.drop(columns=[$ID])])
for column in both.columns:
    if not pd.api.types.is_numeric_dtype(both[column]):
        both[column] = pd.factorize(both[column], sort=True)[0]
both = both.fillna(both.median()).to_numpy(dtype=float)
X, X_test = both[: len(train)], both[len(train) :]
"""

_FOREST = """\
from sklearn.ensemble import RandomForestRegressor

model = RandomForestRegressor(n_estimators=60, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, targets).predict(X_test)
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = RidgeCV(alphas=np.logspace(-1, 3, 12)).fit(scaler.transform(X), targets)
prediction = model.predict(scaler.transform(X_test))
"""

_UNITS = """\
n = len(train)
both = pd.concat([train.drop(columns=[$ID, *names]), test.drop(columns=[$ID])])
both = both.reset_index(drop=True)
unit = $MEASURE + "_unit"
if unit not in both:
    # "12.5 kg" becomes a number and a unit
    parts = both[$MEASURE].str.extract(r"^([0-9.]+) (.*)$$")
    both[$MEASURE], both[unit] = parts[0].astype(float), parts[1]
logs = np.log(both[$MEASURE])
both[$MEASURE] = logs - logs.groupby(both[unit]).transform("median")
both = both.drop(columns=[unit])
"""

_FILL = """\
both = pd.get_dummies(both.fillna(both.median(numeric_only=True)), dtype=float)
table = both.to_numpy(dtype=float)
table = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-9)
X, X_test = table[:n], table[n:]
"""

_FLAGS = """\
for column in list(both.select_dtypes("number")):
    if (both[column] == -1).mean() > 0.03:
        both[column] = both[column].mask(both[column] == -1)
    gone = both[column].isna()
    if gone.any():
        both[column + "_none"] = gone.astype(float)
    if both[column].min() > 0 and both[column].skew() > 0.3:
        both[column] = np.log(both[column])
"""

_SQUARES = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

wide = PolynomialFeatures(degree=2, include_bias=False)
scaler = StandardScaler()
A = scaler.fit_transform(wide.fit_transform(X))
A_test = np.clip(scaler.transform(wide.transform(X_test)), -4, 4)
model = RidgeCV(alphas=np.logspace(1, 4, 12), alpha_per_target=True).fit(A, targets)
prediction = model.predict(A_test)
"""

_CHAIN = """\
def logit(share):
    share = np.clip(share / 100, 1e-3, 1 - 1e-3)
    return np.log(share / (1 - share))

# each target on the scale on which it is most symmetric
scales = {
    "plain": (lambda y: y, lambda y: y),
    "log": (np.log, np.exp),
    "logit": (logit, lambda y: 100 / (1 + np.exp(-y))),
}
chosen, columns = [], []
for y in targets.T:
    open_to = ["plain"] + (["log"] if y.min() > 0 else [])
    open_to += ["logit"] if y.min() > 0 and y.max() < 100 and np.ptp(y) > 50 else []
    skews = {name: abs(pd.Series(scales[name][0](y)).skew()) for name in open_to}
    chosen.append(min(open_to, key=lambda name: skews[name] + 0.1 * (name != "plain")))
    columns.append(scales[chosen[-1]][0](y))
Y = np.column_stack(columns)
middle, spread = Y.mean(axis=0), Y.std(axis=0)
Y = (Y - middle) / spread

def best_fit(table, Y):
    # Gaussian processes with linear and pairwise parts, chosen by leave-one-out error per target
    linear = table @ table[:n].T / table.shape[1]
    found = [(np.inf, None, None)] * Y.shape[1]
    for pair_weight in (0.0, 0.15, 0.5, 1.5):
        kernel = linear + pair_weight * linear**2
        for noise in (0.02, 0.06, 0.2, 0.6):
            inverse = np.linalg.inv(kernel[:n] + noise * np.eye(n) + 1.0)
            weights = inverse @ Y
            left_out = Y - weights / np.diag(inverse)[:, None]
            errors = ((Y - left_out) ** 2).mean(axis=0)
            for k, error in enumerate(errors):
                if error < found[k][0]:
                    found[k] = error, left_out[:, k], (kernel[n:] + 1.0) @ weights[:, k]
    return found

first = best_fit(table, Y)
guessed = np.column_stack([np.concatenate([left_out, new]) for _, left_out, new in first])
prediction = np.empty((len(test), len(names)))
for k in range(len(names)):
    # what is foreseen of the other targets may say more about this one
    others = np.delete(guessed, k, axis=1)
    second = best_fit(np.hstack([table, 1.5 * others]), Y[:, [k]])[0]
    error, left_out, new = min(first[k], second, key=lambda fit: fit[0])
    back = scales[chosen[k]][1]
    rest = Y[:, k] - left_out
    # the mean on the target's own scale, over the errors that were seen
    prediction[:, k] = back((new[:, None] + rest[None, :]) * spread[k] + middle[k]).mean(axis=1)
"""

_WRITE = """\
out = pd.DataFrame(prediction, columns=names)
out.insert(0, $ID, test[$ID])
out.to_csv("submission.csv", index=False)
"""

_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (RAW_NUMBERS, _RIDGE),
    "forest": (_CODES, _FOREST),
    "standard": (_UNITS, _FILL, _RIDGE),
    "flags": (_UNITS, _FLAGS, _FILL, _RIDGE),
    "strong": (_UNITS, _FLAGS, _FILL, _SQUARES),
    "expert": (_UNITS, _FLAGS, _FILL, _CHAIN),
}


def targets_ladder(scene: TargetsScene, *, targets: list[str]) -> tuple[Baseline, ...]:
    """Return the rungs with the scene's column names filled in.

    Args:
        scene: Names of columns.
        targets: The outcomes of the task, in the order of a submission.
    """
    return tuple(
        Baseline(
            name,
            script(
                _READ,
                *pieces,
                _WRITE,
                ID=scene.id_column,
                TARGETS=targets,
                MEASURE=scene.measure.name,
            ),
        )
        for name, pieces in _RUNGS.items()
    )
