"""The ladder for tables of settings: constants, greed, planning with ever better models."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.authors.ladders.pieces import script
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

train = pd.read_csv("input/train.csv")
test = pd.read_csv("input/test.csv")
log = pd.read_csv("input/log.csv")
actions = $ACTIONS
sheet = $SHEET
side = $SIDE
cells = side * side
"""

_MIDDLE = """\
best = np.full(len(test), 1)
"""

_STEPS = """\
# a step and the one after it in the same run; lines that are missing leave gaps
log = log.sort_values(["run", "step"]).reset_index(drop=True)
after = log.shift(-1)
follows = (after["run"] == log["run"]) & (after["step"] == log["step"] + 1)
steps = log[follows].reset_index(drop=True)
landed = after[follows].reset_index(drop=True)
score = steps[$REWARD].to_numpy()
"""

_NEXT_LINES = """\
log = log.reset_index(drop=True)
after = log.shift(-1)
follows = after["run"] == log["run"]
steps, landed = log[follows].reset_index(drop=True), after[follows].reset_index(drop=True)
score = steps[$REWARD].to_numpy()
"""

_ALIGN = """\
# does a score belong to its own line, or was it written down one line late?
def explained(values):
    kept = np.isfinite(values)
    place = np.stack([landed[$X], landed[$Y]], axis=1)[kept] / (side - 1) - 0.5
    design = np.hstack([np.ones((kept.sum(), 1)), place, place**2, place.prod(axis=1)[:, None]])
    left = values[kept] - design @ np.linalg.lstsq(design, values[kept], rcond=None)[0]
    return 1 - left.var() / values[kept].var()

late = landed[$REWARD].to_numpy()
if explained(late) > explained(score):
    score = late
"""

_TABLES = """\
middle, spread = train[sheet].mean(), train[sheet].std()
by_run = ((train[sheet] - middle) / spread).set_index(train["run"])
z = by_run.loc[steps["run"]].to_numpy()
sites = test.drop_duplicates($SITE)
z_site = ((sites[sheet] - middle) / spread).to_numpy()
x, y = steps[$X].to_numpy(), steps[$Y].to_numpy()
x2, y2 = landed[$X].to_numpy(dtype=int), landed[$Y].to_numpy(dtype=int)
act = np.array([actions.index(name) for name in steps[$ACTION]]) - 1.0
grid = np.arange(cells)
site_of = np.repeat(np.arange(len(sites)), cells * len(actions))
cell_of = np.tile(np.repeat(grid, len(actions)), len(sites))
act_of = np.tile(np.arange(len(actions)) - 1.0, len(sites) * cells)
"""

_SITE_LINEAR = """\
def features(z, x, y, act):
    x, y = x / (side - 1) - 0.5, y / (side - 1) - 0.5
    return np.column_stack([x, y, act, x * x, y * y, x * y, act * x, act * y, act * act, z])
"""

_SITE_SQUARES = """\
from sklearn.preprocessing import PolynomialFeatures

def features(z, x, y, act):
    own = np.column_stack([x / (side - 1) - 0.5, y / (side - 1) - 0.5, act, z])
    return PolynomialFeatures(2, include_bias=False).fit_transform(own)
"""

_SITE_PRODUCTS = """\
from sklearn.preprocessing import PolynomialFeatures

def features(z, x, y, act):
    x, y = 2 * x / (side - 1) - 1, 2 * y / (side - 1) - 1
    own = np.column_stack([x, y, act, z])
    waves = np.column_stack([f(np.pi * v) for f in (np.sin, np.cos) for v in (x, y)])
    waves = np.hstack([waves, act[:, None] * waves])
    crossed = [waves * z[:, [column]] for column in range(z.shape[1])]
    return np.hstack([PolynomialFeatures(2).fit_transform(own), waves, *crossed])
"""

_FIT_LINEAR = """\
from sklearn.linear_model import LinearRegression

def learn(target):
    model = LinearRegression().fit(features(z, x, y, act), target)
    asked = features(z_site[site_of], cell_of // side, cell_of % side, act_of)
    fitted = model.predict(features(z, x, y, act))
    return model.predict(asked), np.sqrt(np.mean((target - fitted) ** 2))
"""

_FIT_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

def learn(target):
    model = make_pipeline(StandardScaler(), RidgeCV(alphas=np.logspace(-1, 3, 9)))
    model.fit(features(z, x, y, act), target)
    asked = features(z_site[site_of], cell_of // side, cell_of % side, act_of)
    fitted = model.predict(features(z, x, y, act))
    return model.predict(asked), np.sqrt(np.mean((target - fitted) ** 2))
"""

_FIT_TREES = """\
from sklearn.ensemble import HistGradientBoostingRegressor

def learn(target):
    model = HistGradientBoostingRegressor(max_iter=40, max_leaf_nodes=12, random_state=0)
    model.fit(np.column_stack([z, x, y, act]), target)
    asked = np.column_stack([z_site[site_of], cell_of // side, cell_of % side, act_of])
    fitted = model.predict(np.column_stack([z, x, y, act]))
    return model.predict(asked), np.sqrt(np.mean((target - fitted) ** 2))
"""

_POOLED = """\
# one table for all: count what followed each reading and setting, and plan with the shares
known = np.isfinite(score)
counts = np.full((cells, len(actions), cells), 1e-3)
np.add.at(counts, (x * side + y, act.astype(int) + 1, x2 * side + y2), 1.0)
shares = counts / counts.sum(axis=2, keepdims=True)
kept = ((x * side + y)[known], act.astype(int)[known] + 1)
total, times = np.zeros(counts.shape[:2]), np.full(counts.shape[:2], 1.0)
np.add.at(total, kept, score[known] - score[known].mean())
np.add.at(times, kept, 1.0)
value = np.zeros(cells)
for sweep in range(60):
    worth = total / times + $DISCOUNT * shares @ value
    value = worth.max(axis=1)
best_of_site = np.tile(worth.argmax(axis=1), (len(sites), 1))
"""

_GREEDY = """\
known = np.isfinite(score)
z, x, y, act = z[known], x[known], y[known], act[known]
gain, _ = learn(score[known])
best_of_site = gain.reshape(len(sites), cells, len(actions)).argmax(axis=2)
"""

_PLAN = """\
from scipy.stats import norm

def axis_chances(mean, width):
    # readings are whole steps, and what would leave the scale stays at its end
    upper = norm.cdf((np.arange(side - 1) + 0.5 - mean[:, None]) / width)
    return np.diff(upper, prepend=0.0, append=1.0, axis=1)

move_x, width_x = learn(x2 - x)
move_y, width_y = learn(y2 - y)
chance = (axis_chances(cell_of // side + move_x, width_x)[:, :, None]
          * axis_chances(cell_of % side + move_y, width_y)[:, None, :])
chance = chance.reshape(len(sites), cells, len(actions), cells)

# the score follows from where a step lands and what was set
known = np.isfinite(score)
z, x, y, act = z[known], x2[known], y2[known], act[known]
landing, _ = learn(score[known])
landing = landing.reshape(len(sites), cells, len(actions))
gain = np.einsum("scan,sna->sca", chance, landing)
value = np.zeros((len(sites), cells))
for sweep in range(60):
    worth = gain + $DISCOUNT * np.einsum("scan,sn->sca", chance, value)
    value = worth.max(axis=2)
best_of_site = worth.argmax(axis=2)
"""

_LOOK_UP = """\
number = {name: row for row, name in enumerate(sites[$SITE])}
row = test[$SITE].map(number).to_numpy()
best = best_of_site[row, test[$X].to_numpy() * side + test[$Y].to_numpy()]
"""

_WRITE = """\
chosen = [actions[int(index)] for index in best]
pd.DataFrame({$ID: test[$ID], $ACTION: chosen}).to_csv("submission.csv", index=False)
"""

_RUNGS = {
    "dummy": (_MIDDLE,),
    "naive": (_NEXT_LINES, _TABLES, _POOLED, _LOOK_UP),
    "greedy": (_STEPS, _ALIGN, _TABLES, _FIT_TREES, _GREEDY, _LOOK_UP),
    "standard": (_NEXT_LINES, _TABLES, _SITE_LINEAR, _FIT_LINEAR, _PLAN, _LOOK_UP),
    "aligned": (_STEPS, _ALIGN, _TABLES, _SITE_LINEAR, _FIT_LINEAR, _PLAN, _LOOK_UP),
    "squares": (_STEPS, _ALIGN, _TABLES, _SITE_SQUARES, _FIT_RIDGE, _PLAN, _LOOK_UP),
    "strong": (_STEPS, _ALIGN, _TABLES, _FIT_TREES, _PLAN, _LOOK_UP),
    "expert": (_STEPS, _ALIGN, _TABLES, _SITE_PRODUCTS, _FIT_RIDGE, _PLAN, _LOOK_UP),
}


def control_ladder(
    *,
    names: dict[str, str],
    actions: Sequence[str],
    sheet: Sequence[str],
    side: int,
    discount: float,
) -> tuple[Baseline, ...]:
    """Return the rungs for tables with these columns.

    Args:
        names: Columns by placeholder: ID, SITE, X, Y, ACTION, REWARD.
        actions: Names of the settings, from least to most.
        sheet: Columns of the data sheet.
        side: Readings of each gauge.
        discount: Weight of the next step relative to this one.
    """
    listed: dict[str, str | list[str]] = {**names, "ACTIONS": list(actions), "SHEET": list(sheet)}

    def written(piece: str) -> str:
        # numbers, where the other placeholders are quoted names
        return piece.replace("$SIDE", str(side)).replace("$DISCOUNT", str(discount))

    return tuple(
        Baseline(name, script(*map(written, (_READ, *pieces, _WRITE)), **listed))
        for name, pieces in _RUNGS.items()
    )
