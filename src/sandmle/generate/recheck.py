"""Verify a task on disk: its files, its rebuild from the recipe, and the battery again."""

from __future__ import annotations

from dataclasses import replace

from sandmle.authors.procedural import rebuild
from sandmle.core.draft import Reference, TaskDraft
from sandmle.core.errors import SandmleError
from sandmle.core.record import Record
from sandmle.core.verdict import Bars, VerifyReport
from sandmle.generate.canary import canary_problems
from sandmle.generate.make import Tools
from sandmle.sandbox import make_sandbox
from sandmle.store.layout import TaskDir
from sandmle.verify import verify_draft


class Recheck(Record):
    """What verifying a task folder came to."""

    problems: tuple[str, ...]
    """A sentence for each thing that is wrong; empty means that the task is as it was written."""
    rebuilt: bool
    """Whether the draft was built again from its recipe and compared."""
    report: VerifyReport | None
    """The battery, run again; None where the files are not fit for it."""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify_dir(task_dir: TaskDir, tools: Tools) -> Recheck:
    """Check a task folder from the bytes up.

    Its files must be those of the manifest. Where the author is procedural, the recipe must give
    the same content, here and in a second process. The battery must pass and place the same bars.
    Scripts that were not built again, but lie in the folder, may be anybody's: they run isolated.

    Args:
        task_dir: The folder.
        tools: Sandbox and second process.

    Raises:
        SandboxError: If the sandbox fails.
    """
    problems = task_dir.problems()
    if problems:
        return Recheck(problems=tuple(problems), rebuilt=False, report=None)
    try:
        draft, stored = task_dir.draft(), task_dir.bars
    except SandmleError as exc:
        return Recheck(problems=(str(exc),), rebuilt=False, report=None)
    if task_dir.hidden.canary:
        return Recheck(problems=tuple(canary_problems(task_dir)), rebuilt=False, report=None)
    again = _rebuilt(draft)
    if again is None and draft.reference.kind == "data_rich":
        sentence = "the recipe cannot be built again, and without it the reference is unknown"
        return Recheck(problems=(sentence,), rebuilt=False, report=None)
    if again is not None and _kept(again).content_hash() != draft.content_hash():
        problems.append("the recipe builds other content than what lies in the folder")
    attempt = task_dir.report.attempt
    if again is None:
        with make_sandbox("warm") as isolated:
            report = verify_draft(draft, isolated, rule=stored.rule, attempt=attempt)
    else:
        report = verify_draft(
            again,
            tools.sandbox,
            rule=stored.rule,
            rebuild_hash=lambda: tools.twin.content_hash(draft.recipe),
            attempt=attempt,
        )
    problems += [f"{r.reason}: {r.detail}" for r in report.results if r.hard and not r.passed]
    if report.bars is not None and not _same(report.bars, stored):
        problems.append(
            f"the ladder gives thresholds {_brief(report.bars)}, the task has {_brief(stored)}"
        )
    return Recheck(problems=tuple(problems), rebuilt=again is not None, report=report)


def _rebuilt(draft: TaskDraft) -> TaskDraft | None:
    if draft.recipe.get("author") != "procedural":
        return None
    return rebuild(draft.recipe)


def _kept(draft: TaskDraft) -> TaskDraft:
    """Leave out what a task folder does not keep: the data of a data-rich reference."""
    return replace(draft, reference=Reference(draft.reference.kind, draft.reference.submission))


def _same(bars: Bars, other: Bars) -> bool:
    return bars.thresholds == other.thresholds


def _brief(bars: Bars) -> str:
    t = bars.thresholds
    return f"{t.median:g} {t.bronze:g} {t.silver:g} {t.gold:g}"
