"""The tree of subcommands."""

from __future__ import annotations

import typer

from sandmle.cli import (
    compare,
    doctor,
    eval_,
    generate,
    grade,
    list_,
    quickstart,
    run_,
    runs,
    sft_data,
    task,
    tasks,
    train,
    verify,
)
from sandmle.cli._console import guarded
from sandmle.version import __version__

app = typer.Typer(
    name="sandmle",
    help="Verifiable micro-scale MLE tasks, a true sandbox and dense rewards for RL of agents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("quickstart")(guarded(quickstart.quickstart))
app.command("generate")(guarded(generate.generate))
app.command("verify")(guarded(verify.verify))
app.add_typer(task.app, name="task")
app.add_typer(tasks.app, name="tasks")
app.command("run")(guarded(run_.run))
app.add_typer(runs.app, name="runs")
app.command("eval")(guarded(eval_.eval_))
app.command("compare")(guarded(compare.compare))
app.command("sft-data")(guarded(sft_data.sft_data))
app.command("train")(guarded(train.train))
app.command("grade")(guarded(grade.grade))
app.command("list")(guarded(list_.list_))
app.command("doctor")(guarded(doctor.doctor))


@app.callback(invoke_without_command=True)
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
