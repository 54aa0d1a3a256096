"""Canaries among the tasks of a set, each freshly drawn; resumable by the same call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

from pydantic import Field

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError, VerificationError
from sandmle.core.record import Record
from sandmle.core.seeding import derive_seed
from sandmle.generate.canary import canary_draft, judge_canary
from sandmle.generate.make import Tools, draw, write_task
from sandmle.generate.plan import Order, Plan, orders
from sandmle.generate.task_set import CANARY_LOG, read_set
from sandmle.seeds import get_seed
from sandmle.store.atomic import write_file

PREFIX = "canary-"
"""What the folders of canaries begin with; an agent is not shown the names of folders."""
_ORDERS_EACH = 4
"""Orders tried for each wanted canary at most, over the whole set."""


class CanaryOutcome(Record):
    """What became of one try."""

    order: Order
    folder: str | None
    """None where the family is passed over."""
    reason: str | None = None
    """Why it is passed over."""


class _Log(Record):
    outcomes: tuple[CanaryOutcome, ...] = Field(default=())


def generate_canaries(
    out: Path, plan: Plan, count: int, *, tools: Tools | None = None
) -> Iterator[CanaryOutcome]:
    """Add canaries to a set until it has `count` of them; yields what became of each try.

    Families and seeds take turns as in the set, with draws of their own. Where mixing up the
    answers makes no difference to a draw, the next order is tried.

    Args:
        out: Folder of a set that is there.
        plan: The set's plan.
        count: Canaries that it is to have.
        tools: Sandbox and second process; by default new ones.

    Raises:
        UsageError: If there is no set, or too few orders of the plan make canaries.
    """
    record = read_set(out)
    if record is None:
        raise UsageError(f"{out} holds no set of tasks; make one with `sandmle generate`")
    root = derive_seed(int(record.root_seed), "canaries")
    tried = {outcome.order.index: outcome for outcome in _read(out).outcomes}
    made = 0
    with nullcontext(tools) if tools else Tools.open() as at_hand:
        for order in orders(plan.model_copy(update={"count": _ORDERS_EACH * count})):
            if made == count:
                return
            outcome = tried.get(order.index)
            if outcome is None or not _stands(out, outcome):
                outcome = _try(order, root, out, plan, at_hand)
                tried[order.index] = outcome
                _write(out, tried)
            made += outcome.folder is not None
            yield outcome
    if made < count:
        raise UsageError(
            f"{made} of {count} canaries could be made in {_ORDERS_EACH * count} tries; "
            "name other --families"
        )


def _try(order: Order, root: int, out: Path, plan: Plan, tools: Tools) -> CanaryOutcome:
    family, dna = FAMILIES.get(order.family), get_seed(order.seed_id).dna()
    drawn = draw(
        lambda attempt: family.draft(dna, order.seed(root, attempt), difficulty=order.difficulty),
        tools,
        rule=plan.rule,
    )
    if not drawn.report.passed:
        return CanaryOutcome(order=order, folder=None, reason=drawn.attempts[-1].reasons[0])
    mixed = canary_draft(drawn.draft, seed=order.seed(derive_seed(root, "order"), 0))
    try:
        report = judge_canary(drawn.draft, mixed, drawn.report, tools.sandbox)
    except VerificationError as exc:
        return CanaryOutcome(order=order, folder=None, reason=str(exc))
    folder = f"{PREFIX}{order.folder}"
    # a folder without its line in the log is what a killed call left: the same task
    write_task(out / folder, mixed, report, force=True)
    return CanaryOutcome(order=order, folder=folder)


def _stands(out: Path, outcome: CanaryOutcome) -> bool:
    return outcome.folder is None or (out / outcome.folder / "task.json").is_file()


def _read(out: Path) -> _Log:
    path = out / CANARY_LOG
    return _Log.model_validate_json(path.read_bytes()) if path.is_file() else _Log()


def _write(out: Path, tried: dict[int, CanaryOutcome]) -> None:
    log = _Log(outcomes=tuple(tried[index] for index in sorted(tried)))
    write_file(out / CANARY_LOG, log.model_dump_json(indent=1).encode() + b"\n")
