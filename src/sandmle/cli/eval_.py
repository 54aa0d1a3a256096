"""`sandmle eval`: the medal table of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from sandmle.cli import _evaluated
from sandmle.cli._console import out, say_json, say_table
from sandmle.cli._evaluated import evaluations_of, is_training, percent, percents, plural
from sandmle.core.errors import UsageError
from sandmle.evaluation import RATES, CountedRun, MedalTable, grouping, runs_table, runs_tables_by
from sandmle.evaluation.runs import read_run

Tables = Mapping[str, MedalTable]
_CAPTION = (
    "in %, means over tasks; 95%: of any medal, bootstrap over tasks; ±: standard error over runs"
)
_FEW = 10
"""Tasks below which a bootstrap over tasks covers clearly less than it says."""


def eval_(
    runs: list[Path] = typer.Argument(
        metavar="RUN...", help="A run's folder, an episodes.jsonl, or a training run's folder."
    ),
    by: list[str] | None = _evaluated.BY,
    draws: int = _evaluated.DRAWS,
    seed: int = _evaluated.SEED,
    as_json: bool = _evaluated.JSON,
) -> None:
    """Say how often a policy earns which medal; several RUNs are runs of one policy (seeds).

    A training run's folder gives a table for each of its evaluations.
    """
    given = _refuse_twice(runs)
    training = [is_training(path) for path in given]
    if any(training) and not all(training):
        raise UsageError("some of these are training runs and some are not; ask for each kind")
    options = {"draws": draws, "seed": seed}
    if all(training):
        _eval_training(given, by or [], options, as_json=as_json)
    else:
        _eval_runs([read_run(path) for path in given], by or [], options, as_json=as_json)


def _eval_runs(
    runs: Sequence[CountedRun], by: Sequence[str], options: Mapping[str, int], *, as_json: bool
) -> None:
    whole = runs_table([run.counts for run in runs], **options)
    groups = _groups(runs, by, options)
    if as_json:
        say_json(_as_json(whole, groups))
        return
    each = {str(run.path): runs_table([run.counts], **options) for run in runs}
    _say("run", each | {f"mean of {len(runs)}": whole} if len(runs) > 1 else each)
    _say_notes(whole)
    for key, tables in groups.items():
        _say_groups(key, tables)


def _eval_training(
    folders: Sequence[Path], by: Sequence[str], options: Mapping[str, int], *, as_json: bool
) -> None:
    read = [evaluations_of(folder) for folder in folders]
    names = list(dict.fromkeys(name for runs in read for name in runs))
    together = {name: [runs[name] for runs in read if name in runs] for name in names}
    tables = {
        name: runs_table([run.counts for run in runs], **options) for name, runs in together.items()
    }
    groups = {name: _groups(runs, by, options) for name, runs in together.items()}
    if as_json:
        chosen = _last_of_first(names)
        say_json(
            {
                **_as_json(tables[chosen], groups[chosen]),
                "evaluation": chosen,
                "evaluations": {name: _as_json(tables[name], groups[name]) for name in names},
            }
        )
        return
    _say("evaluation", tables)
    for name in names:
        _say_notes(tables[name], of=name)
        for key, found in groups[name].items():
            _say_groups(key, found, title=name)


def _last_of_first(names: Sequence[str]) -> str:
    """Return the last step of the evaluation that comes first."""
    first = names[0].rpartition("/")[0]
    return [name for name in names if name.rpartition("/")[0] == first][-1]


def _groups(
    runs: Sequence[CountedRun], by: Sequence[str], options: Mapping[str, int]
) -> dict[str, Tables]:
    counts = [run.counts for run in runs]
    return {key: runs_tables_by(counts, grouping(key, runs), **options) for key in by}


def _as_json(table: MedalTable, groups: Mapping[str, Tables]) -> dict[str, Any]:
    return {
        **table.model_dump(mode="json"),
        "by": {
            key: {name: found.model_dump(mode="json") for name, found in tables.items()}
            for key, tables in groups.items()
        },
    }


def _say(kind: str, tables: Tables) -> None:
    columns = (
        kind,
        "tasks",
        "samples",
        *(name.replace("_", " ") for name in RATES),
        "95%",
        "reward",
    )
    rows = [
        (
            name,
            table.tasks,
            table.samples,
            *(_rate(table, rate) for rate in RATES),
            percents(table.any_medal_ci95),
            "-" if table.reward is None else f"{table.reward:.3f}",
        )
        for name, table in tables.items()
    ]
    say_table(columns, rows, caption=_CAPTION)


def _say_groups(key: str, tables: Tables, *, title: str = "") -> None:
    """Print a narrower table: names of groups are long."""
    columns = (key, "tasks", "samples", *(name.replace("_", " ") for name in RATES), "95%")
    rows = [
        (
            name,
            table.tasks,
            table.samples,
            *(percent(getattr(table, rate)) for rate in RATES[:-1]),
            _rate(table, "any_medal"),
            percents(table.any_medal_ci95),
        )
        for name, table in tables.items()
    ]
    say_table(columns, rows, title=title)


def _rate(table: MedalTable, name: str) -> str:
    sem = getattr(table, f"{name}_sem")
    return percent(getattr(table, name)) + ("" if sem is None else f" ±{percent(sem)}")


def _say_notes(table: MedalTable, *, of: str = "") -> None:
    notes = []
    if table.masked:
        notes.append(
            f"{plural(table.masked, 'episode')} ({table.masked_share:.1%}) failed for "
            f"infrastructure and are left out, {plural(table.masked_tasks, 'task')} with them"
        )
    if table.timed_out:
        notes.append(
            f"{plural(table.timed_out, 'sample')} ran out of time and count as they were graded"
        )
    if table.partial_tasks:
        notes.append(f"{plural(table.partial_tasks, 'task')} count in some of the runs only")
    if table.tasks < _FEW:
        notes.append(
            f"{plural(table.tasks, 'task')}: "
            + ("no interval can be told" if table.tasks == 1 else "the interval is too narrow")
        )
    for note in notes:
        out.print(f"{of}: {note}" if of else note, markup=False, soft_wrap=True)


def _refuse_twice(paths: Sequence[Path]) -> Sequence[Path]:
    resolved = [path.resolve() for path in paths]
    for place, path in enumerate(resolved):
        if path in resolved[:place]:
            raise UsageError(f"{paths[place]} is given twice; give each run once")
    return paths
