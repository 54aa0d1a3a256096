"""`sandmle doctor`: what this machine can isolate, and what is missing for more."""

from __future__ import annotations

from pathlib import Path

import typer

from sandmle.cli._console import EXIT_FAILED, out, say_json, say_table
from sandmle.sandbox.probe import Level, probe, probe_levels


def doctor(
    python: Path | None = typer.Option(None, help="Interpreter for the agents' code."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Try how agents' code can be isolated here; exit code 1 if it cannot be.

    Says what each way does not stop, what is missing, and how to get it.
    """
    found, levels = probe(), probe_levels(python)
    best = next((level for level in levels if level.works), None)
    if as_json:
        say_json(
            {
                "capabilities": [capability.model_dump(mode="json") for capability in found],
                "levels": [level.model_dump(mode="json") for level in levels],
                "best": None if best is None else best.sandbox,
            }
        )
    else:
        say_table(
            ("what", "state", "found"),
            [(item.name, _state(item.available, item.needed), item.detail) for item in found],
        )
        say_table(
            ("--sandbox", "state", "tried"),
            [
                (level.sandbox, "works" if level.works else "FAILS", level.detail)
                for level in levels
            ],
        )
        for item in found:
            if item.remedy:
                out.print(f"{item.name}: {item.remedy}", markup=False)
        _say_verdict(best)
    if best is None:
        raise typer.Exit(EXIT_FAILED)


def _state(available: bool, needed: bool) -> str:
    if available:
        return "ok"
    return "MISSING" if needed else "absent"


def _say_verdict(best: Level | None) -> None:
    if best is None:
        out.print("Agents' code cannot be isolated here.")
        return
    out.print(f"Agents' code is isolated by --sandbox {best.sandbox}: {best.how}.", markup=False)
    out.print(f"It does not stop: {best.does_not_stop}. SECURITY.md says more.", markup=False)
