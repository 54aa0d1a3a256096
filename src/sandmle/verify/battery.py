"""The whole battery over one draft: cheap checks, the ladder, then what needs the bars."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from sandmle.core.draft import TaskDraft
from sandmle.core.execution import Sandbox
from sandmle.core.verdict import Bars, CheckResult, VerifyReport
from sandmle.verify.checks import STAGES, Check, battery
from sandmle.verify.context import Context, Measured
from sandmle.verify.ladder import run_ladder
from sandmle.verify.thresholds import Rejection, Rule, place


def verify_draft(
    draft: TaskDraft,
    sandbox: Sandbox,
    *,
    rule: Rule = "H",
    rebuild_hash: Callable[[], str] | None = None,
    attempt: int = 0,
) -> VerifyReport:
    """Run every check over a draft and place its bars.

    A stage of checks runs only where nothing hard failed before: a draft whose answers cannot be
    read costs no ladder.

    Args:
        draft: What an author handed in.
        sandbox: Runs the ladder; one that does not isolate must only be given scripts of our own.
        rule: How bars are placed: `H`, or the `paper`'s monotone rule.
        rebuild_hash: Builds the draft again in another process and returns its content hash; None
            leaves determinism unchecked.
        attempt: Which redraw this is, for the report.

    Raises:
        SandboxError: If the sandbox fails, which says nothing about the draft.
    """
    context = Context(draft, rebuild_hash)
    results: list[CheckResult] = []
    for stage in STAGES:
        if stage == "ladder":
            context.measured = _measure(context, sandbox, rule)
        for check in battery():
            if check.stage == stage:
                results.append(_run(check, context))
                if check.name == "schema" and not results[-1].passed:
                    # nothing else can be read
                    break
        if any(result.hard and not result.passed for result in results):
            break
    measured = context.measured
    if measured is None:
        return VerifyReport(results=tuple(results), attempt=attempt)
    return VerifyReport(
        results=tuple(results),
        rungs=measured.ladder.scores(measured.board),
        bars=measured.outcome if isinstance(measured.outcome, Bars) else None,
        attempt=attempt,
    )


def _run(check: Check, context: Context) -> CheckResult:
    start = perf_counter()
    fault = check.find(context)
    return CheckResult(
        check=check.name,
        passed=fault is None,
        hard=check.hard and (fault is None or fault.hard),
        reason=None if fault is None else fault.reason,
        detail="" if fault is None else fault.detail,
        seconds=round(perf_counter() - start, 4),
    )


def _measure(context: Context, sandbox: Sandbox, rule: Rule) -> Measured:
    ladder = run_ladder(context.draft, sandbox, context.grader)
    try:
        board = ladder.board(context.graded, context.streams.rng("bootstrap"))
    except ValueError as exc:
        return Measured(ladder, None, Rejection("ladder.not_scorable", str(exc)))
    return Measured(ladder, board, place(board, kind=context.draft.reference.kind, rule=rule))
