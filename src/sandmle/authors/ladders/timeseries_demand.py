"""The ladder for intermittent demand: from one constant to a pooled, censored count model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
LEVELS = $LEVELS
COLUMNS = $COLUMNS
"""

_WRITE = """\
out = pd.DataFrame({$ID: test[$ID]})
for k, name in enumerate(COLUMNS):
    out[name] = np.maximum(np.asarray(forecast)[:, k], 0)
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """\
forecast = np.tile(np.quantile(train[$TARGET], LEVELS), (len(test), 1))
"""

_NAIVE = """\
# the same for all, by day of the week
week = {day: np.quantile(rows[$TARGET], LEVELS) for day, rows in train.groupby(train["day"] % 7)}
forecast = np.array([week[day % 7] for day in test["day"]])
"""

_BY_ITEM = """\
table = {name: np.quantile(rows[$TARGET], LEVELS) for name, rows in train.groupby($ITEM)}
forecast = np.array([table[name] for name in test[$ITEM]])
"""

_POISSON = """\
from scipy.stats import poisson


def rates(train):
    week = train.groupby(train["day"] % 7)[$TARGET].mean() / train[$TARGET].mean()
    own = train.groupby($ITEM)[$TARGET].mean()
    event = train.groupby($EVENT)[$TARGET].mean() / train[$TARGET].mean()
    return (test[$ITEM].map(own).fillna(own.mean()) * (test["day"] % 7).map(week)
            * test[$EVENT].map(event)).to_numpy()
"""

_STANDARD = """\
rate = np.maximum(rates(train), 0.01)
forecast = np.column_stack([poisson.ppf(level, rate) for level in LEVELS])
"""

_STRONG = """\
from scipy.stats import nbinom

# a day on which the stock ran out does not show what was wanted
train = train[train[$OUT] == 0]
rate = np.maximum(rates(train), 0.05)
usual = train.groupby($ITEM)[$TARGET].transform("mean")
extra = ((train[$TARGET] - usual) ** 2 - usual).sum() / (usual**2).sum()
# a part of that spread is rhythm, which the rates know
shape = 1.5 / max(extra, 0.05)
forecast = np.column_stack([nbinom.ppf(q, shape, shape / (shape + rate)) for q in LEVELS])
"""

_MODEL = """\
from scipy import sparse
from scipy.stats import nbinom

info = pd.read_csv("input/$FILE_OF_ITEMS").set_index($ITEM)
total = train.groupby("day")[$TARGET].sum()
shut = total.index[total < 0.2 * total.median()]
train = train[~train["day"].isin(shut)]
items = sorted(info.index)
kinds = sorted(info[$KIND].unique())
planned = pd.concat([train, test]).set_index([$ITEM, "day"])[$EVENT]


middle, span = train["day"].median(), test["day"].max()


def one_hot(values, names):
    return (np.asarray(values)[:, None] == np.asarray(names)[None, :]).astype(float)


def design(rows):
    kind = one_hot(info.loc[rows[$ITEM], $KIND], kinds)
    week = one_hot(rows["day"] % 7, range(7))
    event = rows[[$EVENT]].to_numpy(float)
    before = pd.MultiIndex.from_arrays([rows[$ITEM], rows["day"] - 1])
    before = planned.reindex(before).fillna(0).to_numpy(float)[:, None]
    by_kind = (kind[:, :, None] * week[:, None, :]).reshape(len(rows), -1)
    item = one_hot(rows[$ITEM], items)
    time = (rows[["day"]].to_numpy(float) - middle) / span
    own = [item, item * time, item * event]
    return sparse.csr_matrix(np.hstack([*own, week, by_kind, event, event * kind, before]))


penalty = np.r_[np.repeat([1.5, 8.0, 8.0], len(items)), np.full(7, 1.0),
                np.full(7 * len(kinds), 8.0), 0.5, np.full(len(kinds), 4.0), 1.0]
X, sold = design(train), train[$TARGET].to_numpy(float)
out = train[$OUT].to_numpy() == 1
shape, wanted = 2.0, sold.copy()
base = np.log(sold[~out].mean())
weights = np.zeros(X.shape[1])
for step in range(9):
    mean = np.exp(np.clip(base + X @ weights, -6, 6))
    if step > 1:
        # where the stock ran out at least `sold` were wanted: expect what lies above
        p = shape / (shape + mean)
        above = np.maximum(nbinom.sf(sold - 1, shape, p), 1e-9)
        upper = nbinom.sf(sold - 2, shape + 1, p)
        wanted = np.where(out, np.clip(mean * upper / above, sold, 20 * mean + sold), sold)
        square = ((sold - mean) ** 2 - mean)[~out].sum() / (mean[~out] ** 2).sum()
        shape = float(np.clip(1 / max(square, 0.02), 0.3, 50))
    weight = mean / (1 + mean / shape) * np.where(out & (step < 2), 0.0, 1.0)
    aim = X @ weights + (wanted - mean) / mean
    grams = (X.T @ X.multiply(weight[:, None])).toarray() + np.diag(penalty)
    weights = np.linalg.solve(grams, X.T @ (weight * aim))
    base += (weight * (wanted - mean) / mean).sum() / weight.sum() * 0.5
mean = np.exp(np.clip(base + design(test) @ weights, -6, 6))
forecast = np.column_stack([nbinom.ppf(level, shape, shape / (shape + mean)) for level in LEVELS])
"""


def demand_ladder(
    names: Mapping[str, str], *, levels: Sequence[float], columns: Sequence[str]
) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: Columns by placeholder: `ID`, `ITEM`, `EVENT`, `OUT`, `KIND`, `TARGET`, and the file
            of the items, `FILE_OF_ITEMS`, without quotes.
        levels: Quantiles to forecast.
        columns: Column of the submission for each of them.
    """
    bodies = {
        "dummy": (_DUMMY,),
        "naive": (_NAIVE,),
        "by_item": (_BY_ITEM,),
        "standard": (_POISSON, _STANDARD),
        "strong": (_POISSON, _STRONG),
        "expert": (_MODEL.replace("$FILE_OF_ITEMS", names["FILE_OF_ITEMS"]),),
    }
    head = _READ.replace("$LEVELS", str(list(levels)))
    quoted = {key: name for key, name in names.items() if key != "FILE_OF_ITEMS"}
    return tuple(
        Baseline(name=rung, script=script(head, *body, _WRITE, COLUMNS=list(columns), **quoted))
        for rung, body in bodies.items()
    )
