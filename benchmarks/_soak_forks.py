"""Scripts whose libraries have threads of their own: after a fork, each could hang.

Some ask for threads, as agents' scripts do. Each prints "ok".
"""

from __future__ import annotations

_DATA = """
import numpy as np
rng = np.random.default_rng(0)
table, target = rng.normal(size=(120, 5)), rng.integers(0, 2, 120)
"""

FORK_SCRIPTS = {
    "hist_gradient_boosting": _DATA
    + """
from sklearn.ensemble import HistGradientBoostingClassifier
model = HistGradientBoostingClassifier(max_iter=5).fit(table, target)
print("ok" if model.predict(table).shape == (120,) else "wrong")
""",
    "random_forest": _DATA
    + """
from sklearn.ensemble import RandomForestClassifier
model = RandomForestClassifier(5, n_jobs=-1).fit(table, target)
print("ok" if model.predict(table).shape == (120,) else "wrong")
""",
    "kmeans": _DATA
    + """
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
with threadpool_limits(2):
    print("ok" if KMeans(3, n_init=1).fit(table).labels_.shape == (120,) else "wrong")
""",
    "lightgbm": _DATA
    + """
import lightgbm
for threads in (None, 2):
    model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=threads, verbose=-1).fit(table, target)
print("ok" if model.booster_.predict(table).shape == (120,) else "wrong")
""",
    "openblas": _DATA
    + """
from threadpoolctl import threadpool_limits
square = rng.normal(size=(300, 300))
with threadpool_limits(2):
    close = np.allclose(square @ np.linalg.solve(square, np.eye(300)), np.eye(300), atol=1e-6)
print("ok" if close else "wrong")
""",
    "torch": """
import torch
torch.set_num_threads(2)
model = torch.nn.Sequential(torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 1))
optimizer = torch.optim.Adam(model.parameters())
table = torch.randn(512, 64)
for _ in range(3):
    optimizer.zero_grad()
    model(table).square().mean().backward()
    optimizer.step()
print("ok" if model(table).shape == (512, 1) else "wrong")
""",
}
"""Code by name; the last ones need libraries of their name."""
NEEDS = {"lightgbm": "lightgbm", "torch": "torch"}
