"""What a sandbox costs: wall time per run of each backend and of a plain `python script.py`.

All are measured side by side, in turns, in one process, so that the ratios hold on any machine.

    python benchmarks/sandbox.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandmle.core.execution import SandboxSession
from sandmle.core.task import Limits
from sandmle.sandbox import UnisolatedWarning, make_sandbox

TRAIN = "a,b,kind,y\n" + "".join(
    f"{n % 17},{n * 7 % 23},{'xyz'[n % 3]},{int((n % 17) * 2 > n % 23)}\n" for n in range(150)
)
SCRIPTS = {
    "trivial": "print('hello')",
    "sklearn": """
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
train = pd.read_csv("input/train.csv")
columns = ColumnTransformer([("n", StandardScaler(), ["a", "b"]), ("c", OneHotEncoder(), ["kind"])])
model = make_pipeline(columns, LogisticRegression())
features = train[["a", "b", "kind"]]
print(cross_val_score(model, features, train["y"], cv=3).mean())
model.fit(features, train["y"])
train.assign(y=model.predict(features)).to_csv("submission.csv", index=False)
""",
}

Runner = Callable[[str], None]


@contextmanager
def plain() -> Iterator[Runner]:
    """A new interpreter in a folder of its own, without any isolation."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "input").mkdir()
        Path(folder, "input", "train.csv").write_text(TRAIN)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

        def run(code: str) -> None:
            script = Path(folder, "script.py")
            script.write_text(code)
            subprocess.run(
                [sys.executable, "-I", script],
                cwd=folder,
                env=environment,
                check=True,
                capture_output=True,
            )

        yield run


@contextmanager
def sandboxed(name: str) -> Iterator[Runner]:
    """A session of a backend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnisolatedWarning)
        sandbox = make_sandbox(name, slots=1, allow_unisolated=True)
    with sandbox, sandbox.open({"train.csv": TRAIN.encode()}, Limits()) as session:
        yield lambda code: _succeed(session, code)


def _succeed(session: SandboxSession, code: str) -> None:
    execution = session.run(code)
    if not execution.ok:
        raise RuntimeError(execution.stderr)


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return median milliseconds by script and runner."""
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        runners = {
            "plain": stack.enter_context(plain()),
            "cold": stack.enter_context(sandboxed("cold")),
            "unsafe": stack.enter_context(sandboxed("unsafe")),
        }
        for script, code in SCRIPTS.items():
            times: dict[str, list[float]] = {name: [] for name in runners}
            for number in range(rounds + 1):
                for name, run in runners.items():
                    start = time.perf_counter()
                    run(code)
                    if number:  # the first round fills caches
                        times[name].append((time.perf_counter() - start) * 1_000)
            found[script] = {name: statistics.median(taken) for name, taken in times.items()}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="5 rounds instead of 25")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    milliseconds = measure(5 if options.quick else 25)
    report = {
        "ms": milliseconds,
        "cold_to_plain": {name: m["cold"] / m["plain"] for name, m in milliseconds.items()},
        "unsafe_to_plain": {name: m["unsafe"] / m["plain"] for name, m in milliseconds.items()},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
    }
    if options.json:
        print(json.dumps(report))
        return
    print(f"{'ms per run':<12}{'plain':>9}{'cold':>9}{'unsafe':>9}{'cold/plain':>13}")
    for script, found in milliseconds.items():
        row = "".join(f"{found[name]:9.1f}" for name in ("plain", "cold", "unsafe"))
        print(f"{script:<12}{row}{found['cold'] / found['plain']:12.2f}x")


if __name__ == "__main__":
    main()
