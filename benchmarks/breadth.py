"""Make a whole set in the paper's mix and hold it against the goals of breadth.

python benchmarks/breadth.py [--quick] [--json] [--count N] [--jobs J] [--seed S] [--out DIR]

Memory is that of the process that hands out the orders, at the first and at the last tenth of the
tasks; workers are left out. With --out the set is kept, and a second call only measures it.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from sandmle.generate import PAPER, Plan, generate_tasks
from sandmle.survey import Survey, survey


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="12 tasks")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--out", type=Path, help="keep the set here")
    options = parser.parse_args()
    count = 12 if options.quick else options.count
    with tempfile.TemporaryDirectory() as scratch:
        out = options.out or Path(scratch) / "set"
        cost = make(out, count, options.jobs, options.seed)
        found = survey(out)
        result = {**cost, **measures(found), "bytes_on_disk": on_disk(out)}
    result["goals"] = goals(result)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    for name, value in result.items():
        if name != "goals":
            print(f"{name:28} {value}")
    print(f"\n{'goal':44} {'wanted':>10} {'reached':>10}")
    for line in result["goals"]:
        mark = "" if line["met"] else "  SHORT"
        print(f"{line['goal']:44} {line['wanted']:>10} {line['reached']!s:>10}{mark}")


def make(out: Path, count: int, jobs: int, seed: int) -> dict[str, Any]:
    start, cpu = time.perf_counter(), children_seconds()
    memory: list[float] = []
    fresh = 0
    for outcome in generate_tasks(out, Plan(count=count, mix=PAPER), root_seed=seed, jobs=jobs):
        memory.append(own_mib())
        fresh += not outcome.resumed
    tenth = max(1, len(memory) // 10)
    return {
        "tasks_made": fresh,
        "jobs": jobs,
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(children_seconds() - cpu, 1),
        "cpu_s_per_task": round((children_seconds() - cpu) / max(1, fresh), 2),
        "memory_growth_mib": round(memory[-1] - sum(memory[:tenth]) / tenth, 1),
    }


def measures(found: Survey) -> dict[str, Any]:
    deviations = {
        axis: round(max(abs(here - there) for here, there in groups.values() if there), 1)
        for axis, groups in found.against_paper.items()
    }
    return {
        "tasks": found.tasks,
        "families": len(found.families),
        "max_family_share": found.max_family_share,
        "modalities_off_by": deviations["modalities"],
        "task_types_off_by": deviations["task_types"],
        "metrics": len(found.metrics),
        "domains": len(found.domains),
        "filled_cells": found.filled_cells,
        "distinct_rules_share": found.distinct_rules_share,
        "near_duplicate_share": found.near_duplicate_share,
        "alike_ladders_share": found.alike_ladders_share,
        "alike_pages_share": found.alike_pages_share,
        "tables": found.tables,
        "vendi_ratio": found.vendi_ratio,
        "c2st_auc": found.c2st_auc,
        "mean_ks": found.mean_ks,
        "first_draw_yield": found.first_draw_yield,
        "yield_3_attempts": found.yield_3_attempts,
        "lowest_family_yield": found.lowest_family_yield,
        "seeds_covered": found.seeds_covered,
        "skills_entropy": found.skills_entropy,
        "standard_gain_by_difficulty": found.standard_gain_by_difficulty,
        "against_paper": found.against_paper,
        "yields": {
            name: [part.orders, part.first_draw, dict(part.reasons)]
            for name, part in found.yields.items()
        },
    }


def goals(result: dict[str, Any]) -> list[dict[str, Any]]:
    """Hold what was measured against what a set of 1,000 tasks is to reach."""
    least = {
        "first_draw_yield": 0.90,
        "yield_3_attempts": 0.99,
        "lowest_family_yield": 0.85,
        "families": 30,
        "metrics": 15,
        "domains": 12,
        "filled_cells": 60,
        "distinct_rules_share": 0.95,
        "vendi_ratio": 0.80,
        "seeds_covered": 60,
    }
    most = {
        "max_family_share": 0.06,
        "modalities_off_by": 3.0,
        "task_types_off_by": 3.0,
        "near_duplicate_share": 0.01,
        "c2st_auc": 0.75,
        "cpu_s_per_task": 3.0,
        "wall_s": 3_600,
        "bytes_on_disk": 500_000_000,
    }
    lines = []
    for bounds, sign in ((least, 1), (most, -1)):
        for name, bound in bounds.items():
            value = result[name]
            lines.append(
                {
                    "goal": name,
                    "wanted": f"{'>=' if sign > 0 else '<='} {bound:g}",
                    "reached": value,
                    "met": value is not None and sign * value >= sign * bound,
                }
            )
    return lines


def children_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(part.ru_utime + part.ru_stime for part in used)


def own_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def on_disk(folder: Path) -> int:
    """Return the bytes of the blocks that a folder takes."""
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))


if __name__ == "__main__":
    main()
