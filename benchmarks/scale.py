"""What size costs: the same strong script on a micro task and on 100 times its training rows.

python benchmarks/scale.py [--quick] [--json] [--times N] [--family NAME ...]

The script is the ladder's strongest rung but one or the one that earns most on the micro task; it
runs as an agent's step does, in the warm fork server, with one thread. `ratio` is processor time on
the large task over that on the micro task. The paper's ratio is 13.7: 196.17 s for a step on
competition data, 14.31 s on its micro tasks.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.generate import Plan, Tools, orders
from sandmle.seeds import get_seed
from sandmle.verify.context import Context
from sandmle.verify.ladder import run_rungs

TIMES = 100
FULL = (
    "audio/events",
    "graph/molecule",
    "image/count",
    "image/presence",
    "image/texture",
    "multimodal/listing",
    "tabular/groups",
    "tabular/imbalanced",
    "tabular/price",
    "text/morph",
    "text/essay",
    "timeseries/sensors",
)
QUICK = ("tabular/groups", "tabular/price")
STEP_SECONDS = 500.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="two families, 20 times the rows")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--times", type=int, help="training rows for each one of the micro task")
    parser.add_argument("--family", action="append", default=[], help="only this family")
    options = parser.parse_args()
    times = options.times or (20 if options.quick else TIMES)
    wanted = QUICK if options.quick else FULL
    names = options.family or [n for n in FAMILIES.names() if n.rpartition("-")[0] in wanted]
    families = {}
    with Tools.open() as tools:
        for name in names:
            families[name] = measure(name, times, tools)
            if not options.json:
                print(f"{name:28} {families[name]}", flush=True)
    ratios = sorted(f["ratio"] for f in families.values() if f["ratio"] is not None)
    result = {
        "times": times,
        "families_measured": len(ratios),
        "ratio_median": ratios[len(ratios) // 2] if ratios else None,
        "families": families,
    }
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        print(f"median ratio {result['ratio_median']} with {times} times the training rows")


def measure(name: str, times: int, tools: Tools) -> dict[str, Any]:
    order = orders(Plan(count=1, families=(name,), difficulties=(1,)))[0]
    dna, seed = get_seed(order.seed_id).dna(), order.seed(5, 0)
    family = FAMILIES.get(name)
    micro = family.draft(dna, seed, difficulty=1)
    best = strongest(micro, tools)
    large = family.draft(dna, seed, difficulty=1, train=times)
    small_seconds, _ = run(micro, best, tools)
    large_seconds, error = run(large, best, tools)
    return {
        "script": best,
        "train_rows": [micro.train_rows, large.train_rows],
        "cpu_s": [round(small_seconds, 3), round(large_seconds, 3)],
        "ratio": None if error else round(large_seconds / small_seconds, 1),
        "error": error,
    }


def strongest(draft: TaskDraft, tools: Tools) -> str:
    context = Context(draft)
    rungs = [r for r in run_rungs(draft, draft.ladder, tools.sandbox, context.grader) if r.score]
    sign = 1 if context.metric.higher_is_better else -1
    return max(rungs, key=lambda rung: sign * (rung.score or 0.0)).name


def run(draft: TaskDraft, rung: str, tools: Tools) -> tuple[float, str | None]:
    limits = draft.limits.model_copy(
        update={"step_seconds": STEP_SECONDS, "memory_mib": 8_192, "disk_mib": 4_096}
    )
    roomy = replace(draft, limits=limits)
    scripts = [baseline for baseline in draft.ladder if baseline.name == rung]
    found = run_rungs(roomy, scripts, tools.sandbox, Context(draft).grader)[0]
    return found.cpu_seconds, found.error


if __name__ == "__main__":
    main()
