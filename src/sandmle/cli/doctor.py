"""`sandmle doctor`: what this machine can isolate, found by trying."""

from __future__ import annotations

from pathlib import Path

import typer

from sandmle.cli._console import EXIT_FAILED, out, say_json, say_table
from sandmle.sandbox.probe import probe


def doctor(
    python: Path | None = typer.Option(None, help="Interpreter for the agents' code."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Try what isolation needs, say what is missing and how to get it; exit code 1 if it is not."""
    found = probe(python)
    if as_json:
        say_json([capability.model_dump(mode="json") for capability in found])
    else:
        say_table(
            ("what", "state", "found"),
            [(item.name, _state(item.available, item.needed), item.detail) for item in found],
        )
        for item in found:
            if item.remedy:
                out.print(f"{item.name}: {item.remedy}", markup=False)
    if any(item.needed and not item.available for item in found):
        raise typer.Exit(EXIT_FAILED)


def _state(available: bool, needed: bool) -> str:
    if available:
        return "ok"
    return "MISSING" if needed else "absent"
