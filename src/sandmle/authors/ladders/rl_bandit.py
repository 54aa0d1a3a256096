"""The ladder for choices from a log: constants, one model per action, shared models, shrinkage."""

from __future__ import annotations

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
columns = [c for c in test.columns if c != $ID]
reward = train[$REWARD].to_numpy(dtype=float)
actions = sorted(train[$ACTION].unique())
taken = np.array([actions.index(name) for name in train[$ACTION]])
hot = np.eye(len(actions))[taken]
"""

_COMMONEST = """\
best = np.full(len(test), np.bincount(taken).argmax())
"""

_BEST_MEAN = """\
mean = [reward[taken == action].mean() for action in range(len(actions))]
best = np.full(len(test), int(np.argmax(mean)))
"""

_RAW = """\
middle, spread = train[columns].mean(), train[columns].std()
X = ((train[columns] - middle) / spread).to_numpy()
X_test = ((test[columns] - middle) / spread).to_numpy()
"""

_CLEAN = """\
from scipy.stats import norm

# -99 stands for a missing reading; a normal score for every column
both = pd.concat([train[columns], test[columns]]).mask(lambda frame: frame == -99)
share = (both.rank() - 0.5) / both.notna().sum()
both = pd.DataFrame(norm.ppf(share), columns=columns).fillna(0.0).to_numpy()
X, X_test = both[: len(train)], both[len(train) :]
"""

_ROBUST = """\
# rewards far outside the bulk are slips of the pen: out with those rows
middle = np.median(reward)
width = 1.4826 * np.median(np.abs(reward - middle))
kept = np.abs(reward - middle) < 5 * width
X, reward, taken, hot = X[kept], reward[kept], taken[kept], hot[kept]
reward = (reward - reward.mean()) / reward.std()
"""

_PER_ACTION = """\
from sklearn.linear_model import LinearRegression

value = np.zeros((len(test), len(actions)))
for action in range(len(actions)):
    rows = taken == action
    value[:, action] = LinearRegression().fit(X[rows], reward[rows]).predict(X_test)
best = value.argmax(axis=1)
"""

_FOREST = """\
from sklearn.ensemble import RandomForestRegressor

model = RandomForestRegressor(n_estimators=40, min_samples_leaf=3, random_state=0, n_jobs=1)
model.fit(np.hstack([X, hot]), reward)
value = np.zeros((len(test), len(actions)))
for action in range(len(actions)):
    chosen = np.tile(np.eye(len(actions))[action], (len(test), 1))
    value[:, action] = model.predict(np.hstack([X_test, chosen]))
best = value.argmax(axis=1)
"""

_SHARED = """\
from sklearn.linear_model import RidgeCV

def features(x, chosen):
    # what a case is worth anyhow, and what each action adds
    own = np.hstack([np.ones((len(x), 1)), x])
    crossed = (chosen[:, :, None] * own[:, None, :]).reshape(len(x), -1)
    return np.hstack([x, x**2, crossed])

model = RidgeCV(alphas=np.logspace(-1, 2.5, 12)).fit(features(X, hot), reward)
value = np.zeros((len(test), len(actions)))
for action in range(len(actions)):
    chosen = np.tile(np.eye(len(actions))[action], (len(test), 1))
    value[:, action] = model.predict(features(X_test, chosen))
best = value.argmax(axis=1)
"""

_PRODUCTS = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import PolynomialFeatures

expand = PolynomialFeatures(degree=2, include_bias=False).fit(X)

def features(x, chosen):
    own = np.hstack([np.ones((len(x), 1)), expand.transform(x)])
    crossed = (chosen[:, :, None] * own[:, None, :]).reshape(len(x), -1)
    return np.hstack([own[:, 1:], crossed])

model = RidgeCV(alphas=np.logspace(-1, 2.5, 12)).fit(features(X, hot), reward)
value = np.zeros((len(test), len(actions)))
for action in range(len(actions)):
    chosen = np.tile(np.eye(len(actions))[action], (len(test), 1))
    value[:, action] = model.predict(features(X_test, chosen))
best = value.argmax(axis=1)
"""

_PROCESS = """\
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

# a Gaussian process for what a case is worth anyhow, plus one for what its action adds; products
# of columns are in both, and how much each part matters is learnt from the marginal likelihood
same = hot @ hot.T
count = X.shape[1]

def pieces(a, b, logs):
    size = np.exp(logs)
    base, extra = size[:count], size[count : 2 * count]
    return size[-6:], base, extra, (a * base) @ b.T, (a * extra) @ b.T

def covariance(a, b, together, logs):
    (b0, b1, c0, c1, c2, _), base, extra, plain, crossed = pieces(a, b, logs)
    bend = 0.5 * (plain**2 + (a**2 * base**2) @ (b**2).T)
    product = 0.5 * (crossed**2 - (a**2 * extra**2) @ (b**2).T)
    return b0 * plain + b1 * bend + together * (c0 + c1 * crossed + c2 * product)

def cost(logs):
    (b0, b1, c0, c1, c2, noise), base, extra, plain, crossed = pieces(X, X, logs)
    bend = 0.5 * (plain**2 + (X**2 * base**2) @ (X**2).T)
    product = 0.5 * (crossed**2 - (X**2 * extra**2) @ (X**2).T)
    K = b0 * plain + b1 * bend + same * (c0 + c1 * crossed + c2 * product)
    factor = cho_factor(K + (noise + 1e-4) * np.eye(len(X)), lower=True)
    inverse = cho_solve(factor, np.eye(len(X)))
    weight = inverse @ reward
    W = inverse - np.outer(weight, weight)
    V = W * same
    quadratic = lambda matrix, x: np.einsum("ni,nm,mi->i", x, matrix, x, optimize=True)
    slope = np.concatenate([
        base * quadratic(W * (b0 + b1 * plain), X) + b1 * base**2 * quadratic(W, X**2),
        extra * quadratic(V * (c1 + c2 * crossed), X) - c2 * extra**2 * quadratic(V, X**2),
        [b0 * (W * plain).sum(), b1 * (W * bend).sum(), c0 * V.sum(),
         c1 * (V * crossed).sum(), c2 * (V * product).sum(), noise * np.trace(W)],
    ])
    # a weak pull to the start keeps parts that the log says little about from running away
    value = 0.5 * reward @ weight + np.log(np.diag(factor[0])).sum()
    value += PULL * ((logs - start) ** 2).sum()
    return value, 0.5 * slope + 2 * PULL * (logs - start)

PULL = 0.1
start = np.concatenate([np.zeros(2 * count), np.log([0.3, 0.1, 0.05, 0.2, 0.2, 0.3])])
found = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 25}).x
K = covariance(X, X, same, found) + (np.exp(found[-1]) + 1e-4) * np.eye(len(X))
weight = cho_solve(cho_factor(K), reward)
value = np.zeros((len(test), len(actions)))
for action in range(len(actions)):
    together = np.tile(hot[:, action], (len(test), 1))
    value[:, action] = covariance(X_test, X, together, found) @ weight
best = value.argmax(axis=1)
"""

_WRITE = """\
chosen = [actions[index] for index in best]
pd.DataFrame({$ID: test[$ID], $ACTION: chosen}).to_csv("submission.csv", index=False)
"""

_RUNGS = {
    "dummy": (_COMMONEST,),
    "best_mean": (_BEST_MEAN,),
    "naive": (_RAW, _PER_ACTION),
    "forest": (_CLEAN, _ROBUST, _FOREST),
    "standard": (_CLEAN, _ROBUST, _PER_ACTION),
    "shared": (_CLEAN, _ROBUST, _SHARED),
    "strong": (_CLEAN, _ROBUST, _PRODUCTS),
    "expert": (_CLEAN, _ROBUST, _PROCESS),
}


def bandit_ladder(*, id_column: str, action: str, reward: str) -> tuple[Baseline, ...]:
    """Return the rungs for a log with these columns."""
    names = {"ID": id_column, "ACTION": action, "REWARD": reward}
    return tuple(
        Baseline(name, script(_READ, *pieces, _WRITE, **names)) for name, pieces in _RUNGS.items()
    )
