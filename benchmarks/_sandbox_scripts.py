"""The scripts that `sandbox.py` times: what an agent's step looks like on a micro task."""

from __future__ import annotations

import importlib.util
import math

ROWS = 150
_TRAINED = 110


def table() -> dict[str, bytes]:
    """Return the public files of a small task: 150 rows, six columns."""
    lines = []
    for row in range(ROWS):
        a, b, c = math.sin(row), (row * 7 % 23) / 23, (row * 13 % 31) / 31
        y = int(a + b - c + 0.3 * math.sin(row * 5) > 0)
        lines.append((f"{row},{a:.5f},{b:.5f},{c:.5f},{'xyz'[row % 3]}", f",{y}\n"))
    train = "".join(features + target for features, target in lines[:_TRAINED])
    test = "".join(features + "\n" for features, _ in lines[_TRAINED:])
    return {
        "train.csv": f"id,a,b,c,kind,y\n{train}".encode(),
        "test.csv": f"id,a,b,c,kind\n{test}".encode(),
    }


_PIPELINE = """
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
{imported}
train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
numbers, kinds = ["a", "b", "c"], ["kind"]
columns = ColumnTransformer([("n", StandardScaler(), numbers), ("k", OneHotEncoder(), kinds)])
model = make_pipeline(columns, {model})
features, target = train[numbers + kinds], train["y"]
print(cross_val_score(model, features, target, cv=3).mean())
model.fit(features, target)
predicted = model.predict(test[numbers + kinds])
pd.DataFrame({{"id": test["id"], "y": predicted}}).to_csv("submission.csv", index=False)
"""

_TORCH = """
import pandas as pd
import torch

train, test = pd.read_csv("input/train.csv"), pd.read_csv("input/test.csv")
numbers = ["a", "b", "c"]
features = torch.tensor(train[numbers].to_numpy(), dtype=torch.float32)
target = torch.tensor(train[["y"]].to_numpy(), dtype=torch.float32)
model = torch.nn.Sequential(
    torch.nn.Linear(3, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(),
    torch.nn.Linear(32, 1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(100):
    optimizer.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(features), target)
    loss.backward()
    optimizer.step()
print(loss.item())
with torch.no_grad():
    predicted = model(torch.tensor(test[numbers].to_numpy(), dtype=torch.float32)) > 0
submission = pd.DataFrame({"id": test["id"], "y": predicted.flatten().int().numpy()})
submission.to_csv("submission.csv", index=False)
"""


def _pipeline(module: str, name: str, arguments: str) -> str:
    return _PIPELINE.format(imported=f"from {module} import {name}", model=f"{name}({arguments})")


TRIVIAL = "trivial"
SCRIPTS = {
    TRIVIAL: "print('hello')",
    "logistic": _pipeline("sklearn.linear_model", "LogisticRegression", ""),
    "lightgbm": _pipeline("lightgbm", "LGBMClassifier", "n_estimators=50, verbose=-1"),
    "hist_gradient_boosting": _pipeline(
        "sklearn.ensemble", "HistGradientBoostingClassifier", "max_iter=50"
    ),
    "random_forest": _pipeline("sklearn.ensemble", "RandomForestClassifier", "n_estimators=100"),
    "torch": _TORCH,
}
"""Code by name."""
MIX = ("random_forest", "hist_gradient_boosting", "lightgbm", "logistic")
"""The scripts of which the mix for throughput consists, each as often as the others."""
_NEEDS = {"lightgbm": "lightgbm", "torch": "torch"}


def installed() -> dict[str, str]:
    """Return those of `SCRIPTS` whose libraries this interpreter has."""
    return {
        name: code
        for name, code in SCRIPTS.items()
        if name not in _NEEDS or importlib.util.find_spec(_NEEDS[name])
    }


def held_still(code: str) -> str:
    """Return a script that, when it is done, writes the file `holding` and waits to be killed."""
    return f"{code}\nopen('holding', 'w').close()\nimport time\ntime.sleep(60)\n"
