"""Many steps in the sandbox `warm`, a fifth of them hostile; looks for what is left or wrong after.

    python benchmarks/soak.py [--steps 20000] [--seconds S] [--quick] [--json]
    python benchmarks/soak.py --forks 500 [--json]

One step in twenty each runs out of time, bombs memory, crashes, or bombs with forks; the output of
all others is checked. At the end nothing may be left: no process, descriptor, mount, control group,
temporary file, nor growth of memory. With `--forks`, scripts whose libraries could hang after a
fork are run so often each instead. Exits with 1 where anything is wrong. Looks into the sandbox's
processes from outside, for which it must be root.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _processes import find_family, hosts, started
from _soak_census import Census, MemoryLog, alive, groups_of, settled
from _soak_forks import FORK_SCRIPTS, NEEDS
from _soak_steps import LIMITS, Step, Story
from sandmle.core.errors import SandboxError
from sandmle.core.execution import Execution, Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox import make_sandbox
from sandmle.sandbox._environment import usable_cores

_QUICK_SECONDS = 25.0
_THREADS = 4
_STEPS_PER_SESSION = 8
_STATEFUL = 0.25
_TOLD = 10
"""How many wrong results are told in full."""
_HANG_SECONDS = 60.0
_GROWTH_MIB = 8.0
"""How much memory may grow where it is called flat."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--steps", type=int, default=20_000, help="how many steps")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin none later")
    parser.add_argument("--quick", action="store_true", help="as many as 25 s allow")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of steps")
    parser.add_argument("--forks", type=int, help="test forks instead, so many of each library")
    parser.add_argument("--json", action="store_true", help="print the report on one line")
    options = parser.parse_args()
    if options.forks:
        report = soak_forks(options.forks)
    else:
        seconds = _QUICK_SECONDS if options.quick else options.seconds
        report = Soak(options.steps, seconds, options.seed).report()
    load = os.getloadavg()[0]
    print(json.dumps({**report, "load": load}, indent=None if options.json else 1))
    sys.exit(0 if report["right"] else 1)


class Soak:
    """Steps in several threads, each with one session after the other.

    Args:
        steps: How many.
        seconds: After which no step is begun.
        seed: Of the choice of steps.
    """

    def __init__(self, steps: int, seconds: float, seed: int) -> None:
        self._left = steps
        self._seconds = seconds
        self._give_up = float("inf")
        self._seed = seed
        self._lock = threading.Lock()
        self.kinds: Counter[str] = Counter()
        self.wrong: list[str] = []

    def report(self) -> dict[str, Any]:
        """Make the steps and look for what is left."""
        with tempfile.TemporaryDirectory() as folder:
            tempfile.tempdir = folder
            return self._report(Path(folder))

    def _report(self, temporary: Path) -> dict[str, Any]:
        with make_sandbox("warm", slots=2 * usable_cores()) as sandbox:
            _stir(sandbox)
            (host,) = hosts()
            take = _census_of(host, temporary)
            before = settled(take, take(), lambda: _stir(sandbox))
            log = MemoryLog(host, self.kinds.total, every_seconds=1.0)
            log.start()
            seconds = self._run_threads(sandbox)
            memory = log.end()
            after = settled(take, before, lambda: _stir(sandbox))
            groups = len(groups_of(host))
            family = find_family(host)
            processes = {pid: started(pid) for pid in (host, *family.all)}
        left = {
            "grown": after.grown(before),
            "processes": alive(processes),
            "groups": [str(place) for place in groups_of(host)],
            "temporary_files": [place.name for place in temporary.iterdir()],
        }
        flat = all(found["end_mib"] - found["start_mib"] < _GROWTH_MIB for found in memory.values())
        return {
            "right": not self.wrong and flat and not any(left.values()),
            "steps": self.kinds.total(),
            "seconds": round(seconds, 1),
            "kinds": dict(self.kinds.most_common()),
            "wrong_results": len(self.wrong),
            "wrong_examples": self.wrong[:_TOLD],
            "left": left,
            "memory_flat": flat,
            "memory": memory,
            "groups_while_it_ran": groups,
            "census": vars(after),
        }

    def _run_threads(self, sandbox: Sandbox) -> float:
        start = time.monotonic()
        self._give_up = start + self._seconds
        threads = [
            threading.Thread(target=self._run_sessions, args=(sandbox, number))
            for number in range(_THREADS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - start

    def _run_sessions(self, sandbox: Sandbox, thread: int) -> None:
        rng = random.Random(f"{self._seed}/{thread}")
        while self._goes_on():
            story = Story(f"{rng.getrandbits(64):x}", rng.random() < _STATEFUL, rng=rng)
            try:
                self._run_session(sandbox, story)
            except SandboxError as exc:
                self._note("session", f"{exc}")

    def _run_session(self, sandbox: Sandbox, story: Story) -> None:
        files = {"token": story.token.encode()}
        with sandbox.open(files, LIMITS, stateful=story.stateful) as session:
            for _ in range(story.rng.randint(1, _STEPS_PER_SESSION)):
                if not self._begins():
                    return
                step = story.next_step()
                seen = session.run(step.code, timeout_seconds=step.timeout_seconds)
                self._note(step.kind, _complaint(step, seen))
                story.saw(step, seen)

    def _goes_on(self) -> bool:
        return self._left > 0 and time.monotonic() < self._give_up

    def _begins(self) -> bool:
        with self._lock:
            if not self._goes_on():
                return False
            self._left -= 1
            return True

    def _note(self, kind: str, complaint: str) -> None:
        with self._lock:
            self.kinds[kind] += 1
            if complaint:
                self.wrong.append(f"{kind}: {complaint}")


def _complaint(step: Step, seen: Execution) -> str:
    return "" if step.check(seen) else f"{step.code!r} gave {seen!r}"


def _census_of(host: int, temporary: Path) -> Callable[[], Census]:
    return lambda: Census.take(host, temporary)


def _stir(sandbox: Sandbox) -> None:
    """Make a few steps of each kind of fork server."""
    with sandbox.open({}, Limits()) as session:
        for _ in range(3 * usable_cores()):
            session.run("pass")
            session.run("import sklearn")


def soak_forks(runs: int) -> dict[str, Any]:
    """Run each of the scripts so often, one beside another, and return what became of them."""
    found: dict[str, Any] = {}
    with make_sandbox("warm") as sandbox:
        for name, code in FORK_SCRIPTS.items():
            if name in NEEDS and not importlib.util.find_spec(NEEDS[name]):
                found[name] = "not installed"
                continue
            results = _run_often(sandbox, code, runs)
            hangs = sum(seen.killed_by == "time" for seen in results)
            found[name] = {
                "runs": len(results),
                "hangs": hangs,
                "wrong": sum(seen.stdout != "ok\n" for seen in results) - hangs,
                "p50_ms": round(statistics.median(seen.seconds for seen in results) * 1_000),
                "example": next((repr(seen) for seen in results if seen.stdout != "ok\n"), None),
            }
    right = all(
        isinstance(one, str) or (one["runs"] == runs and not one["hangs"] and not one["wrong"])
        for one in found.values()
    )
    return {"right": right, "forks": found}


def _run_often(sandbox: Sandbox, code: str, runs: int) -> list[Execution]:
    left, results = iter(range(runs)), list[Execution]()

    def work() -> None:
        with sandbox.open({}, Limits()) as session:
            for _ in left:
                results.append(session.run(code, timeout_seconds=_HANG_SECONDS))

    threads = [threading.Thread(target=work) for _ in range(2 * usable_cores())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


if __name__ == "__main__":
    main()
