"""What a step costs under Slurm: one host per node that stays, beside one `srun` for each step.

    python benchmarks/slurm.py [--quick] [--json]

Four ways, in turns: the sandbox `slurm`; the sandbox it runs on the node, used on this machine; an
`srun` per step that is waited for; an `srun` per step whose status is looked at every 2 seconds.
The last two run a plain `python script.py` without any isolation. Where no Slurm answers, one of
this machine alone is started; its queue is empty, so the `srun` ways are at their best.
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
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sandmle.core.execution import Sandbox, SandboxSession
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox
from sandmle.sandbox.slurm import SlurmSandbox
from sandmle.testing.slurm import OneMachineSlurm, missing

BACKEND = "warm"
POLL_SECONDS = 2.0
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
def sandboxed(sandbox: Sandbox) -> Iterator[Runner]:
    """A session of a sandbox."""
    with sandbox, sandbox.open({"train.csv": TRAIN.encode()}, Limits()) as session:
        yield lambda code: succeed(session, code)


def succeed(session: SandboxSession, code: str) -> None:
    """Run code and stop the benchmark if it fails."""
    execution = session.run(code)
    if not execution.ok:
        raise RuntimeError(execution.stderr)


@contextmanager
def srun_per_step(*, poll_seconds: float | None) -> Iterator[Runner]:
    """An `srun` for each step, in a folder that the nodes must share."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "input").mkdir()
        Path(folder, "input", "train.csv").write_text(TRAIN)
        script = Path(folder, "script.py")
        command = ["srun", "--quiet", "--ntasks=1", f"--chdir={folder}", sys.executable]

        def run(code: str) -> None:
            script.write_text(code)
            with subprocess.Popen(
                [*command, str(script)],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            ) as process:
                while poll_seconds is not None and process.poll() is None:
                    time.sleep(poll_seconds)
                said = process.communicate()[1].decode()
            if process.returncode != 0:
                raise RuntimeError(said)

        yield run


@contextmanager
def cluster() -> Iterator[tuple[str, str | None]]:
    """A Slurm for the environment of this process: its kind, and where its nodes reach us."""
    existing = subprocess.run(["sinfo", "--noheader"], capture_output=True, check=False)
    if existing.returncode == 0 and existing.stdout:
        yield "one that was there", None
        return
    with (
        tempfile.TemporaryDirectory() as folder,
        OneMachineSlurm(Path(folder) / "slurm", cpus=4) as slurm,
    ):
        os.environ.update(slurm.environment)
        yield "of this machine alone", "127.0.0.1"


def measure(
    rounds: int, *, address: str | None, script_seconds: float
) -> dict[str, dict[str, float]]:
    """Return median milliseconds by script and way, of fewer rounds on a slow machine."""
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        ways = {
            "slurm": stack.enter_context(
                sandboxed(SlurmSandbox(slots=1, backend=BACKEND, address=address))
            ),
            "here": stack.enter_context(sandboxed(make_sandbox(BACKEND, slots=1))),
            "srun": stack.enter_context(srun_per_step(poll_seconds=None)),
            "polled": stack.enter_context(srun_per_step(poll_seconds=POLL_SECONDS)),
        }
        for script, code in SCRIPTS.items():
            times: dict[str, list[float]] = {name: [] for name in ways}
            deadline = time.monotonic() + script_seconds
            for number in range(rounds + 1):
                if number > 1 and time.monotonic() > deadline:
                    break
                for name, run in ways.items():
                    if name == "polled" and not number:
                        continue
                    start = time.perf_counter()
                    run(code)
                    if number:  # the first round fills caches
                        times[name].append((time.perf_counter() - start) * 1_000)
            found[script] = {name: statistics.median(taken) for name, taken in times.items()}
    return found


def absent() -> str:
    """Say what is missing for this benchmark; empty where it can run."""
    existing = os.environ.get("SLURM_CONF") or Path("/etc/slurm/slurm.conf").exists()
    return "" if existing else missing()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="at most 3 rounds instead of 15")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    if reason := absent():
        print(json.dumps({"skipped": reason}) if options.json else f"not measured: {reason}")
        return
    with cluster() as (kind, address):
        milliseconds = measure(
            3 if options.quick else 15,
            address=address,
            script_seconds=10 if options.quick else 120,
        )
    report = {
        "ms": milliseconds,
        "polled_to_slurm": {name: m["polled"] / m["slurm"] for name, m in milliseconds.items()},
        "srun_to_slurm": {name: m["srun"] / m["slurm"] for name, m in milliseconds.items()},
        "slurm_over_here_ms": {name: m["slurm"] - m["here"] for name, m in milliseconds.items()},
        "slurm": kind,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Linux {platform.release()}",
    }
    if options.json:
        print(json.dumps(report))
        return
    columns = ("slurm", "here", "srun", "polled")
    print(f"{'ms per step':<12}" + "".join(f"{name:>9}" for name in columns) + "   polled/slurm")
    for script, found in milliseconds.items():
        row = "".join(f"{found[name]:9.1f}" for name in columns)
        print(f"{script:<12}{row}{found['polled'] / found['slurm']:14.1f}x")


if __name__ == "__main__":
    main()
