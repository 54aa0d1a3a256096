"""How many steps per second several sessions get out of one machine, beside what it can do."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from _sandbox_runners import FLOOR, Runner, floor, session
from sandmle.core.execution import Sandbox
from sandmle.sandbox._environment import usable_cores


@dataclass
class Rate:
    """Steps that were run, over several blocks of them."""

    steps: int = 0
    seconds: float = 0.0
    milliseconds: list[float] = field(default_factory=list)
    """Of each step, with its wait for a slot."""

    @property
    def per_second(self) -> float:
        """Steps per second of wall time."""
        return self.steps / self.seconds


def measure_throughput(
    sandbox: Sandbox,
    codes: Sequence[str],
    files: Mapping[str, bytes],
    *,
    sessions: Sequence[int],
    blocks: int,
    steps_per_block: int,
    seconds: float,
) -> dict[str, Rate]:
    """Run blocks of the same steps by each number of sessions and by the floor, in turns.

    Args:
        sandbox: What runs them, with a slot per core.
        codes: The scripts of a mix; each is run equally often.
        files: The task's public files.
        sessions: How many sessions run at once.
        blocks: How many blocks each gets.
        steps_per_block: Rounded up to whole mixes.
        seconds: After which no more blocks are begun.

    Returns:
        Rates by number of sessions, and that of one warm process per core as `FLOOR`.
    """
    mixes = -(-steps_per_block // len(codes))
    names = {FLOOR: usable_cores(), **{str(number): number for number in sessions}}
    rates = {name: Rate() for name in names}
    with ExitStack() as stack:
        runners: dict[str, list[Runner]] = {
            name: [
                stack.enter_context(floor(files) if name == FLOOR else session(sandbox, files))
                for _ in range(count)
            ]
            for name, count in names.items()
        }
        for runner in runners[FLOOR]:
            for code in codes:
                runner(code)
        give_up = time.monotonic() + seconds
        for number in range(blocks):
            if number and time.monotonic() > give_up:
                break
            # Each goes first in turn, so that a machine that slows down is fair to all.
            order = [*names][number % len(names) :] + [*names][: number % len(names)]
            for name in order:
                _run_block(runners[name], [*codes] * mixes, rates[name])
    return rates


def _run_block(runners: Sequence[Runner], codes: Sequence[str], rate: Rate) -> None:
    waiting: queue.SimpleQueue[str] = queue.SimpleQueue()
    for code in codes:
        waiting.put(code)
    errors: list[BaseException] = []

    def work(run: Runner) -> None:
        try:
            while True:
                code = waiting.get_nowait()
                start = time.perf_counter()
                run(code)
                rate.milliseconds.append((time.perf_counter() - start) * 1_000)
        except queue.Empty:
            return
        except RuntimeError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=work, args=(run,)) for run in runners]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate.seconds += time.perf_counter() - start
    rate.steps += len(codes)
    if errors:
        raise errors[0]
