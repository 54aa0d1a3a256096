"""How the command line speaks: tables and progress for people, JSON for programs, exit codes."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, ParamSpec

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sandmle.core.errors import SandmleError, UsageError

P = ParamSpec("P")

out = Console(width=None if sys.stdout.isatty() else 120)
"""What the user asked for."""
err = Console(stderr=True)
"""What happens on the way: progress, warnings, errors."""

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130


def say_json(value: Any) -> None:
    """Print one JSON document to standard output, whatever the terminal's width."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def say_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    caption: str = "",
) -> None:
    """Print a table; cells are plain text, never markup; the first column gives way."""
    table = Table(
        title=title or None,
        caption=caption or None,
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        table.add_column(column, overflow="fold", min_width=min(len(column), 12))
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    out.print(table)


def progress() -> Progress:
    """Return a progress bar on standard error."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=err,
        transient=True,
    )


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Wrap a command so that errors of ours become one line and an exit code.

    0: done; 1: something failed verification, is invalid or broke; 2: wrong use; 130: interrupted.
    """

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except UsageError as exc:
            _leave("[red]error:[/red]", str(exc), EXIT_USAGE)
        except SandmleError as exc:
            _leave("[red]failed:[/red]", str(exc), EXIT_FAILED)
        except KeyboardInterrupt:
            text = "what was finished is kept; the same command goes on"
            _leave("[yellow]interrupted:[/yellow]", text, EXIT_INTERRUPTED)

    return run


def _leave(label: str, text: str, code: int) -> NoReturn:
    err.print(f"{label} {escape(text)}", soft_wrap=True)
    raise typer.Exit(code)
