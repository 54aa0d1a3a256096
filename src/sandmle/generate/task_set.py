"""A whole set: every order of a plan, by one process or several, resumable by the same call."""

from __future__ import annotations

import atexit
import re
import secrets
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from contextlib import nullcontext
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from pydantic import ValidationError

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.generate.make import Outcome, Tools, make_task
from sandmle.generate.plan import Order, Plan, orders
from sandmle.store.atomic import write_file
from sandmle.verify.thresholds import Rule
from sandmle.version import __version__

ROOT_SEED_BITS = 128
"""Bits of the root seed that a set gets by itself: nobody can try them all."""
_SET_FILE = Path("private") / "set.json"
_LOG_FILE = Path("private") / "outcomes.jsonl"
CANARY_LOG = Path("private") / "canaries.json"
_TASK_FOLDER = re.compile(r"(canary-)?[0-9]{4,}-.+")


class SetRecord(Record):
    """`private/set.json`: what rebuilds the whole set. It must never reach an agent."""

    root_seed: str
    """Decimal; as text because JSON readers may round a number of this size."""
    plan: Plan
    families: tuple[str, ...]
    """Families that there were: with others, the same plan would lay out other tasks."""
    sandmle_version: str


def generate_tasks(
    out: Path,
    plan: Plan,
    *,
    root_seed: int | None = None,
    jobs: int = 1,
    force: bool = False,
    tools: Tools | None = None,
) -> Iterator[Outcome]:
    """Make every task of a plan below `out`, and yield what became of each.

    Tasks that an earlier call finished come first, marked as resumed; a killed call leaves only
    whole tasks. What is made depends on root seed and plan alone, not on `jobs`. With more than
    one job, worker processes are started: call it under `if __name__ == "__main__"`.

    Args:
        out: Folder of the set.
        plan: What to make; it may be longer than the plan of the set that is there.
        root_seed: Seed of all randomness. By default 128 random bits, kept in `private/set.json`.
            A small number of your own makes a set that others can make again, and whose answers
            anybody can guess who knows this package: use it for tests and demonstrations only.
        jobs: Processes that make tasks at the same time.
        force: Throw away the set that is there if plan or root seed are different.
        tools: Sandbox and second process to work with where `jobs` is 1; by default new ones.

    Raises:
        UsageError: If `out` holds a set of another plan or root seed and `force` is not given.
    """
    wanted = orders(plan)
    record = _open_set(out, plan, root_seed, force=force)
    log = read_outcomes(out)
    pending = []
    for order in wanted:
        if (out / order.folder / "task.json").is_file():
            known = log.get(order.index) or Outcome(
                order=order, folder=order.folder, task_id=None, attempts=()
            )
            yield known.model_copy(update={"resumed": True})
        elif order.index in log and log[order.index].folder is None:
            yield log[order.index].model_copy(update={"resumed": True})
        else:
            pending.append(order)
    if not pending:
        return
    seed = int(record.root_seed)
    if jobs == 1:
        made = _make_here(pending, seed, out, plan.rule, tools)
    else:
        made = _make_in_processes(pending, seed, out, plan.rule, jobs)
    for outcome in made:
        _log(out, outcome)
        yield outcome


def read_outcomes(out: Path) -> dict[int, Outcome]:
    """Return the outcomes logged below a set's folder, by index; a torn line is skipped."""
    path = out / _LOG_FILE
    found: dict[int, Outcome] = {}
    if not path.is_file():
        return found
    for line in path.read_bytes().splitlines():
        try:
            outcome = Outcome.model_validate_json(line)
        except ValidationError:
            continue
        found[outcome.order.index] = outcome
    return found


def read_set(out: Path) -> SetRecord | None:
    """Return a set's record, or None where `out` holds no set.

    Raises:
        UsageError: If the record is damaged.
    """
    path = out / _SET_FILE
    if not path.is_file():
        return None
    try:
        return SetRecord.model_validate_json(path.read_bytes())
    except ValidationError as exc:
        raise UsageError(f"{path} is damaged: {exc.errors()[0]['msg']}; use another --out") from exc


def _open_set(out: Path, plan: Plan, root_seed: int | None, *, force: bool) -> SetRecord:
    old = read_set(out)
    if old is not None:
        all_meant = not plan.families and not old.plan.families
        other_families = all_meant and old.families != _families(plan)
        other_seed = root_seed is not None and str(root_seed) != old.root_seed
        if not (other_seed or other_families) and plan.extends(old.plan):
            if plan != old.plan:
                old = old.model_copy(update={"plan": plan})
                _write(out, old)
            return old
        if not force:
            what = "root seed" if other_seed else "plan"
            what = "catalogue of families" if other_families else what
            raise UsageError(
                f"{out} holds a set with another {what}; choose another --out, or give --force to "
                "throw that set away"
            )
        for folder in out.iterdir():
            if _TASK_FOLDER.fullmatch(folder.name) and (folder / "task.json").is_file():
                shutil.rmtree(folder)
        for log in (_LOG_FILE, CANARY_LOG):
            (out / log).unlink(missing_ok=True)
    seed = secrets.randbits(ROOT_SEED_BITS) if root_seed is None else root_seed
    if seed < 0:
        raise UsageError(f"root seed {seed} is negative; use an integer of at least 0")
    record = SetRecord(
        root_seed=str(seed), plan=plan, families=_families(plan), sandmle_version=__version__
    )
    _write(out, record)
    return record


def _families(plan: Plan) -> tuple[str, ...]:
    return plan.families or tuple(FAMILIES.names())


def _write(out: Path, record: SetRecord) -> None:
    write_file(out / _SET_FILE, record.model_dump_json(indent=1).encode() + b"\n")


def _log(out: Path, outcome: Outcome) -> None:
    path = out / _LOG_FILE
    torn = path.is_file() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if torn else "") + outcome.model_dump_json() + "\n")


def _make_here(
    pending: list[Order], root_seed: int, out: Path, rule: Rule, tools: Tools | None
) -> Iterator[Outcome]:
    with nullcontext(tools) if tools else Tools.open() as at_hand:
        for order in pending:
            yield make_task(order, root_seed, out, at_hand, rule=rule)


def _make_in_processes(
    pending: list[Order], root_seed: int, out: Path, rule: Rule, jobs: int
) -> Iterator[Outcome]:
    pool = ProcessPoolExecutor(
        min(jobs, len(pending)), mp_context=get_context("spawn"), initializer=_start_worker
    )
    waiting = iter(pending)
    running = {pool.submit(_work, order, root_seed, out, rule) for order in islice(waiting, jobs)}
    try:
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            # no more than one order for each worker is handed out: Ctrl-C waits for those only
            for order in islice(waiting, len(done)):
                running.add(pool.submit(_work, order, root_seed, out, rule))
            for future in done:
                yield future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_tools: Tools | None = None


def _start_worker() -> None:
    # Ctrl-C reaches the parent, which lets workers finish what they are at
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _work(order: Order, root_seed: int, out: Path, rule: Rule) -> Outcome:
    global _tools  # noqa: PLW0603 - a worker process keeps its sandbox from task to task
    if _tools is None:
        _tools = Tools.open()
        atexit.register(_tools.close)
    return make_task(order, root_seed, out, _tools, rule=rule)
