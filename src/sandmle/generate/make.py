"""One task: draw, verify, draw again where that failed, write."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Self

from sandmle.authors.procedural import FAMILIES
from sandmle.core.draft import TaskDraft
from sandmle.core.execution import Sandbox
from sandmle.core.record import Record
from sandmle.core.verdict import VerifyReport
from sandmle.generate.plan import Order
from sandmle.generate.twin import Twin
from sandmle.sandbox import UnisolatedWarning, make_sandbox
from sandmle.seeds import get_seed
from sandmle.store.layout import TaskDir
from sandmle.verify import verify_draft
from sandmle.verify.thresholds import Rule

MAX_ATTEMPTS = 5
"""Draws of one task until it is given up."""


class Attempt(Record):
    """One draw, as it is kept for the yield report."""

    passed: bool
    reasons: tuple[str, ...]
    """Codes of the hard checks that failed."""
    details: tuple[str, ...]
    """A sentence for each."""
    seconds: float
    """Wall time of author and verification."""
    ladder_cpu_seconds: float
    """Processor time of the ladder's scripts."""


class Outcome(Record):
    """What became of an order."""

    order: Order
    folder: str | None
    """Name of the task's folder; None where every draw was rejected."""
    task_id: str | None
    attempts: tuple[Attempt, ...]
    resumed: bool = False
    """Whether it was made by an earlier run."""


@dataclass(frozen=True)
class Tools:
    """What making tasks needs: a sandbox for ladders that are our own, and a second process."""

    sandbox: Sandbox
    twin: Twin

    @classmethod
    def open(cls, sandbox: str = "unsafe", *, slots: int = 1) -> Tools:
        """Start both; nothing runs before it is needed.

        Args:
            sandbox: Backend for the ladders. `unsafe` is the quick one and enough for the
                procedural author, whose scripts are part of this package.
            slots: Scripts that run at once.
        """
        with warnings.catch_warnings():
            # the warning is about code of agents and models; these scripts are the package's own
            warnings.simplefilter("ignore", UnisolatedWarning)
            return cls(make_sandbox(sandbox, slots=slots, allow_unisolated=True), Twin())

    def close(self) -> None:
        """End both; calling it twice is fine."""
        self.sandbox.close()
        self.twin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True)
class Drawn:
    """The draws of one task, the last of which may have passed."""

    draft: TaskDraft
    report: VerifyReport
    attempts: tuple[Attempt, ...]


def draw(
    author: Callable[[int], TaskDraft],
    tools: Tools,
    *,
    rule: Rule = "H",
    max_attempts: int = MAX_ATTEMPTS,
    rebuild: bool = True,
) -> Drawn:
    """Ask an author for drafts until one passes verification.

    Args:
        author: Makes the draft of attempt 0, 1, ...
        tools: Sandbox and second process.
        rule: How bars are placed.
        max_attempts: Draws at most.
        rebuild: Whether the second process can build the drafts from their recipes.

    Raises:
        AuthorError: If the author fails.
        SandboxError: If the sandbox fails.
    """
    attempts: list[Attempt] = []
    while True:
        start = perf_counter()
        draft = author(len(attempts))

        def twin_hash(draft: TaskDraft = draft) -> str:
            return tools.twin.content_hash(draft.recipe)

        report = verify_draft(
            draft,
            tools.sandbox,
            rule=rule,
            rebuild_hash=twin_hash if rebuild else None,
            attempt=len(attempts),
        )
        attempts.append(_attempt(report, perf_counter() - start))
        if report.passed or len(attempts) == max_attempts:
            return Drawn(draft, report, tuple(attempts))


def make_task(
    order: Order,
    root_seed: int,
    out: Path,
    tools: Tools,
    *,
    rule: Rule = "H",
    force: bool = False,
) -> Outcome:
    """Make one task of the procedural author and write it below `out`.

    Args:
        order: What to make.
        root_seed: Seed of the whole set; private to it.
        out: Folder of the set.
        tools: Sandbox and second process.
        rule: How bars are placed.
        force: Replace a task that is there.

    Raises:
        UsageError: If the task's folder is there and `force` is not given.
    """
    family = FAMILIES.get(order.family)
    dna = get_seed(order.seed_id).dna()

    def author(attempt: int) -> TaskDraft:
        return family.draft(dna, order.seed(root_seed, attempt), difficulty=order.difficulty)

    drawn = draw(author, tools, rule=rule)
    if not drawn.report.passed:
        return Outcome(order=order, folder=None, task_id=None, attempts=drawn.attempts)
    task_dir = write_task(out / order.folder, drawn.draft, drawn.report, force=force)
    return Outcome(
        order=order,
        folder=task_dir.path.name,
        task_id=drawn.draft.task_id(),
        attempts=drawn.attempts,
    )


def write_task(
    path: Path, draft: TaskDraft, report: VerifyReport, *, force: bool = False
) -> TaskDir:
    """Write a verified draft with its report, from which all timings are taken out.

    Raises:
        UsageError: If the folder is there and `force` is not given.
    """
    return TaskDir.create(path, draft, untimed(report), force=force)


def untimed(report: VerifyReport) -> VerifyReport:
    """Return the report without timings: the same seed must give the same bytes."""
    return report.model_copy(
        update={
            "results": tuple(r.model_copy(update={"seconds": 0.0}) for r in report.results),
            "rungs": tuple(r.model_copy(update={"cpu_seconds": 0.0}) for r in report.rungs),
        }
    )


def _attempt(report: VerifyReport, seconds: float) -> Attempt:
    failed = [result for result in report.results if result.hard and not result.passed]
    return Attempt(
        passed=report.passed,
        reasons=report.reasons,
        details=tuple(result.detail for result in failed),
        seconds=round(seconds, 3),
        ladder_cpu_seconds=round(sum(rung.cpu_seconds for rung in report.rungs), 4),
    )
