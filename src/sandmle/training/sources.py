"""Where a run's tasks come from: folders, or tasks that are made once and kept for other runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.core.task import Task
from sandmle.generate import Outcome, Plan, generate_tasks
from sandmle.generate.tables import generate_tables
from sandmle.store import TaskDir, TaskSet
from sandmle.training.nano import FAMILIES as NANO_FAMILIES
from sandmle.training.recipe import EvaluationSet, Generate, Source, Tables

GROUPS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("all",): tuple(FAMILIES.names()),
    ("nano",): NANO_FAMILIES,
}
"""In the place of families: all there are, and those that the nano policy knows."""


def open_source(
    source: Source,
    *,
    cache: Path,
    jobs: int = 1,
    on_outcome: Callable[[Outcome], None] | None = None,
) -> list[TaskDir]:
    """Return the tasks of a source, made if they are not there yet.

    Args:
        source: The source.
        cache: Folder for tasks that are made; the same settings find them there again.
        jobs: Processes that make tasks at once.
        on_outcome: Called with each task that was made or found.

    Raises:
        UsageError: If there is no such folder or family, or no task is left after filtering.
    """
    if source.generate is not None:
        folder = _made(source.generate, cache, jobs, on_outcome)
    elif source.tables is not None:
        folder = cache_folder(source.tables, cache)
        generate_tables(folder, count=source.tables.count, seed=source.tables.seed)
    else:
        folder = Path(source.path or "").expanduser()
    tasks = TaskSet.open(folder)
    chosen = tasks.filter(lambda task: _wanted(source, task))
    if not len(chosen):
        raise UsageError(
            f"source {source.name!r}: none of {len(tasks)} tasks passes its filters "
            f"({_filters(source)}); widen them or make more tasks"
        )
    return list(chosen)


def check_apart(
    train: Sequence[tuple[Source, Sequence[TaskDir]]],
    evaluate: Sequence[tuple[EvaluationSet, Sequence[TaskDir]]],
) -> None:
    """Check that no task is both trained on and held out.

    Raises:
        UsageError: If one is.
    """
    trained = {task.task.id: source.name for source, tasks in train for task in tasks}
    for chosen, tasks in evaluate:
        both = sorted(task.task.id for task in tasks if task.task.id in trained)
        if both:
            raise UsageError(
                f"{len(both)} tasks of {chosen.source.name!r} are trained on as well, in "
                f"{trained[both[0]]!r}: {both[0]}; give the held-out set another seed or folder"
            )


def cache_folder(made: Generate | Tables, cache: Path) -> Path:
    """Return the folder of tasks with these settings."""
    named: Generate | Tables = made
    if isinstance(made, Generate):
        named = made.model_copy(update={"families": _families(made)})
    digest = hashlib.sha256(named.model_dump_json().encode()).hexdigest()[:16]
    return cache / digest


def _made(
    made: Generate, cache: Path, jobs: int, on_outcome: Callable[[Outcome], None] | None
) -> Path:
    folder = cache_folder(made, cache)
    plan = Plan(count=made.count, families=_families(made), difficulties=made.difficulty)
    for outcome in generate_tasks(folder, plan, root_seed=made.seed, jobs=jobs):
        if on_outcome is not None:
            on_outcome(outcome)
    return folder


def _families(made: Generate) -> tuple[str, ...]:
    # by name, so that a family with a new version is another set
    return GROUPS.get(made.families, made.families)


def _wanted(source: Source, task: Task) -> bool:
    domain = task.provenance.domain or ""
    return (
        (not source.families or task.family in source.families)
        and (not source.domains or domain in source.domains)
        and domain not in source.without_domains
    )


def _filters(source: Source) -> str:
    names = ("families", "domains", "without_domains")
    given = [
        f"{name} {', '.join(getattr(source, name))}" for name in names if getattr(source, name)
    ]
    return "; ".join(given) or "none"
