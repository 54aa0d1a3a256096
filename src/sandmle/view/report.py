"""One self-contained HTML page over tasks and the episodes played on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from sandmle.core.episode import Episode
from sandmle.store.atomic import write_file
from sandmle.store.layout import TaskDir
from sandmle.view.attempts import attempts, kinds
from sandmle.view.ladder_plot import ladder_svg
from sandmle.view.summary import TaskSummary, attempts_line, summarise


def write_report(
    path: Path, task_dirs: Sequence[TaskDir], episodes: Iterable[Episode], *, title: str
) -> None:
    """Write the page; it needs no other file and no network.

    Args:
        path: The HTML file to write; replaced whole.
        task_dirs: Tasks in the order of the page.
        episodes: Episodes of these tasks, in any order; others are left out.
        title: Heading of the page.
    """
    played: dict[str, list[Episode]] = defaultdict(list)
    for episode in episodes:
        played[episode.task_id].append(episode)
    rows = [summarise(task_dir, played[task_dir.task.id]) for task_dir in task_dirs]
    sections = [
        _section(task_dir, row, played[row.task_id])
        for task_dir, row in zip(task_dirs, rows, strict=True)
    ]
    played_count = (
        f"{len(rows)} tasks of {len({row.family for row in rows})} families, "
        f"{sum(row.episodes for row in rows)} episodes"
    )
    template = Template(files("sandmle.view").joinpath("report.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(title),
        subtitle="; ".join(filter(None, (played_count, attempts_line(rows)))),
        flags=_flags(rows),
        summary=_summary_table(rows),
        sections="\n".join(sections),
    )
    write_file(path, page.encode())


def _flags(rows: Sequence[TaskSummary]) -> str:
    found = [flag for row in rows for flag in row.flags]
    if not found:
        return ""
    items = "".join(f"<li>{escape(flag.sentence)}</li>" for flag in found)
    return f"<section class=flags><h2>This run is flagged</h2><ul>{items}</ul></section>"


def _summary_table(rows: Sequence[TaskSummary]) -> str:
    head = ("task", "metric", "median", "bronze", "silver", "gold", "medals", "reward", "ms/step")
    body = [
        (
            f"{escape(row.title)}<br><span class=soft>{escape(row.family)}</span>",
            escape(row.metric),
            *(f"{bar:.4g}" for bar in row.thresholds),
            row.medals,
            _number(row.mean_reward, "{:.2f}"),
            _number(row.step_ms, "{:.0f}"),
        )
        for row in rows
    ]
    return _table(head, body)


def _section(task_dir: TaskDir, row: TaskSummary, episodes: Sequence[Episode]) -> str:
    task, bars = task_dir.task, task_dir.bars
    gains = [e.grade.gain for e in episodes if e.grade is not None and e.grade.gain is not None]
    facts = (
        f"{task.train_rows} training samples, {task.submission.rows} test samples; "
        f"seed {task.provenance.seed_task or 'none'}, domain {task.provenance.domain or 'its own'}"
        f"{'; a canary, which cannot be solved honestly' if row.canary else ''}"
    )
    counted = row.attempts is not None
    head = ("episode", "steps", "score", "medal", "reward", "seconds")
    table = _table(
        (*head, "attempts to leave") if counted else head,
        [
            (*_episode_row(episode), *([_attempts(episode)] if counted else []))
            for episode in sorted(episodes, key=lambda e: e.replica)
        ],
    )
    return (
        f"<section><h2>{escape(row.title)}</h2><p class=soft>{escape(facts)}</p>"
        f"{ladder_svg(task_dir.report.rungs, bars, gains)}"
        f'<div class="scroll">{table}</div>'
        f"<details><summary>What the agent reads</summary><pre>{escape(task.description)}</pre>"
        f"</details></section>"
    )


def _episode_row(episode: Episode) -> tuple[str, ...]:
    grade = episode.grade
    return (
        f"{episode.replica}: {escape(episode.policy)}",
        str(len(episode.steps)),
        _number(grade.score if grade else None, "{:.4g}"),
        grade.medal.name.lower() if grade else "-",
        _number(episode.reward.total if episode.reward else None, "{:.2f}"),
        f"{episode.seconds:.1f}",
    )


def _attempts(episode: Episode) -> str:
    count = attempts([episode])[0]
    if not count:
        return _number(count, "{}")
    return f'<span title="{escape(kinds(episode))}">{count}</span>'


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    columns = "".join(f"<th>{name}</th>" for name in head)
    rows = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in body)
    return f"<table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
