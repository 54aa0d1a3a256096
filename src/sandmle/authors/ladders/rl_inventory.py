"""The ladder for stock levels: constants, mean demand, cost quantiles, censored sales, spread."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
log = pd.read_csv("input/log.csv")
days = test["lead_days"].to_numpy() + 1
"""

_DUMMY = """\
# one level for all: the one that would have been cheapest for the items of the log, whose demand
# over an order's days is made of days drawn from their own record
rng = np.random.default_rng(0)
table = log.pivot(index=$ID, columns="day", values="sold").loc[train[$ID]].to_numpy()
choices = np.arange($TOP + 1)
cost = np.zeros(len(choices))
for row, lead, holding, shortage in zip(
    table, train["lead_days"], train["holding_cost"], train["shortage_cost"]
):
    wanted = rng.choice(row, size=(60, lead + 1)).sum(axis=1)
    over = np.maximum(choices[:, None] - wanted, 0).mean(axis=1)
    short = np.maximum(wanted - choices[:, None], 0).mean(axis=1)
    cost += holding * over + shortage * short
level = np.full(len(test), cost.argmin())
"""

_BY_LEAD = """\
level = log["sold"].mean() * days
"""

_ALL_DAYS = """\
usable = log.assign(sold=log["sold"].astype(float))
"""

_CLEAN_DAYS = """\
# days on which nothing at all was sold are days on which nothing was recorded
recorded = log.groupby("day")["sold"].transform("sum") > 0
usable = log[recorded].assign(sold=log["sold"].astype(float))
"""

_LINEAR_FEATURES = """\
numeric = [c for c in test.columns if c not in ($ID, $CATEGORY)
           and c not in ("lead_days", "holding_cost", "shortage_cost")]

def features(frame):
    middle, spread = train[numeric].mean(), train[numeric].std()
    z = ((frame[numeric] - middle) / spread).clip(-3, 3).to_numpy()
    kinds = sorted(train[$CATEGORY].unique())
    return np.hstack([z, np.array([[name == k for k in kinds] for name in frame[$CATEGORY]])])

X, X_test = features(train), features(test)
"""

_PRODUCT_FEATURES = """\
from scipy.stats import norm
from sklearn.preprocessing import PolynomialFeatures

numeric = [c for c in test.columns if c not in ($ID, $CATEGORY)
           and c not in ("lead_days", "holding_cost", "shortage_cost")]
both = pd.concat([train, test], ignore_index=True)
z = norm.ppf((both[numeric].rank() - 0.5) / len(both))
z = PolynomialFeatures(degree=2, include_bias=False).fit_transform(z)
hot = pd.get_dummies(both[$CATEGORY]).to_numpy(dtype=float)
both = np.hstack([z, hot])
X, X_test = both[: len(train)], both[len(train) :]
"""

_RATE = """\
from sklearn.linear_model import PoissonRegressor

by_item = usable.groupby($ID)["sold"].agg(["sum", "count"]).reindex(train[$ID])
model = PoissonRegressor(alpha=0.1, max_iter=100)
model.fit(X, by_item["sum"] / by_item["count"], sample_weight=by_item["count"])
rate = model.predict(X_test)
"""

_CENSORED_RATE = """\
from scipy.stats import nbinom
from sklearn.linear_model import PoissonRegressor

# On a day that ended with an empty shelf more may have been wanted than was sold. Fill in what was
# wanted on average under the fitted rates, fit again, and so on. Promotions lift a day's rate.
index = pd.Index(train[$ID])
item = index.get_indexer(usable[$ID])
sold, stock = usable["sold"].to_numpy(), usable["stock"].to_numpy()
empty = sold >= stock
promo = usable["promo"].to_numpy() if "promo" in usable else np.zeros(len(usable))
lift, size = 1.0, 3.0
rates = np.full(len(train), sold.mean())
grid = np.array([0.7, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0])
steps = np.arange(60)

def loglik(size, mean):
    chance = size / (size + mean)
    return np.where(empty, nbinom.logsf(stock - 1, size, chance),
                    nbinom.logpmf(sold, size, chance)).sum()

for turn in range(6):
    mean = rates[item] * np.where(promo == 1, lift, 1.0)
    wanted = sold.copy()
    chance = size / (size + mean[empty])
    beyond = nbinom.sf(stock[empty][:, None] + steps - 1, size, chance[:, None])
    wanted[empty] = stock[empty] + beyond[:, 1:].sum(axis=1) / beyond[:, 0].clip(1e-9)
    if promo.any():
        lift = wanted[promo == 1].sum() / rates[item][promo == 1].sum()
    weight = np.bincount(item, np.where(promo == 1, lift, 1.0), len(train))
    total = np.bincount(item, wanted, len(train))
    model = PoissonRegressor(alpha=STRENGTH, max_iter=60).fit(X, total / weight, weight)
    rates = model.predict(X)
    size = grid[np.argmax([loglik(s, rates[item] * np.where(promo == 1, lift, 1)) for s in grid])]
rate = model.predict(X_test)
"""

_TYPICAL = """\
level = rate * days
"""

_POISSON = """\
from scipy.stats import poisson

# the cheapest level covers demand with chance shortage / (shortage + holding)
ratio = test["shortage_cost"] / (test["shortage_cost"] + test["holding_cost"])
level = poisson.ppf(ratio.to_numpy(), rate * days)
"""

_NEGATIVE_BINOMIAL = """\
# the cheapest level covers demand with chance shortage / (shortage + holding); days vary more than
# a Poisson law allows, and so does their sum
ratio = test["shortage_cost"] / (test["shortage_cost"] + test["holding_cost"])
level = nbinom.ppf(ratio.to_numpy(), size * days, size / (size + rate))
"""

_WRITE = """\
level = np.clip(np.round(level), 0, $TOP).astype(int)
pd.DataFrame({$ID: test[$ID], $LEVEL: level}).to_csv("submission.csv", index=False)
"""

_PLAIN = _CENSORED_RATE.replace("STRENGTH", "0.003")
_SHRUNK = _CENSORED_RATE.replace("STRENGTH", "0.03")

_RUNGS = {
    "dummy": (_DUMMY,),
    "naive": (_BY_LEAD,),
    "rates": (_ALL_DAYS, _LINEAR_FEATURES, _RATE, _TYPICAL),
    "standard": (_ALL_DAYS, _LINEAR_FEATURES, _RATE, _POISSON),
    "clean_days": (_CLEAN_DAYS, _LINEAR_FEATURES, _RATE, _POISSON),
    "strong": (_CLEAN_DAYS, _LINEAR_FEATURES, _PLAIN, _NEGATIVE_BINOMIAL),
    "expert": (_CLEAN_DAYS, _PRODUCT_FEATURES, _SHRUNK, _NEGATIVE_BINOMIAL),
}


def inventory_ladder(
    *, id_column: str, category: str, level: str, top: int
) -> tuple[Baseline, ...]:
    """Return the rungs for tables with these columns and levels up to `top`."""
    names = {"ID": id_column, "CATEGORY": category, "LEVEL": level}

    def written(piece: str) -> str:
        # a number, where the other placeholders are quoted names
        return piece.replace("$TOP", str(top))

    return tuple(
        Baseline(name, script(_READ, *map(written, (*pieces, _WRITE)), **names))
        for name, pieces in _RUNGS.items()
    )
