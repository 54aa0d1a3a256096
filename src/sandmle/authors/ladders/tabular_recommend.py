"""The ladder for recommending items: from one list for everybody to a learnt blend of signals."""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
items = pd.read_csv("input/$ITEMS")
log = pd.read_csv("input/$LOG")
"""

_WRITE = """
out = pd.DataFrame({"$USER": test["$USER"], "$TARGET": lists})
out.to_csv("submission.csv", index=False)
"""

_DUMMY = """
lists = " ".join(items["$ITEM"][:$K])
"""

_NAIVE = """
lists = " ".join(log["$ITEM"].value_counts().index[:$K])
"""

_CLEAN = """
log = log.drop_duplicates()
iso = pd.to_datetime(log["$DATE"], format="%Y-%m-%d", errors="coerce")
other = pd.to_datetime(log["$DATE"], format="%d.%m.%Y", errors="coerce")
log["day"] = (iso.fillna(other) - pd.Timestamp("2020-01-01")).dt.days
size = log.groupby("$USER")["$ITEM"].transform("size")
log = log[size < 6 * size.median()]
end = log["day"].max() + 1
gone = pd.to_datetime(items["$GONE"], format="%Y-%m-%d") - pd.Timestamp("2020-01-01")
sold = ~(gone.dt.days < end).to_numpy()

names = items["$ITEM"].to_numpy()
users = sorted(set(train["$USER"]) | set(test["$USER"]))
row = {name: i for i, name in enumerate(users)}
column = {name: j for j, name in enumerate(names)}
log = log[log["$USER"].isin(row)]
u, i = log["$USER"].map(row).to_numpy(), log["$ITEM"].map(column).to_numpy()
day = log["day"].to_numpy()
asked = test["$USER"].map(row).to_numpy()


def top(score):
    ranked = np.argsort(-np.where(sold, score, -np.inf), axis=1, kind="stable")[:, :$K]
    return [" ".join(names[line]) for line in ranked]


def counts(chosen):
    table = np.zeros((len(users), len(names)))
    np.add.at(table, (u[chosen], i[chosen]), 1.0)
    return table
"""

_RECENT = """
recent = counts(day >= end - 21).sum(axis=0)
lists = top(np.tile(recent, (len(test), 1)))
"""

_REPEAT = """
recent = counts(day >= end - 21).sum(axis=0)
lists = top(counts(day < end)[asked] + recent / (1 + recent.max()))
"""

_KNN = """
had = np.minimum(counts(day < end), 1.0)
norm = np.sqrt(had.sum(axis=0)) + 1.0
alike = had.T @ had / norm[:, None] / norm[None, :]
np.fill_diagonal(alike, 0.0)
lists = top(had[asked] @ alike)
"""

_STRONG = """
had = np.minimum(counts(day < end), 1.0)
norm = np.sqrt(had.sum(axis=0)) + 1.0
alike = had.T @ had / norm[:, None] / norm[None, :]
np.fill_diagonal(alike, 0.0)
near = had @ alike
near = near / near.mean(axis=1, keepdims=True)
recent = counts(day >= end - 21).sum(axis=0) + 1.0
# some categories are taken again and again, others once
kind = pd.get_dummies(items["$CATEGORY"]).to_numpy(dtype=float)
often = (counts(day < end) > 1).sum(axis=0) @ kind / (had.sum(axis=0) @ kind)
again = np.where(had > 0, kind @ (0.05 + 8 * often), 1.0)
lists = top((near * recent * again)[asked])
"""

_EXPERT = '''
from sklearn.linear_model import LogisticRegression

group = pd.factorize(items["$CATEGORY"], sort=True)[0]
kind = np.eye(group.max() + 1)[group]
segment = pd.read_csv("input/$PEOPLE").set_index("$USER")["$SEGMENT"].reindex(users)
segment = np.eye(segment.nunique())[pd.factorize(segment, sort=True)[0]]


def follow_ups():
    """Count how often one item was taken within two weeks after another, against chance."""
    before = np.zeros((len(names), len(names)))
    for person in range(len(users)):
        mine = u == person
        a, t = i[mine], day[mine]
        soon = (t[None, :] > t[:, None]) & (t[None, :] <= t[:, None] + 14)
        first, second = np.nonzero(soon)
        np.add.at(before, (a[first], a[second]), 1.0)
    chance = before.sum(axis=1, keepdims=True) * before.sum(axis=0) / before.sum()
    return np.maximum(np.log((before + 3) / (chance + 3)), 0.0)


after = follow_ups()
np.fill_diagonal(after, 0.0)


def tastes(had, rank=6):
    """Share of each item in the baskets of similar users: mixture of tastes, by EM."""
    rng = np.random.RandomState(0)
    members = rng.dirichlet(np.ones(rank), len(had))
    for _ in range(40):
        profile = members.T @ had + 0.3 * had.mean(axis=0) * len(had) / rank + 0.01
        profile = np.log(profile / profile.sum(axis=1, keepdims=True))
        odds = had @ profile.T + np.log(members.mean(axis=0) + 1e-9)
        members = np.exp(odds - odds.max(axis=1, keepdims=True))
        members /= members.sum(axis=1, keepdims=True)
    return members @ np.exp(profile)


def signals(cut):
    """Describe every pair of user and item by what was known before the day `cut`."""
    past = day < cut
    bought = counts(past)
    had = np.minimum(bought, 1.0)
    norm = np.sqrt(had.sum(axis=0)) + 1.0
    alike = had.T @ had / norm[:, None] / norm[None, :]
    np.fill_diagonal(alike, 0.0)
    near = had @ alike + 0.01
    recent = counts(past & (day >= cut - 21))
    whole = bought.sum(axis=0) + 1.0
    taste = np.log(tastes(had) + 1e-4)
    mine = np.log((had @ kind + 0.5) / (had.sum(axis=1, keepdims=True) + 4)) @ kind.T
    similar = np.log(segment @ ((segment.T @ had) + 2.0))
    last = np.full(bought.shape, -99.0)
    np.maximum.at(last, (u[past], i[past]), day[past] - cut)
    fresh = (last > -15).astype(float)
    again = [had * kind[:, k] for k in range(kind.shape[1])]
    linked = np.minimum(counts(past & (day >= cut - 14)), 1.0) @ after
    newest = np.log(counts(past & (day >= cut - 10)).sum(axis=0) + 0.5)
    flat = [np.log(recent.sum(axis=0) + 0.5), np.log(whole), newest]
    parts = [np.tile(line, (len(users), 1)) for line in flat]
    parts += [np.log(near), taste, mine, similar, np.log1p(bought), fresh, linked, *again]
    return np.stack(parts, axis=2)


# the last full week is a lesson too: what was known before it, and what was bought in it
X, y = [], []
week = (day >= end - 7) & (day < end)
known = counts(week) > 0
bold = np.flatnonzero(known.any(axis=1))
open_now = known.any(axis=0)
X.append(signals(end - 7)[bold][:, open_now].reshape(-1, 10 + kind.shape[1]))
y.append(known[bold][:, open_now].ravel())
full = signals(end)
for name, cell in zip(train["$USER"], train["$TARGET"]):
    taken = set(cell.split())
    X.append(full[row[name]][sold])
    y.append(np.array([item in taken for item in names[sold]]))
X, y = np.vstack(X), np.concatenate(y)
middle, spread = X.mean(axis=0), X.std(axis=0) + 1e-9
model = LogisticRegression(C=0.3, max_iter=60).fit((X - middle) / spread, y)
score = (full[asked] - middle) / spread @ model.coef_[0]
lists = top(score)
'''


def recommend_ladder(names: Mapping[str, str | int]) -> tuple[Baseline, ...]:
    """Return the scripts, weakest first.

    Args:
        names: Columns and files of one task by placeholder: `USER`, `ITEM`, `DATE`, `GONE`,
            `CATEGORY`, `SEGMENT`, `TARGET`, `ITEMS`, `LOG`, `PEOPLE`, and `K`, the length of a
            list.
    """
    bodies = {
        "dummy": _DUMMY,
        "naive": _NAIVE,
        "recent": _CLEAN + _RECENT,
        "repeat": _CLEAN + _REPEAT,
        "standard": _CLEAN + _KNN,
        "strong": _CLEAN + _STRONG,
        "expert": _CLEAN + _EXPERT,
    }
    return tuple(
        Baseline(name=rung, script=Template(_READ + body + _WRITE).substitute(names))
        for rung, body in bodies.items()
    )
