"""`sandmle tasks`: look at a whole set of tasks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import typer

from sandmle.cli._console import err, guarded, say_json, say_table
from sandmle.survey import Survey, survey
from sandmle.view.set_page import write_set_page

app = typer.Typer(help="Look at a whole set of tasks.", no_args_is_help=True)

_LISTED = 12
"""Lines of a table of counts; --json has all of them."""


@app.callback()
def _group() -> None:
    """Keep `report` a subcommand while it is the only one."""


@app.command("report")
@guarded
def report(
    folder: Path = typer.Argument(help="A set of tasks."),
    html: Path | None = typer.Option(None, "--html", help="Also write the report as a page."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Measure how broad and lifelike a set is: mix, coverage, duplicates, yield, realism."""
    found = survey(folder)
    if html is not None:
        write_set_page(html, found, title=folder.name)
        err.print(f"wrote {html}", markup=False)
    if as_json:
        say_json(found.model_dump(mode="json"))
    else:
        say_survey(found, title=str(folder))


def say_survey(found: Survey, *, title: str) -> None:
    """Print a survey."""
    say_table(("measure", "value"), figures(found), title=title)
    for axis, groups in found.against_paper.items():
        say_table(
            (axis.replace("_", " "), "here", "paper"),
            [(group, f"{here} %", f"{there:g} %") for group, (here, there) in groups.items()],
        )
    for name in ("families", "metrics", "domains", "skills"):
        _say_counts(name, getattr(found, name))


def figures(found: Survey) -> list[tuple[str, str]]:
    """Return the single numbers of a survey, as they are shown."""
    gains = ", ".join(f"{k}: {v:.2f}" for k, v in found.standard_gain_by_difficulty.items())
    return [
        ("tasks", str(found.tasks)),
        ("families, largest share", f"{len(found.families)}, {found.max_family_share:.1%}"),
        ("modalities", str(len(found.modalities))),
        ("task types", str(len(found.task_types))),
        ("metrics", str(len(found.metrics))),
        ("domains", str(len(found.domains))),
        ("cells of modality x type x metric", str(found.filled_cells)),
        ("seeds", str(found.seeds_covered)),
        ("train and validation tasks", _pairs(found.splits)),
        ("first draws that passed", _share(found.first_draw_yield)),
        ("passed within three draws", _share(found.yield_3_attempts)),
        ("lowest yield of a family", _share(found.lowest_family_yield)),
        ("distinct rules", f"{found.distinct_rules_share:.1%}"),
        ("near-duplicates", f"{found.near_duplicate_share:.1%}"),
        ("alike ladders, alike pages", _alike(found)),
        ("skills, entropy", f"{len(found.skills)}, {found.skills_entropy:.2f} bits"),
        ("middle rung's gain by difficulty", gains),
        ("tables compared with real ones", str(found.tables)),
        ("Vendi score over that of real tables", _number(found.vendi_ratio)),
        ("AUC of telling them from real ones", _number(found.c2st_auc)),
        ("mean KS distance to real ones", _number(found.mean_ks)),
        ("public files", f"{found.public_bytes / 1e6:.1f} MB"),
    ]


def _alike(found: Survey) -> str:
    return f"{found.alike_ladders_share:.1%}, {found.alike_pages_share:.1%}"


def _say_counts(name: str, counts: Mapping[str, int]) -> None:
    shown = list(counts.items())[:_LISTED]
    rest = len(counts) - len(shown)
    say_table((name, "tasks"), shown, caption=f"and {rest} more; see --json" if rest > 0 else "")


def _pairs(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
