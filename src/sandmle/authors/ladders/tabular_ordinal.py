"""The ladder for grades: from the commonest one to graders, scales, products and cut points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandmle.authors.ladders.pieces import ONE_HOT, RAW_NUMBERS, READ, WRITE, named, script, without
from sandmle.core.draft import Baseline

if TYPE_CHECKING:
    from sandmle.authors.procedural.tabular_ordinal import OrdinalScene

_DUMMY = """\
prediction = np.full(len(test), int(pd.Series(target).mode()[0]))
"""

_FOREST = """\
from sklearn.ensemble import RandomForestClassifier

model = RandomForestClassifier(n_estimators=60, min_samples_leaf=3, random_state=0, n_jobs=1)
prediction = model.fit(X, target).predict(X_test).astype(int)
"""

_CLASSIFIER = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = LogisticRegression(C=0.1, max_iter=200).fit(scaler.transform(X), target)
prediction = model.predict(scaler.transform(X_test)).astype(int)
"""

_RIDGE = """\
from sklearn.linear_model import RidgeCV
from sklearn.preprocessing import StandardScaler

scaler = StandardScaler().fit(X)
model = RidgeCV(alphas=np.logspace(0, 3, 10)).fit(scaler.transform(X), target)
raw = model.predict(scaler.transform(X_test))
"""

_ROUND = """\
prediction = np.clip(np.rint(raw), target.min(), target.max()).astype(int)
"""

_SENTINELS = """\
# 99 is no answer; whether there is one is a column of its own
for frame in (train, test):
    for column in $QUESTIONS:
        gone = frame[column] == 99
        frame[column + "_none"] = gone.astype(float)
        frame[column] = frame[column].mask(gone)
"""

_NAMES = """\
import difflib

def tidy(names):
    names = names.str.lower().str.strip()
    counts = pd.concat([train[$GRADER], test[$GRADER]]).str.lower().str.strip().value_counts()
    common = list(counts[counts > 0.03 * counts.sum()].index)
    nearest = {name: (difflib.get_close_matches(name, common, 1, 0.6) or [name])[0]
               for name in counts.index}
    return names.map(nearest)

train[$GRADER], test[$GRADER] = tidy(train[$GRADER]), tidy(test[$GRADER])
"""

_MARGINAL_CUTS = """\
# as many rows of each grade as in training
place = pd.Series(raw).rank(method="first").to_numpy() / (len(raw) + 1)
prediction = np.quantile(target, place, method="inverted_cdf").astype(int)
"""

_KERNEL = """\
from statistics import NormalDist

# grades as normal scores: the middle of each grade's share of a normal distribution
share = pd.Series(target).value_counts(normalize=True).sort_index()
middle = share.cumsum() - share / 2
y = pd.Series(target).map(middle.map(NormalDist().inv_cdf)).to_numpy()
y = y - y.mean()

n = len(train)
both = pd.concat([train.drop(columns=[$ID, $TARGET]), test.drop(columns=[$ID])])
both = both.reset_index(drop=True)
steps = pd.get_dummies(both[$QUESTIONS].fillna(0).astype(int).astype(str), dtype=float)
people = pd.get_dummies(both[[$GRADER]], dtype=float).to_numpy()
numbers = both.drop(columns=[$GRADER])
for column in numbers:
    if numbers[column].min() > 0 and column not in $QUESTIONS:
        numbers[column] = np.log(numbers[column])
numbers = numbers.fillna(numbers.median()).to_numpy(dtype=float)
numbers = (numbers - numbers.mean(axis=0)) / (numbers.std(axis=0) + 1e-9)
steps = steps.to_numpy()

def similar(table):
    table = table - table[:n].mean(axis=0)
    kernel = table @ table[:n].T
    return kernel / np.trace(kernel[:n]) * n

linear, by_step, by_grader = similar(numbers), similar(steps), similar(people)
products = linear**2
products = products / np.trace(products[:n]) * n
best = None
for pair_weight in (0.0, 0.1, 0.3, 0.8):
    for step_weight in (0.0, 0.15, 0.5):
        for grader_weight in (0.15, 0.5):
            kernel = (linear + pair_weight * products + step_weight * by_step
                      + grader_weight * by_grader)
            for noise in (0.1, 0.3, 0.8):
                inverse = np.linalg.inv(kernel[:n] + noise * np.eye(n))
                weights = inverse @ y
                left_out = y - weights / np.diag(inverse)
                error = np.mean((y - left_out) ** 2)
                if best is None or error < best[0]:
                    best = error, left_out, kernel[n:] @ weights
_, left_out, raw = best
"""

_LIKELIEST_CUTS = """\
# chances of each grade from training rows with a like score, then the likeliest one
grades = np.unique(target)
width = 0.25 * left_out.std()
near = np.exp(-0.5 * ((raw[:, None] - left_out[None, :]) / width) ** 2) + 1e-9
chances = near @ (target[:, None] == grades[None, :]).astype(float)
prediction = grades[chances.argmax(axis=1)].astype(int)
"""


def ordinal_ladder(
    scene: OrdinalScene, *, questions: list[str], metric: str, side: list[str], coded: list[str]
) -> tuple[Baseline, ...]:
    """Return the rungs with the scene's column names filled in.

    Args:
        scene: Names of columns.
        questions: Columns on the scale of answers.
        metric: `qwk` or `accuracy`; the best rung cuts its scores for it.
        side: Columns that the better scripts do without.
        coded: Columns in which numbers stand for labels.
    """
    cuts = _MARGINAL_CUTS if metric == "qwk" else _LIKELIEST_CUTS
    good = (*without(side), *named(coded), _SENTINELS, _NAMES)
    plain = (_RIDGE, _ROUND) if metric == "qwk" else (_CLASSIFIER,)
    rungs = {
        "dummy": (_DUMMY,),
        "naive": (RAW_NUMBERS, *plain),
        "forest": (ONE_HOT, _FOREST),
        "standard": (ONE_HOT, *plain),
        "strong": (*good, ONE_HOT, _RIDGE, _ROUND),
        "cuts": (*good, ONE_HOT, _RIDGE, _MARGINAL_CUTS),
        "expert": (*good, _KERNEL, cuts),
    }
    return tuple(
        Baseline(
            name,
            script(
                READ,
                *pieces,
                WRITE,
                ID=scene.id_column,
                TARGET=scene.target,
                GRADER=scene.grader,
                QUESTIONS=questions,
                SIDE=side,
                CODED=coded,
            ),
        )
        for name, pieces in rungs.items()
    )
