"""Eighteen numbers that say what a table is like, so that sets of tables can be compared."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TRAITS = (
    "columns",
    "share_of_labels",
    "labels_per_column",
    "missing",
    "skew",
    "kurtosis",
    "ties",
    "whole_numbers",
    "correlation",
    "effective_rank",
    "target_tail",
    "imbalance",
    "linear",
    "neighbours",
    "tree",
    "forest",
    "forest_over_linear",
    "top_column",
)
ROWS = 150
"""Rows that are looked at: ties, tails and scores depend on their number."""


def table_traits(columns: Mapping[str, Sequence[str]], target: Sequence[str]) -> Floats | None:
    """Measure a table.

    Args:
        columns: Cells of each column as text, without ids; an empty cell is missing.
        target: Cells of the column to predict.

    Returns:
        Shape (18,), in the order of `TRAITS`; None where there are fewer than 50 rows, no column,
        or a target that does not vary.
    """
    rows = min(len(target), ROWS)
    numbers = {name: _numbers(cells[:rows]) for name, cells in columns.items()}
    numeric = [values for values in numbers.values() if values is not None]
    labels = [
        [str(cell) for cell in columns[name][:rows]]
        for name, values in numbers.items()
        if values is None
    ]
    answer = _numbers(target[:rows])
    kinds = np.unique(np.asarray(target[:rows], dtype=str), return_inverse=True)[1]
    classes = answer is None or len(np.unique(answer)) <= 10
    if rows < 50 or not columns or len(np.unique(kinds)) < 2:
        return None
    y = kinds.astype(float) if answer is None else np.nan_to_num(answer)
    x = _design(numeric, labels, rows)
    scores, top = _landmarks(x, kinds.astype(np.float64) if classes else y, classes=classes)
    shares = np.bincount(kinds) / rows
    centre, spread = np.median(y), float(np.percentile(y, 75) - np.percentile(y, 25))
    known = [values[~np.isnan(values)] for values in numeric]
    known = [values for values in known if len(values) > 5 and values.std() > 0]
    found = [
        np.log(len(columns)),
        len(labels) / len(columns),
        np.log1p(np.mean([len(set(cells)) for cells in labels])) if labels else 0.0,
        np.mean([np.isnan(values).mean() for values in numeric]) if numeric else 0.0,
        _mean([_moment(values, 3) for values in known]),
        _mean([_moment(values, 4) for values in known]),
        _mean([1 - len(np.unique(values)) / len(values) for values in known]),
        _mean([float((values == np.round(values)).mean()) for values in known]),
        *_dependence(numeric),
        0.0 if classes else np.log1p((np.percentile(y, 99) - centre) / (spread or 1.0)),
        float(shares.max() * len(shares)) if classes else 0.0,
        *scores,
        scores[3] - scores[0],
        top,
    ]
    return np.nan_to_num(np.array(found, dtype=np.float64), posinf=0.0, neginf=0.0)


def _numbers(cells: Sequence[str]) -> Floats | None:
    if not any(cells):
        return None
    try:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else 0.0


def _moment(values: Floats, order: int) -> float:
    z = (values - values.mean()) / values.std()
    raw = float((z**order).mean())
    return float(np.sign(raw) * np.log1p(abs(raw)))


def _dependence(numeric: list[Floats]) -> tuple[float, float]:
    """Return mean absolute rank correlation, and effective rank over the number of columns."""
    usable = [v for v in numeric if np.nanstd(v) > 0]
    if len(usable) < 2:
        return 0.0, 1.0
    ranks = [np.argsort(np.argsort(np.nan_to_num(v, nan=np.nanmedian(v)))) for v in usable]
    matrix: Floats = np.atleast_2d(np.corrcoef(np.array(ranks, dtype=np.float64)))
    off = np.abs(matrix[np.triu_indices(len(matrix), 1)])
    weight = np.clip(np.linalg.eigvalsh(matrix), 1e-12, None)
    weight /= weight.sum()
    return float(off.mean()), float(np.exp(-(weight * np.log(weight)).sum()) / len(matrix))


def _design(numeric: list[Floats], labels: list[list[str]], rows: int) -> Floats:
    parts = [np.nan_to_num(v, nan=float(np.nanmedian(v)))[:, None] for v in numeric]
    for cells in labels:
        codes = np.unique(np.asarray(cells, dtype=str), return_inverse=True)[1]
        parts.append(codes[:, None].astype(np.float64))
    return np.hstack(parts) if parts else np.zeros((rows, 1))


def _landmarks(x: Floats, y: Floats, *, classes: bool) -> tuple[tuple[float, ...], float]:
    """Score four quick models on every third row; 0 is as good as a constant, 1 perfect."""
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    def scaled(model: Any) -> Any:
        return make_pipeline(
            QuantileTransformer(n_quantiles=50, output_distribution="normal"), model
        )

    forest = {"n_estimators": 30, "min_samples_leaf": 3, "random_state": 0, "n_jobs": 1}
    models: tuple[tuple[Any, Any], ...] = (
        (scaled(LogisticRegression(max_iter=200)), scaled(Ridge(1.0))),
        (scaled(KNeighborsClassifier(7)), scaled(KNeighborsRegressor(7))),
        (
            DecisionTreeClassifier(max_depth=4, random_state=0),
            DecisionTreeRegressor(max_depth=4, random_state=0),
        ),
        (RandomForestClassifier(**forest), RandomForestRegressor(**forest)),
    )
    asked = np.arange(len(y)) % 3 == 0
    if not classes:
        y = np.argsort(np.argsort(y)) / len(y)
    elif len(np.unique(y[~asked])) < 2:
        return (0.0, 0.0, 0.0, 0.0), 0.0
    scores = []
    for pair in models:
        with warnings.catch_warnings():
            # as far as the steps go: a trait, not a model that is to be used
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = pair[0 if classes else 1].fit(x[~asked], y[~asked])
        scores.append(_skill(y[~asked], y[asked], model.predict(x[asked]), classes=classes))
    importance = model.feature_importances_
    return tuple(scores), float(importance.max())


def _skill(known: Floats, truth: Floats, guess: Floats, *, classes: bool) -> float:
    if classes:
        labels, counts = np.unique(known, return_counts=True)
        base = float((truth == labels[counts.argmax()]).mean())
        return (float((truth == guess).mean()) - base) / max(1.0 - base, 0.05)
    rest = float(((truth - guess) ** 2).mean())
    return 1.0 - rest / max(float(((truth - known.mean()) ** 2).mean()), 1e-9)
