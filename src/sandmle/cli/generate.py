"""`sandmle generate`: make a set of verified tasks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer

from sandmle.cli._console import EXIT_FAILED, err, progress, say_json, say_table
from sandmle.core.errors import UsageError, unknown
from sandmle.generate import (
    Outcome,
    Plan,
    YieldReport,
    generate_canaries,
    generate_tasks,
    read_mix,
    yield_report,
)
from sandmle.verify.thresholds import Rule


def generate(
    out: Path = typer.Option(..., "--out", help="Folder of the set; the same command resumes it."),
    count: int = typer.Option(12, min=1, help="Number of tasks."),
    seeds: str = typer.Option("all", help="Seed competitions, comma-separated, or all."),
    families: str = typer.Option("all", help="Task families, comma-separated, or all."),
    mix: str = typer.Option("uniform", help="How often families come: uniform, paper, or a file."),
    difficulty: str = typer.Option("all", help="Levels, comma-separated, or all: 0, 1, 2."),
    rule: str = typer.Option("H", help="How thresholds are placed: H, or paper."),
    seed: int | None = typer.Option(
        None,
        help="Root seed. Default: 128 random bits. A small one lets anybody guess the answers.",
    ),
    canaries: int = typer.Option(
        0, min=0, help="Tasks more that cannot be solved honestly: a medal shows a cheat."
    ),
    jobs: int = typer.Option(1, min=1, help="Processes that make tasks at once."),
    force: bool = typer.Option(False, "--force", help="Throw away another set in the folder."),
    as_json: bool = typer.Option(False, "--json", help="Print the yield report as JSON."),
) -> None:
    """Make verified tasks; interrupted, the same command goes on where it stopped."""
    plan = Plan(
        count=count,
        seeds=_names(seeds),
        families=_names(families),
        mix=read_mix(mix),
        difficulties=_levels(difficulty),
        rule=_rule(rule),
    )
    outcomes = list(
        shown(generate_tasks(out, plan, root_seed=seed, jobs=jobs, force=force), plan.count)
    )
    report = yield_report(outcomes)
    birds = _add_canaries(out, plan, canaries)
    made = sum(outcome.folder is not None for outcome in outcomes)
    if as_json:
        say_json(
            {
                "out": str(out),
                "made": made,
                "canaries": birds,
                "yield": report.model_dump(mode="json"),
            }
        )
    else:
        say_yield(report, title=f"{made} of {plan.count} tasks in {out}")
        if birds:
            err.print(f"canaries beside them: {', '.join(birds)}", markup=False)
    if made < plan.count:
        raise typer.Exit(EXIT_FAILED)


def _add_canaries(out: Path, plan: Plan, count: int) -> list[str]:
    """Make canaries and return their folders' names."""
    folders = []
    with progress() as bar:
        line = bar.add_task("canaries", total=count, note="", visible=count > 0)
        for outcome in generate_canaries(out, plan, count) if count else ():
            if outcome.folder is None:
                err.print(
                    f"passed over: {outcome.order.family} ({outcome.reason})",
                    markup=False, soft_wrap=True,
                )  # fmt: skip
            else:
                folders.append(outcome.folder)
                bar.update(line, advance=1)
    return folders


def shown(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Pass outcomes on and show how far it has come."""
    drawn = first = 0
    with progress() as bar:
        line = bar.add_task("tasks", total=total, note="")
        for outcome in outcomes:
            drawn += bool(outcome.attempts)
            first += bool(outcome.attempts) and outcome.attempts[0].passed
            bar.update(line, advance=1, note=f"yield {first / drawn:.1%}" if drawn else "")
            if outcome.folder is None:
                reasons = ", ".join(outcome.attempts[-1].reasons)
                err.print(f"given up: {outcome.order.folder} ({reasons})", markup=False)
            yield outcome


def say_yield(report: YieldReport, *, title: str) -> None:
    """Print the yield of each family."""
    rows = [*report.families.items(), ("all", report.total)]
    say_table(
        ("family", "tasks", "first draw", "accepted", "rejected draws"),
        [
            (
                name,
                part.orders,
                f"{part.first_draw:.0%}",
                f"{part.accepted:.0%}",
                ", ".join(f"{count} {reason}" for reason, count in part.reasons.items()) or "-",
            )
            for name, part in rows
        ],
        title=title,
    )


def _names(text: str) -> tuple[str, ...]:
    return () if text == "all" else tuple(name.strip() for name in text.split(",") if name.strip())


def _levels(text: str) -> tuple[int, ...]:
    names = _names(text)
    if not all(name.isdecimal() for name in names):
        raise UsageError(f"--difficulty {text!r}: give levels such as 0,1,2, or all")
    return tuple(int(name) for name in names)


def _rule(text: str) -> Rule:
    rules: dict[str, Rule] = {"H": "H", "paper": "paper"}
    if text not in rules:
        raise unknown("rule", text, rules)
    return rules[text]
