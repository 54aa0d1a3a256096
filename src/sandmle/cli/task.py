"""`sandmle task`: make one task of a real table or of a seed, and look at one."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import typer
from pydantic import ValidationError
from rich.markdown import Markdown

from sandmle.authors.procedural import FAMILIES, families_of
from sandmle.authors.table import TableChoices, table_draft
from sandmle.cli._console import err, guarded, out, say_json, say_table
from sandmle.cli._sandboxes import DEFAULT, agent_sandbox
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError, VerificationError
from sandmle.core.seeding import derive_seed
from sandmle.generate import Tools, draw, write_canary, write_task
from sandmle.seeds import get_seed
from sandmle.store import TaskDir, TaskSet

app = typer.Typer(help="Make one task, or look at one.", no_args_is_help=True)

_SEED = typer.Option(None, help="Root seed. Default: 128 random bits, kept in private/.")


@app.command("from-table")
@guarded
def from_table(
    file: Path = typer.Argument(help="CSV (plain or gzip) or parquet."),
    target: str = typer.Option(..., help="The column to predict."),
    to: Path | None = typer.Option(None, "--out", help="The task's folder. Default: ./FILE-task."),
    metric: str | None = typer.Option(None, help="Default: one that suits the column."),
    rows: int | None = typer.Option(None, help="Training rows, 50 to 200."),
    title: str | None = typer.Option(None, help="Title of the task's page."),
    anonymise: bool = typer.Option(False, "--anonymise", help="Rename columns and labels."),
    drop: list[str] = typer.Option([], help="Column to leave out; may be given again."),
    keep: list[str] = typer.Option([], help="Column to keep although it looks like an id."),
    task_type: str | None = typer.Option(None, help="Default: what the target suggests."),
    positive: str | None = typer.Option(None, help="Of two classes, the one to be found."),
    seed: int | None = _SEED,
    force: bool = typer.Option(False, "--force", help="Replace the folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the task as JSON."),
) -> None:
    """Make a verified micro task of a real table: some rows to learn from, the others hidden."""
    root = secrets.randbits(128) if seed is None else seed
    choices = _choices(drop=drop, keep=keep, task_type=task_type, positive=positive)

    def author(attempt: int) -> TaskDraft:
        return table_draft(
            file,
            target=target,
            seed=derive_seed(root, "attempt", attempt),
            metric=metric,
            train_rows=rows,
            title=title,
            anonymise=anonymise,
            choices=choices,
        )

    folder = to or Path(f"{file.name.split('.')[0]}-task")
    task_dir = make(author, folder, force=force, rebuild=False)
    recorded = [r.detail for r in task_dir.report.results if not r.passed]
    for note in (*task_dir.hidden.recipe["notes"], *recorded):
        err.print(f"note: {note}", markup=False)
    if recorded:
        err.print("a table as easy as that may want --drop COLUMN or another --metric")
    say_task(task_dir, private=False, as_json=as_json)


@app.command("from-seed")
@guarded
def from_seed(
    seed_id: str = typer.Argument(help="A seed competition; see `sandmle list seeds`."),
    to: Path | None = typer.Option(None, "--out", help="The task's folder. Default: ./SEED-task."),
    family: str | None = typer.Option(
        None, help="Default: the first family that stands for the seed."
    ),
    difficulty: int = typer.Option(1, help="Level, from 0."),
    seed: int | None = _SEED,
    force: bool = typer.Option(False, "--force", help="Replace the folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the task as JSON."),
) -> None:
    """Make a verified task with the DNA of a seed."""
    dna = get_seed(seed_id).dna()
    author_family = families_of(seed_id)[0] if family is None else FAMILIES.get(family)
    root = secrets.randbits(128) if seed is None else seed

    def author(attempt: int) -> TaskDraft:
        return author_family.draft(
            dna, derive_seed(root, "attempt", attempt), difficulty=difficulty
        )

    task_dir = make(author, to or Path(f"{seed_id}-task"), force=force, rebuild=True)
    if seed_id in author_family.seeds:
        leaves_out = author_family.seeds[seed_id]
        err.print(f"{author_family.name} leaves out of {seed_id}: {leaves_out}", markup=False)
    say_task(task_dir, private=False, as_json=as_json)


@app.command("canary")
@guarded
def canary(
    task: Path = typer.Argument(help="A verified task's folder."),
    to: Path = typer.Option(..., "--out", help="The canary's folder; not beside its task."),
    seed: int | None = _SEED,
    force: bool = typer.Option(False, "--force", help="Replace the folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the canary's task as JSON."),
) -> None:
    """Make a copy of a task that cannot be solved honestly: a medal on it shows a cheat."""
    if not (task / "task.json").is_file():
        raise UsageError(f"{task} is not a task's folder; give one that holds a task.json")
    source = TaskDir(task)
    if to.resolve().parent == source.path.resolve().parent:
        raise UsageError(
            f"{to} would lie beside its task, and both have the same id; choose another folder"
        )
    root = secrets.randbits(128) if seed is None else seed
    with agent_sandbox(DEFAULT) as box:
        made = write_canary(source, to, box, seed=root, force=force)
    err.print(made.report.results[-1].detail, markup=False, soft_wrap=True)
    say_task(made, private=False, as_json=as_json)


@app.command("show")
@guarded
def show(
    task: Path = typer.Argument(help="A task's folder."),
    private: bool = typer.Option(
        False, "--private", help="Also show what no agent may see: ladder, rule, skills."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Show a task as an agent reads it, and with --private what is hidden."""
    say_task(TaskSet.open(task).dirs[0], private=private, as_json=as_json)


def say_task(task_dir: TaskDir, *, private: bool, as_json: bool) -> None:
    """Print a task."""
    facts = task_dir.task
    if as_json:
        hidden = {"hidden": task_dir.hidden, "report": task_dir.report} if private else {}
        parts = {name: record.model_dump(mode="json") for name, record in hidden.items()}
        say_json({"folder": str(task_dir.path), **facts.model_dump(mode="json"), **parts})
        return
    out.print(Markdown(facts.description))
    bars = facts.thresholds
    say_table(
        ("id", "metric", "median", "bronze", "silver", "gold"),
        [(facts.id, facts.metric.name, bars.median, bars.bronze, bars.silver, bars.gold)],
        title=str(task_dir.path),
    )
    if private:
        _show_private(task_dir)


def make(
    author: Callable[[int], TaskDraft], folder: Path, *, force: bool, rebuild: bool
) -> TaskDir:
    """Draw until a draft passes, and write it.

    Raises:
        VerificationError: If no draw passed.
    """
    with Tools.open() as tools:
        drawn = draw(author, tools, rebuild=rebuild)
    if not drawn.report.passed:
        last = drawn.attempts[-1]
        why = "; ".join(
            f"{reason}: {detail}" for reason, detail in zip(last.reasons, last.details, strict=True)
        )
        raise VerificationError(
            f"none of {len(drawn.attempts)} draws passed verification; the last one failed on "
            f"{why}",
            reason=last.reasons[0] if last.reasons else "unknown",
        )
    return write_task(folder, drawn.draft, drawn.report, force=force)


def _choices(**values: object) -> TableChoices:
    try:
        return TableChoices.model_validate(values)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"--{name} {first['input']!r}: {first['msg']}") from None


def _show_private(task_dir: TaskDir) -> None:
    bars, hidden = task_dir.bars, task_dir.hidden
    say_table(
        ("baseline", "score", "gain"),
        [
            (
                rung.name,
                "-" if rung.score is None else rung.score,
                "-" if rung.gain is None else f"{rung.gain:.2f}",
            )
            for rung in task_dir.report.rungs
        ],
        title=f"ladder; {bars.reference_kind} reference {bars.reference_score:g}",
    )
    out.print(f"skills: {', '.join(hidden.skills) or '-'}", markup=False)
    for column, why in hidden.traps:
        out.print(f"trap: {column}: {why}", markup=False)
