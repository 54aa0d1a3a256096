"""What a step in a sandbox costs, beside the same code without any sandbox.

    python benchmarks/sandbox.py [--quick] [--json]

All ways to run a script take turns in one process, so that a machine that slows down slows all of
them down: `floor` is exec() in one warm process, again and again, which nothing that starts a
process can beat; `python` is a new interpreter; `no pool` is `warm` where each process is made when
its run asks for it. Before a run by `warm` there is a pause, as there is while a model thinks, in
which the pool is filled again. All run with one thread per library. `--quick` leaves out `python`,
`landlock` and PyTorch.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from _processes import hosts
from _sandbox_memory import pss_per_child_mib
from _sandbox_report import summary, text, throughput
from _sandbox_runners import (
    COLD,
    FLOOR,
    LANDLOCK,
    PYTHON,
    WARM,
    WITHOUT_POOL,
    Runner,
    Times,
    backend,
    floor,
    is_imported,
    python,
    session,
    wait_for_imports,
)
from _sandbox_scripts import MIX, SCRIPTS, TRIVIAL, installed, table
from _sandbox_throughput import measure_throughput
from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox._environment import usable_cores

_SLOW = (PYTHON, COLD)
"""Start an interpreter each time, so they get fewer rounds."""
_REFILLED = {WARM, WITHOUT_POOL, LANDLOCK}
_PAUSE_SECONDS = 0.07
_SESSIONS = (1, 2, 8)


@dataclass(frozen=True)
class Effort:
    """How often things are measured."""

    ways: tuple[str, ...]
    """What runs scripts, besides `FLOOR` and `WARM`."""
    seconds: float
    """No round, nor block for throughput after half of it, starts later than that."""
    rounds: int
    rounds_per_slow: int
    """The slow ones take part in each n-th round."""
    trivial_per_round: int
    blocks: int
    steps_per_block: int
    leaves_out: tuple[str, ...] = ()
    """Scripts that are not run."""


QUICK = Effort(
    ways=(WITHOUT_POOL, COLD),
    seconds=18,
    rounds=5,
    rounds_per_slow=5,
    trivial_per_round=16,
    blocks=2,
    steps_per_block=8,
    leaves_out=("torch",),
)
FULL = Effort(
    ways=(PYTHON, WITHOUT_POOL, LANDLOCK, COLD),
    seconds=120,
    rounds=30,
    rounds_per_slow=5,
    trivial_per_round=6,
    blocks=6,
    steps_per_block=24,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and ways")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    report = measure(QUICK if options.quick else FULL)
    print(json.dumps(report, indent=1) if options.json else text(report))


def measure(effort: Effort) -> dict[str, Any]:
    """Return the report."""
    files = table()
    scripts = {name: code for name, code in installed().items() if name not in effort.leaves_out}
    left_out = {name: "not installed" for name in SCRIPTS if name not in scripts}
    left_out |= dict.fromkeys(effort.leaves_out, "quick")
    left_out |= {name: "quick" for name in FULL.ways if name not in effort.ways}
    load, began = os.getloadavg()[0], time.perf_counter()
    with ExitStack() as stack:
        others = set(hosts())
        start = time.perf_counter()
        warm = _opened(WARM, stack, slots=usable_cores())
        seconds_to_start = time.perf_counter() - start
        (host,) = set(hosts()) - others
        sandboxes = {WARM: warm}
        for name in effort.ways:
            if name == PYTHON:
                continue
            try:
                sandboxes[name] = _opened(name, stack, slots=1)
            except (SandboxError, UsageError) as exc:
                left_out[name] = str(exc)
        times = measure_times(sandboxes, scripts, files, effort)
        mix = [scripts[name] for name in MIX if name in scripts]
        rates = measure_throughput(
            warm,
            mix,
            files,
            sessions=_SESSIONS,
            blocks=effort.blocks,
            steps_per_block=effort.steps_per_block,
            seconds=effort.seconds / 2,
        )
        pss = pss_per_child_mib(warm, host, scripts["logistic"], files)
    return {
        **summary(times),
        **throughput(rates, sessions=_SESSIONS[-1]),
        "pss_child_mib": None if pss is None else round(pss, 1),
        "server_start_seconds": round(seconds_to_start, 2),
        "left_out": left_out,
        "seconds": round(time.perf_counter() - began, 1),
        "load_before_and_after": [round(load, 2), round(os.getloadavg()[0], 2)],
        "machine": f"{platform.machine()}, {usable_cores()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}",
    }


def _opened(name: str, stack: ExitStack, *, slots: int) -> Sandbox:
    """Return a sandbox that has proved that it works."""
    sandbox = stack.enter_context(backend(name, slots=slots))
    sandbox.open({}, Limits()).close()
    return sandbox


def measure_times(
    sandboxes: Mapping[str, Sandbox],
    scripts: Mapping[str, str],
    files: Mapping[str, bytes],
    effort: Effort,
) -> Times:
    """Return milliseconds of all runs, by script and by what ran it."""
    with ExitStack() as stack:
        runners: dict[str, Runner] = {FLOOR: stack.enter_context(floor(files))}
        if PYTHON in effort.ways:
            runners[PYTHON] = stack.enter_context(python(files))
        for name, sandbox in sandboxes.items():
            runners[name] = stack.enter_context(session(sandbox, files))
        _warm_up(runners, sandboxes, scripts)
        times: Times = {script: {name: [] for name in runners} for script in scripts}
        give_up = time.monotonic() + effort.seconds
        for number in range(effort.rounds):
            slow = number % effort.rounds_per_slow == 0
            if number and time.monotonic() > give_up:
                break
            fast = {name: run for name, run in runners.items() if slow or name not in _SLOW}
            for script, code in scripts.items():
                for name in [*fast] * (effort.trivial_per_round if script == TRIVIAL else 1):
                    times[script][name].append(_milliseconds(name, fast[name], code))
    return times


def _warm_up(
    runners: Mapping[str, Runner], sandboxes: Mapping[str, Sandbox], scripts: Mapping[str, str]
) -> None:
    for name in _REFILLED & sandboxes.keys():
        for script in scripts:
            # All of them begin at once, and then there is less to wait for.
            is_imported(sandboxes[name], script)
    for script, code in scripts.items():
        for name, run in runners.items():
            if name in _REFILLED:
                wait_for_imports(sandboxes[name], script)
            if name not in _SLOW:
                run(code)


def _milliseconds(name: str, run: Runner, code: str) -> float:
    if name in _REFILLED:
        time.sleep(_PAUSE_SECONDS)
    start = time.perf_counter()
    run(code)
    return (time.perf_counter() - start) * 1_000


if __name__ == "__main__":
    main()
