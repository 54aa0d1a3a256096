"""One self-contained HTML page over a training run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from string import Template

from sandmle.core.errors import UsageError
from sandmle.evaluation import (
    RATES,
    Comparison,
    CountedRun,
    Difference,
    compare_runs,
    compare_runs_by,
    family_of,
    read_run,
)
from sandmle.store.atomic import write_file
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import TrainingFolder
from sandmle.view.curves import legend, panels
from sandmle.view.curves_svg import panels_html

PARTS = ("model", "sandbox", "grading", "update", "other")
"""Of a step's wall time."""


@dataclass(frozen=True)
class Change:
    """An evaluation before the first and after the last step that it was played at."""

    name: str
    first: EvaluationMetrics
    last: EvaluationMetrics
    paired: Comparison | None
    """None where the episodes cannot be read any more."""
    families: dict[str, Comparison]


def write_training_page(folder: TrainingFolder) -> None:
    """Write `report.html`; it needs no other file and no network.

    Raises:
        UsageError: If the folder's recipe or metrics cannot be read.
    """
    written, metrics = folder.written, list(folder.metrics)
    recipe = written.recipe
    steps = [line for line in metrics if isinstance(line, StepMetrics)]
    evaluations = [line for line in metrics if isinstance(line, EvaluationMetrics)]
    found = changes(folder, evaluations)
    sections = [
        _section("Evaluations", _evaluations(evaluations), _EVALUATED) if evaluations else "",
        _section("Before and after, task by task", _paired(found), _PAIRED + _relative(found))
        if found
        else "",
        *(_families(change) for change in found if len(change.families) > 1),
        _section("Where a step's time goes", _times(steps)) if steps else "",
        _recipe(recipe, written.versions),
    ]
    template = Template(files("sandmle.view").joinpath("training.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(f"Training: {folder.path.resolve().name}"),
        subtitle=escape(_subtitle(recipe, steps)),
        summary=escape(recipe.summary),
        tiles="".join(_tile(*tile) for tile in _tiles(steps, found)),
        curves=_curves(steps, evaluations),
        sections="\n".join(sections),
    )
    write_file(folder.report, page.encode())


def changes(folder: TrainingFolder, evaluations: Sequence[EvaluationMetrics]) -> list[Change]:
    """Pair the first and the last evaluation of each set that was played more than once."""
    found = []
    for name in dict.fromkeys(evaluation.name for evaluation in evaluations):
        mine = sorted((e for e in evaluations if e.name == name), key=lambda e: e.step)
        if len(mine) < 2:
            continue
        first, last = mine[0], mine[-1]
        runs = _counted(folder, first), _counted(folder, last)
        paired, families = None, {}
        if runs[0] is not None and runs[1] is not None:
            a, b = [runs[0].counts], [runs[1].counts]
            paired, families = compare_runs(a, b), compare_runs_by(a, b, family_of)
        found.append(Change(name, first, last, paired, families))
    return found


def _counted(folder: TrainingFolder, evaluation: EvaluationMetrics) -> CountedRun | None:
    try:
        return read_run(folder.evaluation(evaluation.name, evaluation.step).path)
    except UsageError:
        return None


def _subtitle(recipe: Recipe, steps: Sequence[StepMetrics]) -> str:
    parts = [f"recipe {recipe.name}, seed {recipe.seed}", f"policy {recipe.policy.model}"]
    if recipe.grpo is not None:
        grpo = recipe.grpo
        parts.append(f"{steps[-1].step if steps else 0} of {grpo.steps} steps")
        parts.append(f"{grpo.tasks_per_step} tasks x {grpo.group_size} episodes a step")
    if steps:
        parts.append(f"{steps[-1].seconds / 60:.0f} minutes of steps")
    return "; ".join(parts)


def _tiles(steps: Sequence[StepMetrics], found: Sequence[Change]) -> list[tuple[str, str]]:
    tiles = []
    for change in found:
        before, after = change.first.table.any_medal, change.last.table.any_medal
        tiles.append(
            (f"any medal, {change.name}", f"{100 * before:.0f} \u2192 {100 * after:.0f} %")
        )
    if steps:
        whole = sum(step.step_seconds for step in steps) or 1.0
        sandbox = sum(step.sandbox_seconds for step in steps)
        tiles += [
            ("of step time in the sandbox", f"{sandbox / whole:.0%}"),
            ("seconds a step", f"{whole / len(steps):.1f}"),
            ("masked episodes", f"{sum(step.masked for step in steps) / len(steps):.1%}"),
            ("tokens sampled", _short(sum(step.tokens for step in steps))),
        ]
    return tiles


def _curves(steps: Sequence[StepMetrics], evaluations: Sequence[EvaluationMetrics]) -> str:
    found = panels(steps, evaluations)
    if not found:
        return "<p class=soft>Nothing was played yet.</p>"
    keys = "".join(
        f'<span><i class="{colour}"></i>{escape(name)}</span>'
        for name, colour in legend(evaluations)
    )
    return (
        f"<p class=key>{keys}</p><div class=figures>{panels_html(found)}</div>"
        "<p class=soft>Over steps. The episodes of one step are few: the bold line is their "
        "running mean. Bars of evaluations are 95% intervals over tasks.</p>"
    )


_EVALUATED = (
    "In %, the mean over tasks of the share of a task's samples; intervals: 95%, bootstrap over "
    "tasks."
)


def _evaluations(evaluations: Sequence[EvaluationMetrics]) -> str:
    others = [rate for rate in RATES if rate != "any_medal"]
    words = [_words(rate) for rate in others]
    head = ("set", "step", "any medal", "95%", *words, "reward", "tasks", "samples")
    order = list(dict.fromkeys(evaluation.name for evaluation in evaluations))
    rows = [
        (
            escape(evaluation.name),
            str(evaluation.step),
            f"<b>{100 * evaluation.table.any_medal:.1f}</b>",
            _interval(evaluation.table.any_medal_ci95),
            *(f"{100 * getattr(evaluation.table, rate):.1f}" for rate in others),
            "-" if evaluation.table.reward is None else f"{evaluation.table.reward:.3f}",
            str(evaluation.table.tasks),
            str(evaluation.table.samples),
        )
        for evaluation in sorted(evaluations, key=lambda e: (order.index(e.name), e.step))
    ]
    return _table(head, rows)


_PAIRED = (
    "In %, over the tasks that both evaluations count. Difference: 95% interval, bootstrap over "
    "tasks, before and after of a task together; p: paired sign-flip test."
)


_CHANGED = ("before", "after", "difference", "95%", "p", "tasks")


def _paired(found: Sequence[Change]) -> str:
    rows = []
    for change in found:
        if change.paired is None:
            continue
        for rate in ("any_medal", "valid"):
            label = f"{escape(change.name)}, {_words(rate)}"
            rows.append((label, *_difference(change.paired.rates[rate])))
    head = ("rate", *_CHANGED)
    return _table(head, rows) if rows else "<p class=soft>The episodes are not there any more.</p>"


def _relative(found: Sequence[Change]) -> str:
    """Say by how much of its first value any medal rose."""
    said = []
    for change in found:
        paired = change.paired
        if paired is not None and paired.any_medal_relative is not None:
            interval = _interval(paired.any_medal_relative_ci95, signed=True)
            said.append(f"{change.name} {100 * paired.any_medal_relative:+.1f} % {interval}")
    return f" Relative change of any medal: {'; '.join(said)}." if said else ""


def _families(change: Change) -> str:
    rows = [
        (escape(family), *_difference(paired.rates["any_medal"]))
        for family, paired in change.families.items()
    ]
    fell = sum(paired.rates["any_medal"].difference < 0 for paired in change.families.values())
    note = f"Any medal, in %. {fell or 'None'} of {len(rows)} families fell."
    head = ("family", *_CHANGED)
    return _section(f"By family: {change.name}", _table(head, rows), note)


def _difference(found: Difference) -> tuple[str, ...]:
    fell = " class=fell" if found.difference < 0 else ""
    return (
        f"{100 * found.a:.1f}",
        f"{100 * found.b:.1f}",
        f"<span{fell}>{100 * found.difference:+.1f}</span>",
        _interval(found.ci95, signed=True),
        f"{found.p:.3f}" if found.p >= 0.001 else "&lt; 0.001",
        str(found.tasks),
    )


def _times(steps: Sequence[StepMetrics]) -> str:
    sums = {part: sum(getattr(step, f"{part}_seconds") for step in steps) for part in PARTS}
    whole = sum(sums.values()) or 1.0
    bar = "".join(
        f'<i class="{part}" style="width:{100 * seconds / whole:.2f}%"></i>'
        for part, seconds in sums.items()
    )
    rows = [
        (
            f'<span class=key><i class="{part}"></i></span>{part}',
            f"{seconds / len(steps):.2f}",
            f"{100 * seconds / whole:.1f}",
        )
        for part, seconds in sums.items()
    ]
    return f"<div class=bar>{bar}</div>" + _table(("part", "seconds a step", "%"), rows)


def _recipe(recipe: Recipe, versions: dict[str, str]) -> str:
    text = recipe.model_dump_json(indent=2, exclude_defaults=True)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return (
        "<section><details><summary>Recipe</summary>"
        f"<pre>{escape(text)}</pre></details><p class=soft>Begun with {escape(named)}.</p>"
        "</section>"
    )


def _section(title: str, body: str, note: str = "") -> str:
    said = f"<p class=soft>{escape(note)}</p>" if note else ""
    return f'<section><h2>{escape(title)}</h2><div class="scroll">{body}</div>{said}</section>'


def _tile(name: str, value: str) -> str:
    return f"<div class=tile><b>{escape(value)}</b><span>{escape(name)}</span></div>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    columns = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table>"


def _interval(interval: tuple[float, float] | None, *, signed: bool = False) -> str:
    if interval is None:
        return "-"
    sign = "+" if signed else ""
    return "[{}, {}]".format(*(f"{100 * bound:{sign}.1f}" for bound in interval))


def _words(rate: str) -> str:
    return rate.replace("_", " ")


def _short(count: int) -> str:
    if count < 1_000:
        return str(count)
    return f"{count / 1_000:.0f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"
