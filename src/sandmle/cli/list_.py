"""`sandmle list`: what there is, by kind, or the tasks of a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

from sandmle.authors.procedural import FAMILIES
from sandmle.cli._console import say_json, say_table
from sandmle.core.errors import unknown
from sandmle.experts.expert import ExpertPolicy
from sandmle.metrics import METRICS
from sandmle.policies import MODELS
from sandmle.policies.replay import ReplayPolicy
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.rewards import REWARDS
from sandmle.sandbox import SANDBOXES
from sandmle.scaffolds import SCAFFOLDS
from sandmle.seeds import load_catalogue, seed_ids
from sandmle.store import TaskSet
from sandmle.training.recipe import read_recipe, shipped_recipes
from sandmle.verify.checks import CHECKS

Rows = list[dict[str, Any]]


def list_(
    what: str = typer.Argument(
        help="families, metrics, seeds, checks, rewards, sandboxes, scaffolds, policies, "
        "recipes, or a folder of tasks."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List plug-ins of a kind, the seeds, or the tasks of a folder."""
    if what in _KINDS:
        rows = _KINDS[what]()
    elif Path(what).exists():
        rows = _tasks(Path(what))
    else:
        raise unknown("folder and no kind", what, _KINDS)
    if as_json:
        say_json(rows)
    else:
        say_table(list(rows[0]), [list(row.values()) for row in rows])


def _tasks(path: Path) -> Rows:
    rows = []
    for task_dir in TaskSet.open(path):
        task = task_dir.task
        rows.append(
            {
                "folder": task_dir.path.name,
                "id": task.id,
                "title": task.title,
                "metric": task.metric.name,
                "train": task.train_rows,
                "test": task.submission.rows,
                "seed": task.provenance.seed_task or "-",
                "domain": task.provenance.domain or "-",
                "difficulty": "-"
                if task.provenance.difficulty is None
                else task.provenance.difficulty,
            }
        )
    return rows


def _families() -> Rows:
    families = [FAMILIES.get(name) for name in FAMILIES]
    return [
        {
            "name": family.name,
            "modality": family.modality,
            "type": family.task_type,
            "levels": family.levels,
            "summary": family.summary,
        }
        for family in families
    ]


def _metrics() -> Rows:
    metrics = [METRICS.get(name) for name in METRICS]
    return [
        {
            "name": metric.name,
            "better": "higher" if metric.higher_is_better else "lower",
            "title": metric.title,
            "formula": metric.formula,
        }
        for metric in metrics
    ]


def _seeds() -> Rows:
    records = [load_catalogue()[seed] for seed in seed_ids()]
    return [
        {
            "id": record.id,
            "modality": record.modality,
            "type": record.task_type,
            "metric": record.metric,
            "better": "lower" if record.is_lower_better else "higher",
        }
        for record in records
    ]


def _documented(names: Iterable[str], get: Callable[[str], object]) -> Rows:
    return [{"name": name, "what": _first_line(get(name))} for name in names]


def _policies() -> Rows:
    kinds: dict[str, object] = {
        "scripted": ScriptedPolicy,
        "expert": ExpertPolicy,
        "replay": ReplayPolicy,
    }
    kinds |= {name: MODELS.get(name) for name in MODELS.names()}
    return _documented(kinds, kinds.__getitem__)


def _recipes() -> Rows:
    read = [read_recipe(name) for name in shipped_recipes()]
    return [{"name": recipe.name, "what": recipe.summary} for recipe in read]


def _first_line(entry: object) -> str:
    lines: Sequence[str] = (entry.__doc__ or "").strip().splitlines()
    return lines[0] if lines else ""


_KINDS: dict[str, Callable[[], Rows]] = {
    "families": _families,
    "metrics": _metrics,
    "seeds": _seeds,
    "checks": lambda: _documented(CHECKS, CHECKS.get),
    "rewards": lambda: _documented(REWARDS, REWARDS.get),
    "sandboxes": lambda: _documented(SANDBOXES, SANDBOXES.get),
    "scaffolds": lambda: _documented(SCAFFOLDS, SCAFFOLDS.get),
    "policies": _policies,
    "recipes": _recipes,
}
