"""The ladder for amounts: from a constant to units, flags, clean labels and products."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import (
    ONE_HOT,
    ORDINAL_CODES,
    RAW_NUMBERS,
    READ,
    WRITE,
    script,
    without,
)
from sandmle.authors.toolkit.domains import Skin
from sandmle.core.draft import Baseline

_CONSTANTS = {
    "rmsle": "# the constant with the smallest squared log error\n"
    "prediction = np.expm1(np.log1p(target).mean())\n",
    "mae": "# the constant with the smallest absolute error\nprediction = np.median(target)\n",
    "rmse": "# the constant with the smallest squared error\nprediction = target.mean()\n",
}

_RAW_NEIGHBOURS = """\
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = KNeighborsRegressor(n_neighbors=8).fit(scaler.transform(X), target)
prediction = model.predict(scaler.transform(X_test))
"""

_RAW_FOREST = """\
from sklearn.ensemble import RandomForestRegressor

model = RandomForestRegressor(n_estimators=60, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict(X_test)
"""

_LOG_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = RidgeCV(alphas=np.logspace(-1, 3, 13)).fit(scaler.transform(X), np.log1p(target))
limits = np.log1p(target.min()), np.log1p(target.max())
prediction = np.expm1(np.clip(model.predict(scaler.transform(X_test)), *limits))
"""

_PARSE = """\
def split_units(frame):
    # "12.5 kg" becomes a number and a unit
    frame = frame.copy()
    for column in frame.columns:
        if not pd.api.types.is_numeric_dtype(frame[column]):
            parts = frame[column].astype(str).str.extract(r"^\\s*(-?[0-9.]+)\\s*(.*)$$")
            if parts[0].notna().mean() > 0.9:
                frame[column] = parts[0].astype(float)
                frame[column + "_unit"] = parts[1]
    return frame

both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
both = split_units(both.reset_index(drop=True))
numeric = [c for c in both.columns if pd.api.types.is_numeric_dtype(both[c])]
words = [c for c in both.columns if c not in numeric]
"""

_CLEAN_LABELS = """\
import difflib

for column in words:
    tidy = both[column].astype(str).str.lower().str.strip().str.replace("-", " ")
    counts = tidy.value_counts()
    common = list(counts[counts >= 0.015 * len(tidy)].index)
    nearest = {}
    for label in counts.index:
        match = difflib.get_close_matches(label, common, n=1, cutoff=0.7)
        nearest[label] = match[0] if match else "other"
    both[column] = tidy.map(nearest)
"""

_FLAGS_AND_LOGS = """\
for column in list(numeric):
    values = both[column].where(both[column] != -1)
    if values.isna().any():
        both[column + "_missing"] = values.isna().astype(float)
    if (values.dropna() > 0).all() and values.skew() > 0.5:
        values = np.log(values)
    both[column] = values.fillna(values.median())
"""

_FILL = """\
both[numeric] = both[numeric].fillna(both[numeric].median())
"""

_ALIGN_UNITS = """\
# a column that is written in two units has two medians: shift the rows of each unit and source
for column in numeric:
    for word in words:
        if both[word].nunique() > 6:
            continue
        middle = both.groupby(word)[column].transform("median")
        spread = (both[column] - middle).std()
        if middle.std() > 0.5 * spread:
            both[column] = both[column] - middle
"""

_DUMMIES = """\
flags = [c for c in both.columns if c.endswith("_missing")]
numbers = both[numeric + flags].to_numpy(dtype=float)
numbers = (numbers - numbers.mean(axis=0)) / (numbers.std(axis=0) + 1e-9)
onehot = pd.get_dummies(both[words], dtype=float).to_numpy(dtype=float)
onehot = onehot - onehot.mean(axis=0)
"""

_STACKED = """\
both = np.column_stack([numbers, onehot])
X, X_test = both[: len(train)], both[len(train) :]
"""

_KERNEL = """\
# one Gaussian process with linear, pairwise and label parts; its weights by leave-one-out error
n = len(train)
y = np.log1p(target)
linear = numbers @ numbers[:n].T / numbers.shape[1]
pairs = linear**2
labels = onehot @ onehot[:n].T
best = None
for pair_weight in (0.0, 0.1, 0.3, 0.8):
    for label_weight in (0.1, 0.3, 0.8):
        kernel = linear + pair_weight * pairs + label_weight * labels
        for noise in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8):
            inverse = np.linalg.inv(kernel[:n] + noise * np.eye(n))
            weights = inverse @ (y - y.mean())
            error = np.mean((weights / np.diag(inverse)) ** 2)
            if best is None or error < best[0]:
                best = error, kernel[n:] @ weights + y.mean()
prediction = np.expm1(np.clip(best[1], y.min() - 0.3, y.max() + 0.3))
"""

_MEAN = """\
# the mean of an amount lies above the exponential of its mean log
prediction = prediction * np.exp(best[0] / 2)
"""

_LOG_BOOSTING = """\
from sklearn.ensemble import HistGradientBoostingRegressor

model = HistGradientBoostingRegressor(
    max_iter=60, learning_rate=0.1, min_samples_leaf=8, max_leaf_nodes=8, random_state=0
)
prediction = np.expm1(model.fit(X, np.log1p(target)).predict(X_test))
"""

_RUNGS = {
    "naive": (RAW_NUMBERS, _RAW_NEIGHBOURS),
    "forest": (ORDINAL_CODES, _RAW_FOREST),
    "linear": (RAW_NUMBERS, _LOG_RIDGE),
    "boosting": (ORDINAL_CODES, _LOG_BOOSTING),
    "standard": (ONE_HOT, _LOG_RIDGE),
    "strong": (_PARSE, _FILL, _ALIGN_UNITS, _DUMMIES, _STACKED, _LOG_RIDGE),
    "careful": (_PARSE, _CLEAN_LABELS, _FLAGS_AND_LOGS, _DUMMIES, _STACKED, _LOG_RIDGE),
    "expert": (_PARSE, _CLEAN_LABELS, _FLAGS_AND_LOGS, _ALIGN_UNITS, _DUMMIES, _KERNEL),
}

_CHOOSY = ("strong", "careful", "expert")
"""Rungs that leave out what does not bear on the outcome."""


def price_ladder(skin: Skin, *, metric: str, side: Sequence[str]) -> tuple[Baseline, ...]:
    """Return the rungs with the skin's column names filled in.

    Args:
        skin: Names of columns.
        metric: RMSLE, MAE or RMSE.
        side: Columns that the better scripts do without.
    """
    drop = without(side)
    rungs = {
        name: (*drop, *pieces) if name in _CHOOSY else pieces for name, pieces in _RUNGS.items()
    }
    rungs = {"dummy": (_CONSTANTS[metric],), **rungs}
    if metric == "rmse":
        rungs["expert"] = (*rungs["expert"], _MEAN)
    return tuple(
        Baseline(
            name,
            script(READ, *pieces, WRITE, ID=skin.id_column, TARGET=skin.target, SIDE=list(side)),
        )
        for name, pieces in rungs.items()
    )
