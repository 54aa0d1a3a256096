"""What a fork server imports before it serves, and the small fits that load what imports do not.

Imports nothing but the standard library until it is told to.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
from collections.abc import Sequence
from pathlib import Path

TABLES = ("numpy", "pandas", "PIL.Image")
"""What scripts that look at data and write files want."""
SCIENTIFIC = (
    *TABLES,
    "scipy.stats",
    "scipy.sparse",
    "sklearn.compose",
    "sklearn.dummy",
    "sklearn.ensemble",
    "sklearn.feature_extraction.text",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.model_selection",
    "sklearn.naive_bayes",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "sklearn.svm",
    "sklearn.tree",
    "lightgbm",
)
"""What scripts that fit models want."""
TORCH = (*SCIENTIFIC, "torch", "torch.nn.functional", "torch.utils.data")
"""What scripts that use PyTorch want; it doubles the memory and the price of a fork."""


def preload(names: Sequence[str]) -> list[str]:
    """Import `names` and return those that are installed; the others are passed over."""
    found = [name for name in names if importlib.util.find_spec(name.partition(".")[0])]
    for name in found:
        importlib.import_module(name)
    rehearse(found)
    return found


def rehearse(names: Sequence[str]) -> None:
    """Do, in small, what scripts do with the modules `names`, which are imported."""
    if "pandas" in names:
        _handle_tables()
    if "sklearn.pipeline" in names:
        _fit_sklearn()
    if "lightgbm" in names:
        _fit_lightgbm()
    if "torch" in names:
        _fit_torch()


def threads() -> int:
    """Return the number of threads of this process; a fork of more than one can hang."""
    return len(list(Path("/proc/self/task").iterdir()))


def _handle_tables() -> None:
    import numpy as np
    import pandas as pd

    rows = "".join(f"{number},{number / 7},{'xyz'[number % 3]}\n" for number in range(60))
    table = pd.read_csv(io.StringIO("id,a,kind\n" + rows))
    table["b"] = np.log1p(table["a"]).fillna(0.0)
    means = table.groupby("kind")["b"].mean().reset_index()
    merged = table.merge(means, on="kind").sort_values("id")
    for shown in (merged.head(), table.describe(), table.dtypes, table["kind"].value_counts()):
        str(shown)
    merged[["id", "a"]].to_csv(os.devnull, index=False)


def _fit_sklearn() -> None:
    import numpy as np
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    table = pd.DataFrame({"a": np.arange(40.0), "b": np.tile([0.0, 1.0], 20)})
    table["kind"] = np.where(table["a"] % 3 > 1, "x", "y")
    target = (table["a"] > 20).to_numpy()
    models = (
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=2),
        RandomForestClassifier(2),
    )
    for model in models:
        columns = ColumnTransformer(
            [("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["kind"])]
        )
        cross_val_score(make_pipeline(columns, model), table, target, cv=2)


def _fit_lightgbm() -> None:
    import lightgbm
    import numpy as np

    features = np.arange(80.0).reshape(40, 2)
    target = (features[:, 0] > 40).astype(int)
    model = lightgbm.LGBMClassifier(n_estimators=2, min_child_samples=5, verbose=-1)
    model.fit(features, target).predict(features)


def _fit_torch() -> None:
    import torch

    torch.set_num_threads(1)
    layer = torch.nn.Linear(2, 1)
    # The first step of an optimizer imports torch._dynamo, which takes most of a second.
    optimizer = torch.optim.Adam(layer.parameters())
    layer(torch.zeros(4, 2)).sum().backward()
    optimizer.step()
