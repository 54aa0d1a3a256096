"""A set's tables against real ones: how varied they are, and whether they can be told apart."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from sandmle.store.layout import TaskDir
from sandmle.survey.facts import TaskFacts
from sandmle.survey.traits import TRAITS, table_traits

Floats = NDArray[np.float64]

BANDWIDTH = 0.3
"""Of the kernel between tables, in standard deviations of the real tables' traits."""


@cache
def real_tables() -> Floats:
    """Return the traits of 150 real tables, shape (150, 18).

    Measured by `benchmarks/real_tables.py` on tables of statistics textbooks and R packages.
    """
    text = files("sandmle.survey").joinpath("real_tables.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    return np.array([[float(row[name]) for name in TRAITS] for row in rows])


def tables_of(tasks: Iterable[TaskFacts]) -> Floats:
    """Return the traits of the training tables of tabular tasks with one target, shape (n, 18)."""
    found = [_traits(task.folder) for task in tasks if task.modality == "tabular"]
    return np.array([traits for traits in found if traits is not None]).reshape(-1, len(TRAITS))


def _traits(folder: TaskDir) -> Floats | None:
    task = folder.task
    path = folder.public / "train.csv"
    if len(task.submission.targets) != 1 or not path.is_file():
        return None
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    target = task.submission.targets[0].name
    if not rows or target not in rows[0]:
        return None
    names = [name for name in rows[0] if name not in (target, task.submission.id_column)]
    return table_traits(
        {name: [row[name] for row in rows] for name in names}, [row[target] for row in rows]
    )


def vendi(traits: Floats) -> float:
    """Return the effective number of different tables: from 1 to n (Friedman and Dieng 2023).

    The exponential of the entropy of the eigenvalues of a Gaussian kernel over the traits, in units
    of their spread among the real tables.
    """
    z = _standardised(traits)
    squared = ((z[:, None] - z[None]) ** 2).mean(axis=2)
    weights = np.linalg.eigvalsh(np.exp(-squared / (2 * BANDWIDTH**2)) / len(z))
    positive = weights[weights > 1e-12]
    return float(np.exp(-(positive * np.log(positive)).sum()))


def vendi_ratio(traits: Floats) -> float | None:
    """Return the Vendi score over that of as many real tables; None for fewer than 20 tables."""
    real = real_tables()
    count = min(len(traits), len(real))
    if count < 20:
        return None
    return vendi(_evenly(traits, count)) / vendi(_evenly(real, count))


def told_apart(traits: Floats) -> float | None:
    """Return the ROC AUC of a forest that tells these tables from real ones, cross-validated.

    0.5: it cannot; 1: it always can. None for fewer than 20 tables.
    """
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    real = real_tables()
    count = min(len(traits), len(real))
    if count < 20:
        return None
    x = np.vstack([_evenly(traits, count), _evenly(real, count)])
    made = np.repeat([1, 0], count)
    forest = RandomForestClassifier(200, min_samples_leaf=2, random_state=0, n_jobs=1)
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    chance = cross_val_predict(forest, x, made, cv=folds, method="predict_proba")[:, 1]
    return float(roc_auc_score(made, chance))


def distances(traits: Floats) -> dict[str, float]:
    """Return the Kolmogorov-Smirnov distance to the real tables of each trait."""
    real = real_tables()
    return {name: _ks(traits[:, i], real[:, i]) for i, name in enumerate(TRAITS)}


def _ks(a: Floats, b: Floats) -> float:
    at = np.sort(np.concatenate([a, b]))
    left = np.searchsorted(np.sort(a), at, side="right") / len(a)
    right = np.searchsorted(np.sort(b), at, side="right") / len(b)
    return float(np.abs(left - right).max())


def _standardised(traits: Floats) -> Floats:
    real = real_tables()
    z: Floats = (traits - real.mean(axis=0)) / real.std(axis=0)
    return np.clip(z, -4.0, 4.0)


def _evenly(rows: Floats, count: int) -> Floats:
    chosen: Sequence[int] = np.linspace(0, len(rows) - 1, count).round().astype(int).tolist()
    return rows[chosen]
