"""Real tables that every installation has: scikit-learn's, each asked in many ways.

Any column can be the one to predict, some columns are left out, numbers are cut into named classes
and cells are emptied, so that four tables give many tasks. For training: the rows are the same
whatever the seed, so that nothing can be measured on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np
import pandas as pd

from sandmle.core.seeding import Streams

TABLES = ("breast_cancer", "diabetes", "iris", "wine")
_WORDS = ("low", "middle", "high", "top")
_FEWEST = 4
"""Columns that are left at least, the target not counted."""
_MEASURED = 10
"""Numbers with more different values than these can be cut into classes."""


def bundled_tables(*, seed: int) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Yield tables without end: a name of their own, the columns, and the one to predict.

    Args:
        seed: Of everything that is drawn.
    """
    whole = {name: _load(name) for name in TABLES}
    for index in count():
        rng = Streams(seed).rng("bundled", str(index))
        name = TABLES[int(rng.integers(len(TABLES)))]
        frame, target = _asked(whole[name], rng)
        yield f"{index:04d}-{name.replace('_', '-')}", frame, target


def _load(name: str) -> pd.DataFrame:
    from sklearn import datasets

    options: dict[str, Any] = {"scaled": False} if name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{name}")(as_frame=True, **options)
    frame: pd.DataFrame = bunch.frame.rename(columns=lambda text: text.split(" (")[0])
    if name != "diabetes":
        frame["target"] = np.array([str(word) for word in bunch.target_names])[frame["target"]]
    return frame


def _asked(whole: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, str]:
    """Choose target and columns; write some as words, and empty some cells."""
    names = [str(name) for name in whole.columns]
    target = "target" if rng.random() < 0.3 else names[int(rng.integers(len(names)))]
    others = [name for name in names if name != target]
    kept = int(rng.integers(min(_FEWEST, len(others)), min(len(others), 16) + 1))
    chosen = [others[int(i)] for i in sorted(rng.permutation(len(others))[:kept])]
    frame = whole[[*chosen, target]].copy()
    if _measured(frame[target]) and rng.random() < 0.45:
        frame[target] = _in_classes(frame[target], int(rng.integers(2, 5)))
    for name in chosen:
        if _measured(frame[name]) and rng.random() < 0.2:
            frame[name] = _in_classes(frame[name], int(rng.integers(2, 5)))
        if rng.random() < 0.15:
            frame[name] = frame[name].where(rng.random(len(frame)) > rng.uniform(0.03, 0.2))
    return frame, target


def _measured(values: pd.Series[Any]) -> bool:
    return values.dtype.kind == "f" and values.nunique() > _MEASURED


def _in_classes(values: pd.Series[float], classes: int) -> pd.Series[str]:
    """Cut numbers at quantiles and name the parts; few, where many values are equal."""
    codes = pd.qcut(values, classes, labels=False, duplicates="drop")
    return codes.map(lambda code: _WORDS[int(code)])
