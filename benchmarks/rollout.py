"""Episodes per minute, where their time goes, and what the driver's memory does.

    python benchmarks/rollout.py [--quick] [--json] [--executor local|ray|both] [--tasks DIR]

Plays scripted episodes (no model: what remains is this project's own cost and the agents' code)
on generated tasks in the sandbox `warm`. With `both`, the same episodes are played in this process
and on a Ray cluster of this machine, and their grades are compared byte for byte. `--quick` takes
the tiny task of the tests, whose scripts import nothing, so that overhead shows at its largest.

`overhead_share` is the wall time of grading and of this project's own code over that of all but
waiting for places. With more episodes than cores it holds what the driver waits for processors that
agents' code has; `--concurrency 1` is without that. `driver_cpu_share` is the driver's processor
time, of all that the machine has.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandmle.core.episode import Episode, Timings
from sandmle.generate import Plan, generate_tasks
from sandmle.rollout import Executor, LocalExecutor, RunSettings, open_setup, run_groups
from sandmle.sandbox import make_sandbox
from sandmle.store import TaskDir, TaskSet
from sandmle.store.artefacts import Artefacts
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.tiny_task import tiny_task

SEED = 7
_WARM_UP = 0.2
"""Share of the episodes after which the driver's memory is first looked at: by then every library
has been imported and every pool is full."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="tiny tasks, 60 episodes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--executor", choices=("local", "ray", "both"), default="local")
    parser.add_argument("--tasks", type=Path, help="a folder of tasks; default: generate them")
    parser.add_argument("--count", type=int, default=100, help="tasks to generate")
    parser.add_argument("--group-size", type=int, default=10)
    parser.add_argument(
        "--concurrency", type=int, default=2 * _cores(), help="episodes at once, without Ray"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sandmle-rollout-") as folder:
        work = Path(folder)
        tasks = _tasks(options, work)
        settings = RunSettings(group_size=6 if options.quick else options.group_size, seed=SEED)
        executors = ("local", "ray") if options.executor == "both" else (options.executor,)
        results = {
            name: asyncio.run(
                play(name, tasks, settings, work / name, concurrency=options.concurrency)
            )
            for name in executors
        }
    report: dict[str, Any] = {"tasks": len(tasks), "cores": _cores()}
    if len(results) == 1:
        report |= next(iter(results.values()))
    else:
        report |= results
        report["same_grades"] = len({result["grades_sha256"] for result in results.values()}) == 1
    print(json.dumps(report) if options.json else json.dumps(report, indent=1))


def _tasks(options: argparse.Namespace, work: Path) -> list[TaskDir]:
    if options.tasks is not None:
        return list(TaskSet.open(options.tasks))
    if options.quick:
        return [tiny_task(work / "tasks" / f"{n}", name=f"tiny{n}") for n in range(10)]
    for _ in generate_tasks(
        work / "tasks", Plan(count=options.count), root_seed=SEED, jobs=_cores()
    ):
        pass
    return list(TaskSet.open(work / "tasks"))


@dataclass
class _Watch:
    """What is noted while episodes come in."""

    expected: int
    began: float = field(default_factory=time.monotonic)
    played: int = 0
    rss_mib: list[float] = field(default_factory=list)

    def __call__(self, episode: Episode) -> None:
        self.played += 1
        if (
            self.played >= _WARM_UP * self.expected
            and self.played % max(1, self.expected // 50) == 0
        ):
            gc.collect()
            self.rss_mib.append(_rss_mib())


async def play(
    executor: str,
    tasks: Sequence[TaskDir],
    settings: RunSettings,
    out: Path,
    *,
    concurrency: int,
) -> dict[str, Any]:
    """Play the run in one way and say what it took."""
    watch = _Watch(len(tasks) * settings.group_size)
    path = out / "episodes.jsonl"
    async with AsyncExitStack() as stack:
        log = stack.enter_context(EpisodeLog(path))
        if executor == "ray":
            from sandmle.rollout.ray_executor import RayExecutor

            plays: Executor = RayExecutor(settings)
        else:
            sandbox = stack.enter_context(make_sandbox("warm"))
            setup = await stack.enter_async_context(
                open_setup(settings, sandbox, concurrency=concurrency)
            )
            plays = LocalExecutor(setup)
        watch.began, cpu = time.monotonic(), time.process_time()
        await run_groups(
            tasks,
            plays,
            group_size=settings.group_size,
            log=log,
            artefacts=Artefacts(out / "artefacts"),
            on_episode=watch,
        )
        seconds, cpu = time.monotonic() - watch.began, time.process_time() - cpu
    return _report(list(EpisodeLog(path)), watch, seconds=seconds) | {
        "driver_cpu_share": round(cpu / seconds / _cores(), 4)
    }


def _report(episodes: Sequence[Episode], watch: _Watch, *, seconds: float) -> dict[str, Any]:
    parts = {
        name: sum(getattr(episode.timings, name) for episode in episodes)
        for name in Timings.model_fields
    }
    busy = sum(parts.values()) - parts["queue"]
    grades = sorted(
        (e.task_id, e.replica, e.grade.model_dump_json() if e.grade else "") for e in episodes
    )
    return {
        "episodes": len(episodes),
        "masked": sum(episode.masked for episode in episodes),
        "seconds": round(seconds, 1),
        "episodes_per_min_core": round(60 * len(episodes) / seconds / _cores(), 1),
        "overhead_share": round((parts["grading"] + parts["other"]) / busy, 4),
        "time_shares": {
            name: round(part / (busy + parts["queue"]), 4) for name, part in parts.items()
        },
        "driver_rss_mib": round(watch.rss_mib[-1], 1),
        "driver_rss_growth_mib": round(watch.rss_mib[-1] - watch.rss_mib[0], 1),
        "driver_rss_by_tenths_mib": [round(mib) for mib in watch.rss_mib[::4]],
        "grades_sha256": hashlib.sha256(repr(grades).encode()).hexdigest(),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
