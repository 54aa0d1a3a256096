"""Yield and cost of making tasks: how many first draws pass, and what a task costs.

python benchmarks/authoring.py [--quick] [--json] [--draws N] [--seed S] [--family NAME ...]

`paper_rule_yield_mean` is the baseline, measured on the same ladders: the share of first draws
whose named rungs rise strictly, which is what the paper asks of its thresholds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.core.verdict import VerifyReport
from sandmle.generate import Order, Plan, Tools, draw, orders
from sandmle.seeds import get_seed

QUICK_DRAWS = 2
FULL_DRAWS = 20
_NAMED = ("naive", "standard", "strong", "expert")
_TICKS_PER_SECOND = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_DRAWS} draws per family")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--draws", type=int, help="draws per family")
    parser.add_argument("--seed", type=int, default=7, help="root seed of the draws")
    parser.add_argument("--family", action="append", default=[], help="only this family")
    options = parser.parse_args()
    draws = options.draws or (QUICK_DRAWS if options.quick else FULL_DRAWS)
    names = options.family or FAMILIES.names()
    with Tools.open() as tools:
        warm_up(tools)
        families = {name: measure_family(name, draws, options.seed, tools) for name in names}
    result = summary(families)
    print(json.dumps(result, indent=1) if options.json else table(result))


def warm_up(tools: Tools) -> None:
    """Start the fork server and the second process, whose imports are no task's cost."""
    order = orders(Plan(count=1, families=(FAMILIES.names()[-1],)))[0]
    one_draw(order, 0, tools)


def one_draw(order: Order, root_seed: int, tools: Tools) -> VerifyReport:
    family, dna = FAMILIES.get(order.family), get_seed(order.seed_id).dna()

    def author(attempt: int) -> TaskDraft:
        return family.draft(dna, order.seed(root_seed, attempt), difficulty=order.difficulty)

    return draw(author, tools, max_attempts=1).report


def measure_family(name: str, draws: int, root_seed: int, tools: Tools) -> dict[str, Any]:
    """Draw tasks of one family, over its levels and the seeds that fit it."""
    passed, paper, ladder, reasons = 0, 0, 0.0, Counter[str]()
    alarms = 0
    start, wall = cpu_seconds(), time.perf_counter()
    for order in orders(Plan(count=draws, families=(name,))):
        report = one_draw(order, root_seed, tools)
        passed += report.passed
        paper += rises(report)
        ladder += sum(rung.cpu_seconds for rung in report.rungs)
        reasons.update(report.reasons)
        alarms += any(not reason.startswith("ladder.") for reason in report.reasons)
    return {
        "draws": draws,
        "first_draw_yield": round(passed / draws, 4),
        "paper_rule_yield": round(paper / draws, 4),
        "alarms_besides_ladder": alarms,
        "ladder_cpu_s": round(ladder / draws, 3),
        "author_verify_cpu_s": round((cpu_seconds() - start) / draws, 3),
        "wall_s": round((time.perf_counter() - wall) / draws, 3),
        "reasons": dict(reasons.most_common()),
    }


def rises(report: VerifyReport) -> bool:
    """Say whether the named rungs rise strictly, as the paper has it."""
    gains = {rung.name: rung.gain for rung in report.rungs if rung.gain is not None}
    named = [gains.get(name) for name in _NAMED]
    return all(a is not None and b is not None and a < b for a, b in pairwise(named))


def summary(families: dict[str, dict[str, Any]]) -> dict[str, Any]:
    def mean(key: str) -> float:
        total: float = sum(family[key] for family in families.values())
        return round(total / len(families), 4)

    rejects = Counter[str]()
    for family in families.values():
        rejects.update(family["reasons"])
    cpu_of_a_task = mean("author_verify_cpu_s") / max(mean("first_draw_yield"), 1e-9)
    return {
        "first_draw_yield_mean": mean("first_draw_yield"),
        "first_draw_yield_min": min(family["first_draw_yield"] for family in families.values()),
        "paper_rule_yield_mean": mean("paper_rule_yield"),
        "ladder_cpu_s_mean": mean("ladder_cpu_s"),
        "author_verify_cpu_s_mean": mean("author_verify_cpu_s"),
        "tasks_per_core_hour": round(3600 / cpu_of_a_task),
        "rejects": dict(rejects.most_common()),
        "families": families,
    }


def cpu_seconds() -> float:
    """Return the processor time of this process and of all that descend from it."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        ticks[pid] = sum(int(value) for value in fields[11:15])
    mine = {int(Path("/proc/self").resolve().name)}
    size = 0
    while size != len(mine):
        size = len(mine)
        mine |= {pid for pid, parent in parents.items() if parent in mine}
    return sum(ticks.get(pid, 0) for pid in mine) / _TICKS_PER_SECOND


def table(result: dict[str, Any]) -> str:
    columns = ("yield", "paper", "alarms", "ladder", "all cpu")
    lines = [f"{'family':24} " + " ".join(f"{name:>7}" for name in columns) + "  reasons"]
    for name, family in result["families"].items():
        reasons = ", ".join(f"{reason} {count}" for reason, count in family["reasons"].items())
        lines.append(
            f"{name:24} {family['first_draw_yield']:7.2f} {family['paper_rule_yield']:7.2f} "
            f"{family['alarms_besides_ladder']:7d} {family['ladder_cpu_s']:6.2f}s "
            f"{family['author_verify_cpu_s']:6.2f}s  {reasons}"
        )
    lines += [
        f"first draw {result['first_draw_yield_mean']:.3f}, lowest family "
        f"{result['first_draw_yield_min']:.2f}; by the paper's rule "
        f"{result['paper_rule_yield_mean']:.3f}",
        f"ladder {result['ladder_cpu_s_mean']:.2f} CPU-s, author and verification with it "
        f"{result['author_verify_cpu_s_mean']:.2f} CPU-s; "
        f"{result['tasks_per_core_hour']} tasks per core-hour",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
