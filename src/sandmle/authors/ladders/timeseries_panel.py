"""Ladder of scripts for many short daily series with a planned event and a table of facts.

The scripts know what such panels are like, never what one task's rule is.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
"""

_WRITE = """
predicted = np.maximum(predicted, 0)
out = pd.DataFrame({"__ID__": test["__ID__"], "__TARGET__": predicted})
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """
predicted = np.full(len(test), train["__TARGET__"].median())
"""

_NAIVE = """
predicted = test["__SITE__"].map(train.groupby("__SITE__")["__TARGET__"].median()).to_numpy()
"""

_LINEAR = """
from sklearn.linear_model import LinearRegression

info = pd.read_csv("input/__TABLE__")


def table(rows):
    rows = rows.merge(info, on="__SITE__", how="left")
    weekday = rows["day"] % 7
    kinds = pd.get_dummies(rows["__KIND__"])
    return np.column_stack([rows["day"], weekday, rows["__EVENT__"], kinds])


model = LinearRegression().fit(table(train), np.log1p(train["__TARGET__"]))
predicted = np.expm1(model.predict(table(test)))
"""

_SEASONAL = """
# what was counted on the same day of the week before
train["weekday"], test["weekday"] = train["day"] % 7, test["day"] % 7
last = train.sort_values("day").groupby(["__SITE__", "weekday"])["__TARGET__"].last()
found = test[["__SITE__", "weekday"]].merge(last.reset_index(), how="left")["__TARGET__"]
usual = test["__SITE__"].map(train.groupby("__SITE__")["__TARGET__"].median())
predicted = found.fillna(usual).to_numpy()
"""

_FOREST = """
from sklearn.ensemble import RandomForestRegressor

info = pd.read_csv("input/__TABLE__")
means = train.groupby("__SITE__")["__TARGET__"].mean()


def table(rows):
    rows = rows.merge(info, on="__SITE__", how="left")
    kinds = rows["__KIND__"].astype("category").cat.codes
    columns = [rows["day"], rows["day"] % 7, rows["__EVENT__"], kinds, rows["__SITE__"].map(means)]
    return np.column_stack(columns)


model = RandomForestRegressor(30, min_samples_leaf=3, max_samples=0.5, random_state=0, n_jobs=1)
predicted = model.fit(table(train), train["__TARGET__"]).predict(table(test))
"""

_RIDGE = '''
info = pd.read_csv("input/__TABLE__").set_index("__SITE__")
sites = sorted(train["__SITE__"].unique())
kinds = sorted(info["__KIND__"].unique())
last_day = train["day"].max()


def one_hot(values, names):
    return (np.asarray(values)[:, None] == np.asarray(names)[None, :]).astype(float)


def ridge(blocks, y, penalties):
    """Least squares over blocks of columns, each with a penalty of its own."""
    X = np.hstack(blocks)
    penalty = np.repeat(penalties, [block.shape[1] for block in blocks])
    return np.linalg.solve(X.T @ X + np.diag(penalty), X.T @ y)
'''

_STANDARD = """
# one level for each series, one profile of the week for all, on the log scale


def columns(rows):
    weekday = one_hot(rows["day"] % 7, range(7))
    return [one_hot(rows["__SITE__"], sites), weekday, rows[["__EVENT__"]].to_numpy(float)]


y = np.log1p(train["__TARGET__"].to_numpy())
weights = ridge(columns(train), y - y.mean(), [0.1, 0.1, 0.1])
predicted = np.expm1(np.hstack(columns(test)) @ weights + y.mean())
"""

_STRONG = """
# a day with a count of 0 is a day without a count
train = train[train["__TARGET__"] > 0]


def columns(rows):
    kind = one_hot(info.loc[rows["__SITE__"], "__KIND__"], kinds)
    weekday = one_hot(rows["day"] % 7, range(7))
    event = rows[["__EVENT__"]].to_numpy(float)
    site = one_hot(rows["__SITE__"], sites)
    by_kind = (kind[:, :, None] * weekday[:, None, :]).reshape(len(rows), -1)
    return [site, weekday, by_kind, event, event * kind]


y = np.log1p(train["__TARGET__"].to_numpy())
# levels change with time: a row of nine days ago counts half
recent = np.sqrt(0.5 ** ((last_day - train["day"].to_numpy()) / 9))
blocks = [block * recent[:, None] for block in columns(train)]
weights = ridge(blocks, (y - y.mean()) * recent, [0.1, 0.1, 1.0, 0.1, 1.0])
predicted = np.expm1(np.hstack(columns(test)) @ weights + y.mean())
"""

_EXPERT = '''
train = train[train["__TARGET__"] > 0].sort_values(["__SITE__", "day"]).reset_index(drop=True)
planned = pd.concat([train, test]).set_index(["__SITE__", "day"])["__EVENT__"]


def columns(rows):
    kind = one_hot(info.loc[rows["__SITE__"], "__KIND__"], kinds)
    weekday = one_hot(rows["day"] % 7, range(7))
    event = rows[["__EVENT__"]].to_numpy(float)
    before = pd.MultiIndex.from_arrays([rows["__SITE__"], rows["day"] - 1])
    before = planned.reindex(before).fillna(0).to_numpy(float)[:, None]
    site = one_hot(rows["__SITE__"], sites)
    time = (rows[["day"]].to_numpy(float) - last_day) / 14
    by_kind = (kind[:, :, None] * weekday[:, None, :]).reshape(len(rows), -1)
    return [site, weekday, by_kind, event, event * kind, before, before * kind, time, site * time]


PENALTIES = [0.1, 0.1, 0.5, 0.1, 0.5, 0.3, 1.0, 0.1]
X = columns(train)


def model(y, slope_penalty):
    weights = ridge(X, y - y.mean(), [*PENALTIES, slope_penalty])
    return weights, y - y.mean() - np.hstack(X) @ weights


def step(values, days, least=0.9):
    """Find the day on which a series jumps to another unit, and by how much; None: no jump."""
    best = None
    for cut in days[5:-5]:
        early, late = values[days < cut], values[days >= cut]
        spread = early.var() * len(early) + late.var() * len(late)
        if best is None or spread < best[0]:
            best = spread, cut, np.median(late) - np.median(early)
    return best[1:] if abs(best[2]) > least else None


# what the calendar explains is taken out first, with the level of each series
y = np.log1p(train["__TARGET__"].to_numpy())
groups = [(name, rows.to_numpy()) for name, rows in train.groupby("__SITE__").groups.items()]
found = {}
for _ in range(2):
    rhythm = np.hstack(X[1:-2])
    centred, target = rhythm.copy(), y.copy()
    for name, rows in groups:
        parts = [rows]
        if name in found:
            early = train["day"].to_numpy()[rows] < found[name][0]
            parts = [rows[early], rows[~early]]
        for part in parts:
            centred[part] -= centred[part].mean(0)
            target[part] -= np.median(target[part])
    inner = centred.T @ centred + np.eye(centred.shape[1])
    calendar = rhythm @ np.linalg.solve(inner, centred.T @ target)
    for name, rows in groups:
        jump = step(y[rows] - calendar[rows], train["day"].to_numpy()[rows])
        if jump:
            found[name] = jump
if found:
    # a change of unit is one factor, the same for all
    factor = np.median([jump for _, jump in found.values()])
    for name, rows in groups:
        if name in found and abs(found[name][1] - factor) < 0.7:
            early = train["day"].to_numpy()[rows] < found[name][0]
            y[rows[early]] += factor

# trends are kept small; what is left at the end of a series fades away over the next days
weights, residual = model(y, 4.0)
following = train.shift(-1)
same = train["__SITE__"] == following["__SITE__"]
at = np.flatnonzero(same & (following["day"] - train["day"] == 1))
rho = np.clip(residual[at] @ residual[at + 1] / (residual[at] @ residual[at]), 0.0, 0.95)
last = train.assign(residual=residual).groupby("__SITE__").tail(1).set_index("__SITE__")
ahead = test["day"].to_numpy() - last["day"].reindex(test["__SITE__"]).to_numpy()
carried = last["residual"].reindex(test["__SITE__"]).to_numpy() * rho**ahead
predicted = np.expm1(np.hstack(columns(test)) @ weights + y.mean() + carried)
'''


def series_ladder(names: Mapping[str, str]) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: Columns and file of one task: `id`, `site`, `event`, `kind`, `target`, `table`.
    """
    bodies = {
        "dummy": _DUMMY,
        "naive": _NAIVE,
        "linear": _LINEAR,
        "seasonal": _SEASONAL,
        "forest": _FOREST,
        "standard": _RIDGE + _STANDARD,
        "strong": _RIDGE + _STRONG,
        "expert": _RIDGE + _EXPERT,
    }
    ladder = []
    for rung, body in bodies.items():
        script = _READ + body + _WRITE
        for key, name in names.items():
            script = script.replace(f"__{key.upper()}__", name)
        ladder.append(Baseline(name=rung, script=script))
    return tuple(ladder)
