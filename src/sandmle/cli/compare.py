"""`sandmle compare`: two policies on the same tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import typer

from sandmle.cli import _evaluated
from sandmle.cli._console import out, say_json, say_table
from sandmle.cli._evaluated import one_run, percent, percents, plural
from sandmle.evaluation import Comparison, Difference, compare_runs, compare_runs_by, grouping

_NAMED = 5
"""Tasks of one run alone that are named; --json names all."""


def compare(
    a: Path = typer.Argument(help="The run to compare with: its folder or episodes.jsonl."),
    b: Path = typer.Argument(help="The other run."),
    more_a: list[Path] | None = typer.Option(
        None, "--more-a", help="Another run (seed) of A's policy. Repeat it."
    ),
    more_b: list[Path] | None = typer.Option(
        None, "--more-b", help="Another run (seed) of B's policy. Repeat it."
    ),
    by: list[str] | None = _evaluated.BY,
    draws: int = _evaluated.DRAWS,
    seed: int = _evaluated.SEED,
    as_json: bool = _evaluated.JSON,
) -> None:
    """Say how B differs from A over the tasks that both played, paired by task."""
    first = [one_run(path) for path in (a, *(more_a or ()))]
    second = [one_run(path) for path in (b, *(more_b or ()))]
    counts_a, counts_b = [run.counts for run in first], [run.counts for run in second]
    found = compare_runs(counts_a, counts_b, draws=draws, seed=seed)
    groups = {
        key: compare_runs_by(
            counts_a, counts_b, grouping(key, [*first, *second]), draws=draws, seed=seed
        )
        for key in by or ()
    }
    if as_json:
        say_json(
            {
                **found.model_dump(mode="json"),
                "by": {
                    key: {name: part.model_dump(mode="json") for name, part in parts.items()}
                    for key, parts in groups.items()
                },
            }
        )
        return
    _say(a, b, found)
    for key, parts in groups.items():
        _say_groups(key, parts)


def _say(a: Path, b: Path, found: Comparison) -> None:
    out.print(f"A: {a}{_more(found.runs_a)}, {plural(found.samples_a, 'sample')}", markup=False)
    out.print(f"B: {b}{_more(found.runs_b)}, {plural(found.samples_b, 'sample')}", markup=False)
    say_table(
        ("", "A", "B", "B - A", "95%", "p", "better", "equal", "worse"),
        [
            (name.replace("_", " "), *_cells(rate, scale=1 if name == "reward" else 100))
            for name, rate in found.rates.items()
        ],
        caption=f"over {plural(found.tasks, 'common task')}; rates in %, reward as it is; 95%: "
        "bootstrap over tasks; p: sign-flip test over tasks; then % of tasks",
    )
    out.print(f"any medal, relative to A: {_relative(found)}", markup=False, soft_wrap=True)
    for name, tasks, masked in (
        ("A", found.only_in_a, found.masked_a),
        ("B", found.only_in_b, found.masked_b),
    ):
        if tasks:
            _say_left_out(name, tasks)
        if masked:
            out.print(f"masked in {name}: {plural(masked, 'episode')}", markup=False)


def _say_groups(key: str, parts: Mapping[str, Comparison]) -> None:
    say_table(
        (key, "tasks", "any medal A", "B", "B - A", "95%", "p", "better", "equal", "worse"),
        [
            (name, part.tasks, *_cells(part.rates["any_medal"], scale=100))
            for name, part in parts.items()
        ],
    )


def _cells(rate: Difference, *, scale: int) -> Sequence[str]:
    digits = 1 if scale == 100 else 3
    values = [f"{scale * value:.{digits}f}" for value in (rate.a, rate.b)]
    interval = "-"
    if rate.ci95 is not None:
        low, high = (f"{scale * bound:+.{digits}f}" for bound in rate.ci95)
        interval = f"[{low}, {high}]"
    shares = (percent(share) for share in (rate.better, rate.equal, rate.worse))
    return (*values, f"{scale * rate.difference:+.{digits}f}", interval, f"{rate.p:.4f}", *shares)


def _relative(found: Comparison) -> str:
    if found.any_medal_relative is None:
        return "not defined, A earns no medal"
    change = percent(found.any_medal_relative, signed=True)
    if found.any_medal_relative_ci95 is None:
        return f"{change}%, no interval"
    return f"{change}% {percents(found.any_medal_relative_ci95, signed=True)}"


def _say_left_out(name: str, tasks: Sequence[str]) -> None:
    named = ", ".join(tasks[:_NAMED])
    more = f" and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
    text = f"only in {name}, left out: {plural(len(tasks), 'task')}: {named}{more}"
    out.print(text, markup=False, soft_wrap=True)


def _more(runs: int) -> str:
    return "" if runs == 1 else f" and {runs - 1} more"
