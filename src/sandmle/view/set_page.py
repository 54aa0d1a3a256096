"""One self-contained HTML page over the survey of a set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from sandmle.store.atomic import write_file
from sandmle.survey import Survey

_WIDTH, _LINE, _NAMES = 560, 20, 210
"""Of a bar chart, in pixels: whole width, height of a line, room for the names."""


def write_set_page(path: Path, found: Survey, *, title: str) -> None:
    """Write the page; it needs no other file and no network.

    Args:
        path: The HTML file to write; replaced whole.
        found: The survey.
        title: Heading of the page.
    """
    sections = [
        _section("Mix against the paper's", *map(_mix, found.against_paper.items())),
        _section("Modality x task type x metric", _coverage(found.cells)),
        _section("Families", _bars(found.families)),
        _section("Metrics", _bars(found.metrics)),
        _section("Domains", _bars(found.domains)),
        _section("Grammar of the hidden rules", _bars(found.grammar)),
        _section("Defects", _bars(found.defects)),
        _section("Skills", _bars(found.skills)),
        _section("Seeds", _bars(found.seeds)),
        _section("Yield", _yields(found)),
    ]
    template = Template(files("sandmle.view").joinpath("set.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(title),
        subtitle=f"{found.tasks} tasks of {len(found.families)} families and "
        f"{found.seeds_covered} seeds",
        tiles="\n".join(_tile(*tile) for tile in _tiles(found)),
        sections="\n".join(sections),
    )
    write_file(path, page.encode())


def _tiles(found: Survey) -> list[tuple[str, str]]:
    return [
        ("largest family", f"{found.max_family_share:.1%}"),
        ("filled cells", str(found.filled_cells)),
        ("distinct rules", f"{found.distinct_rules_share:.1%}"),
        ("near-duplicates", f"{found.near_duplicate_share:.1%}"),
        ("first-draw yield", _optional(found.first_draw_yield, "{:.1%}")),
        ("within three draws", _optional(found.yield_3_attempts, "{:.1%}")),
        ("Vendi ratio to real tables", _optional(found.vendi_ratio, "{:.2f}")),
        ("AUC against real tables", _optional(found.c2st_auc, "{:.2f}")),
        ("entropy of skills", f"{found.skills_entropy:.2f} bits"),
    ]


def _tile(name: str, value: str) -> str:
    return f"<div class=tile><b>{escape(value)}</b><span>{escape(name)}</span></div>"


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _bars(counts: Mapping[str, int]) -> str:
    """Draw counts as horizontal bars, inline SVG."""
    top = max(counts.values(), default=1)
    room = _WIDTH - _NAMES - 50
    lines = []
    for place, (name, count) in enumerate(counts.items()):
        y, width = place * _LINE, room * count / top
        lines.append(
            f'<text x="{_NAMES - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
            f'<rect x="{_NAMES}" y="{y + 3}" width="{width:.1f}" height="{_LINE - 6}"/>'
            f'<text x="{_NAMES + width + 6:.1f}" y="{y + 14}">{count}</text>'
        )
    height = _LINE * len(counts)
    return (
        f'<svg class=bars viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img">{"".join(lines)}</svg>'
    )


def _mix(item: tuple[str, Mapping[str, tuple[float, float]]]) -> str:
    name, groups = item
    rows = [(group, f"{here} %", f"{there:g} %") for group, (here, there) in groups.items()]
    return _table((name.replace("_", " "), "here", "paper"), rows)


def _coverage(cells: Mapping[str, int]) -> str:
    """Lay the filled cells out: a line for each modality and task type, a column per metric."""
    split = {tuple(name.split(" | ")): count for name, count in cells.items()}
    metrics = sorted({metric for _, _, metric in split})
    kinds = sorted({(modality, kind) for modality, kind, _ in split})
    heads = "".join(f"<th class=turned><span>{escape(metric)}</span></th>" for metric in metrics)
    top = max(split.values())
    lines = []
    for modality, kind in kinds:
        filled = []
        for metric in metrics:
            count = split.get((modality, kind, metric), 0)
            shade = f' style="--share:{count / top:.2f}"' if count else ""
            filled.append(f"<td class=cell{shade}>{count or ''}</td>")
        lines.append(
            f"<tr><td>{escape(modality)}</td><td>{escape(kind)}</td>{''.join(filled)}</tr>"
        )
    return (
        f"<div class=wide><table><tr><th>modality</th><th>task type</th>{heads}</tr>"
        f"{''.join(lines)}</table></div>"
    )


def _yields(found: Survey) -> str:
    rows = [
        (
            name,
            str(part.orders),
            f"{part.first_draw:.0%}",
            f"{part.accepted:.0%}",
            ", ".join(f"{count} {reason}" for reason, count in part.reasons.items()) or "-",
        )
        for name, part in found.yields.items()
    ]
    return _table(("family", "tasks", "first draw", "accepted", "rejected draws"), rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"


def _optional(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
