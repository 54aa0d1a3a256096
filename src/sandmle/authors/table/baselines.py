"""The ladder for any table: what engineers try on one, from a constant to an ensemble of models.

The scripts know the form of the task and nothing of its data: they read `input/` like any agent's.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import Template

from sandmle.authors.table.question import Question
from sandmle.core.draft import Baseline

_READ = """\
import numpy as np
import pandas as pd

plain = {"keep_default_na": False, "na_values": [""]}  # words such as "None" are values here
train = pd.read_csv("input/train.csv", dtype={$TARGET: $DTYPE}, **plain)
test = pd.read_csv("input/test.csv", **plain)
features = [name for name in test.columns if name != $ID]
numbers = [name for name in features
           if train[name].dtype.kind in "if" and test[name].dtype.kind in "if"]
texts = [name for name in features if name not in numbers]
for part in (train, test):
    for name in texts:
        part[name] = part[name].astype(object).where(part[name].notna(), "(none)").astype(str)
"""

_VALUES = """\
y = train[$TARGET].to_numpy(dtype=float)
"""

_LOG_VALUES = """\
y = np.log1p(train[$TARGET].to_numpy(dtype=float))
"""

_LOG_IF_SKEWED = """\
skewed = y.min() > 0 and y.max() > 10 * np.median(y)
if skewed:
    y = np.log(y)
"""

_BACK_IF_SKEWED = """\
if skewed:
    prediction = np.exp(prediction)
"""

_CLASSES = """\
classes, y = np.unique(train[$TARGET].to_numpy(dtype=str), return_inverse=True)
share = np.bincount(y) / len(y)
"""

_CODES = """\
middle = train[numbers].median().fillna(0.0)
X = [train[numbers].fillna(middle).to_numpy(dtype=float)]
X_test = [test[numbers].fillna(middle).to_numpy(dtype=float)]
for name in texts:
    code = {value: number for number, value in enumerate(sorted(set(train[name])))}
    X.append([code[value] for value in train[name]])
    X_test.append([code.get(value, -1) for value in test[name]])
X, X_test = np.column_stack(X).astype(float), np.column_stack(X_test).astype(float)
"""

_ONE_HOT = """\
from sklearn.preprocessing import StandardScaler

few = [name for name in texts if train[name].nunique() <= 30]


def table(part):
    blocks = [part[numbers].fillna(middle).to_numpy(dtype=float)]
    blocks.append(part[numbers].isna().to_numpy(dtype=float))
    for name in few:
        known = np.unique(train[name].to_numpy(dtype=str))
        blocks.append(np.equal.outer(part[name].to_numpy(dtype=str), known))
    return np.column_stack(blocks).astype(float)


scaler = StandardScaler().fit(table(train))
W, W_test = scaler.transform(table(train)), scaler.transform(table(test))
"""

_RANKS = """\
def place(part):
    blocks = []
    for name in numbers:
        known = np.sort(train[name].dropna().to_numpy(dtype=float))
        rank = np.searchsorted(known, part[name].to_numpy(dtype=float)) / max(1, len(known))
        blocks.append(np.where(part[name].isna(), 0.5, rank) * 12**0.5)
    for name in texts:
        known = np.unique(train[name].to_numpy(dtype=str))
        if len(known) <= 60:
            blocks.extend(np.equal.outer(known, part[name].to_numpy(dtype=str)).astype(float))
    return np.column_stack(blocks or [np.zeros(len(part))])


W, W_test = place(train), place(test)
"""

_WORDS = """\
from sklearn.feature_extraction.text import HashingVectorizer

for name in texts:
    if name not in few:
        pieces = HashingVectorizer(analyzer="char_wb", ngram_range=(3, 4), n_features=128)
        W = np.column_stack([W, 3 * pieces.transform(train[name]).toarray()])
        W_test = np.column_stack([W_test, 3 * pieces.transform(test[name]).toarray()])
"""

_GUESS = {
    "value": "prediction = np.full(len(test), $CENTRE(y))\n",
    "class": "chance = np.tile(share, (len(test), 1))\n",
}

_ONE_FEATURE = {
    "value": """\
from sklearn.tree import DecisionTreeRegressor as Tree
""",
    "class": """\
from sklearn.tree import DecisionTreeClassifier as Tree
""",
}

_ONE_FEATURE_BODY = """\
best = None
for column in range(min(X.shape[1], 60)):
    tree = Tree(max_depth=2, min_samples_leaf=10).fit(X[:, [column]], y)
    fit = tree.score(X[:, [column]], y)
    if best is None or fit > best[0]:
        best = (fit, column, tree)
"""

_PREDICT_BEST = {
    "value": "prediction = best[2].predict(X_test[:, [best[1]]])\n",
    "class": "chance = best[2].predict_proba(X_test[:, [best[1]]])\n",
}

_MODELS = {
    "nearest": {
        "value": "from sklearn.neighbors import KNeighborsRegressor\n\n"
        "model = KNeighborsRegressor(1)\n",
        "class": "from sklearn.neighbors import KNeighborsClassifier\n\n"
        "model = KNeighborsClassifier(1)\n",
    },
    "linear": {
        "value": "from sklearn.linear_model import RidgeCV\n\n"
        "model = RidgeCV(np.logspace(-1, 4, 16))\n",
        "class": "from sklearn.linear_model import LogisticRegression\n\n"
        "model = LogisticRegression(C=0.3, max_iter=300)\n",
    },
    "forest": {
        "value": "from sklearn.ensemble import RandomForestRegressor\n\n"
        "model = RandomForestRegressor(80, min_samples_leaf=2, max_features=0.5, random_state=0)\n",
        "class": "from sklearn.ensemble import RandomForestClassifier\n\n"
        "model = RandomForestClassifier(80, min_samples_leaf=2, random_state=0)\n",
    },
    "boosting": {
        "value": "from sklearn.ensemble import GradientBoostingRegressor\n\n"
        "model = GradientBoostingRegressor(n_estimators=80, learning_rate=0.07, subsample=0.6,\n"
        "                                  max_features=0.4, random_state=0)\n",
        "class": "from sklearn.ensemble import GradientBoostingClassifier\n\n"
        "model = GradientBoostingClassifier(n_estimators=max(8, 80 // len(classes)),\n"
        "                                   learning_rate=0.07, subsample=0.6, max_features=0.4,\n"
        "                                   random_state=0)\n",
    },
}

_USE = {
    "value": "prediction = model.fit($X, y).predict($X_TEST)\n",
    "class": "chance = model.fit($X, y).predict_proba($X_TEST)\n",
}

_BLEND = {
    "value": """\
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import RidgeCV

linear = RidgeCV(np.logspace(-1, 4, 16)).fit(W, y).predict(W_test)
forest = RandomForestRegressor(60, min_samples_leaf=2, max_features=0.5, random_state=0)
prediction = (np.clip(linear, y.min(), y.max()) + forest.fit(X, y).predict(X_test)) / 2
""",
    "class": """\
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

linear = LogisticRegression(C=0.1, max_iter=300).fit(W, y).predict_proba(W_test)
forest = RandomForestClassifier(60, min_samples_leaf=2, random_state=0).fit(X, y)
chance = (linear + forest.predict_proba(X_test)) / 2
""",
}

_ENSEMBLE = {
    "value": """\
from sklearn.ensemble import ExtraTreesRegressor, GradientBoostingRegressor
from sklearn.linear_model import RidgeCV

linear = RidgeCV(np.logspace(-1, 4, 16)).fit(W, y).predict(W_test)
trees = ExtraTreesRegressor(60, min_samples_leaf=2, random_state=0).fit(W, y).predict(W_test)
boosted = GradientBoostingRegressor(n_estimators=80, learning_rate=0.07, subsample=0.6,
                                    max_features=0.4, random_state=0)
boosted = boosted.fit(X, y).predict(X_test)
prediction = 0.4 * np.clip(linear, y.min(), y.max()) + 0.3 * trees + 0.3 * boosted
""",
    "class": """\
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

linear = LogisticRegression(C=0.05, max_iter=300).fit(W, y).predict_proba(W_test)
trees = ExtraTreesClassifier(60, min_samples_leaf=2, random_state=0).fit(W, y)
forest = RandomForestClassifier(60, min_samples_leaf=2, random_state=1).fit(X, y)
chance = 0.4 * linear + 0.3 * trees.predict_proba(W_test) + 0.3 * forest.predict_proba(X_test)
""",
}

_EVEN_OUT = """\
chance = chance / share**$POWER  # the metric weighs rare classes more than their number
chance = chance / chance.sum(axis=1, keepdims=True)
"""

_FINISH = {
    "value": "",
    "rating": "prediction = np.clip(np.rint(prediction), y.min(), y.max()).astype(int)\n",
    "label": "prediction = classes[chance.argmax(axis=1)]\n",
    "probability": "prediction = np.clip(chance[:, 1], 0.001, 0.999)\n",
}

_WRITE = """\
pd.DataFrame({$ID: test[$ID], $TARGET: prediction}).to_csv("submission.csv", index=False)
"""

_WRITE_CHANCES = """\
chance = np.clip(chance, 0.001, 0.999)
answer = {$ID: test[$ID]}
for label, column in zip(classes, chance.T):
    answer[$PREFIX + label] = column
pd.DataFrame(answer).to_csv("submission.csv", index=False)
"""

_MODELLED = frozenset({"linear", "forest", "boosting", "blend", "ensemble"})
"""Rungs that look at the metric as well as at the data."""

_CENTRES = {"mae": "np.median", "mape": "np.median", "smape": "np.median"}
_POWERS = {"balanced_accuracy": "1.0", "f1_macro": "0.5", "f1": "0.5", "fbeta": "0.7", "mcc": "0.5"}


def ladder(question: Question, *, id_column: str, target: str) -> tuple[Baseline, ...]:
    """Write the scripts from weak to strong: dummy, one feature, ..., ensemble.

    Args:
        question: Metric and form of an answer.
        id_column: Name of the id column.
        target: Name of the target column in `train.csv`.
    """
    kind = "value" if question.answer in {"value", "rating"} else "class"
    one_feature = [_CODES, _ONE_FEATURE[kind], _ONE_FEATURE_BODY, _PREDICT_BEST[kind]]
    codes, hot = {"X": "X", "X_TEST": "X_test"}, {"X": "W", "X_TEST": "W_test"}
    use_codes, use_hot = (_filled(_USE[kind], names) for names in (codes, hot))
    models = {name: model[kind] for name, model in _MODELS.items()}
    middles: dict[str, Sequence[str]] = {
        "dummy": [_GUESS[kind]],
        "one_feature": one_feature,
        "nearest": [_RANKS, models["nearest"], use_hot],
        "linear": [_CODES, _ONE_HOT, models["linear"], use_hot],
        "forest": [_CODES, models["forest"], use_codes],
        "boosting": [_CODES, models["boosting"], use_codes],
        "blend": [_CODES, _ONE_HOT, _BLEND[kind]],
        "ensemble": [_CODES, _ONE_HOT, _WORDS, _ENSEMBLE[kind]],
    }
    names = _names(question, id_column=id_column, target=target)
    return tuple(
        Baseline(name, _filled("\n".join(_pieces(name, middle, question, kind)), names))
        for name, middle in middles.items()
    )


def _pieces(name: str, middle: Sequence[str], question: Question, kind: str) -> list[str]:
    """Put reading, model and writing together."""
    if kind == "class":
        weighed = name in _MODELLED and question.metric.name in _POWERS
        even_out = [_EVEN_OUT] if weighed else []
        if question.answer == "probabilities":
            return [_READ, _CLASSES, *middle, *even_out, _WRITE_CHANCES]
        return [_READ, _CLASSES, *middle, *even_out, _FINISH[question.answer], _WRITE]
    finish = [_FINISH[question.answer], _WRITE]
    if question.metric.name == "rmsle":
        back = "prediction = np.maximum(np.expm1(prediction), 0.0)\n"
        return [_READ, _LOG_VALUES, *middle, back, *finish]
    if question.metric.name in _CENTRES and name in _MODELLED:
        return [_READ, _VALUES, _LOG_IF_SKEWED, *middle, _BACK_IF_SKEWED, *finish]
    return [_READ, _VALUES, *middle, *finish]


def _names(question: Question, *, id_column: str, target: str) -> dict[str, str]:
    return {
        "ID": repr(id_column),
        "TARGET": repr(target),
        "PREFIX": repr(f"{target}_"),
        "DTYPE": "float" if question.answer in {"value", "rating"} else "str",
        "CENTRE": _CENTRES.get(question.metric.name, "np.mean"),
        "POWER": _POWERS.get(question.metric.name, "0.0"),
    }


def _filled(text: str, names: dict[str, str]) -> str:
    return Template(text).safe_substitute(names)
