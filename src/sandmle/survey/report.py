"""The whole survey of a set as one record."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sandmle.core.record import Record
from sandmle.generate import FamilyYield, read_outcomes, yield_report
from sandmle.generate.yields import passed_within
from sandmle.store.tasks import TaskSet
from sandmle.survey import coverage, likeness, realism
from sandmle.survey.facts import TaskFacts, read_facts


class Survey(Record):
    """What a set of tasks is made of; shares are in [0, 1], the paper's comparison in per cent."""

    tasks: int
    families: dict[str, int]
    max_family_share: float
    modalities: dict[str, int]
    task_types: dict[str, int]
    metrics: dict[str, int]
    domains: dict[str, int]
    difficulties: dict[str, int]
    splits: dict[str, int]
    references: dict[str, int]
    against_paper: dict[str, dict[str, tuple[float, float]]]
    """By modality and kind of task: (per cent here, per cent in the paper)."""
    cells: dict[str, int]
    """Tasks in each cell of modality x task type x metric."""
    filled_cells: int
    distinct_rules_share: float
    """Share of the tasks whose hidden rule, to one digit of each parameter, no other task has."""
    near_duplicate_share: float
    """Share of the tasks that are like an earlier one in ladder and page both."""
    alike_ladders_share: float
    """Share of the tasks whose ladder scores like that of an earlier task of the family."""
    alike_pages_share: float
    """Share of the tasks whose page reads like an earlier one's, numbers and names left out."""
    grammar: dict[str, int]
    defects: dict[str, int]
    skills: dict[str, int]
    skills_entropy: float
    """Of all skills of all tasks, in bits."""
    standard_gain_by_difficulty: dict[str, float]
    """Mean gain of the middle rung: it falls where difficulty means something."""
    tables: int
    """Tabular tasks that are compared with real tables."""
    vendi_ratio: float | None
    """Vendi score of their traits over that of as many real tables; None for under 20 tables."""
    c2st_auc: float | None
    """How well a forest tells them from real tables: 0.5 not at all, 1 always."""
    mean_ks: float | None
    """Mean Kolmogorov-Smirnov distance to real tables over 18 traits."""
    seeds: dict[str, int]
    seeds_covered: int
    first_draw_yield: float | None
    """None where the set has no log of its draws."""
    yield_3_attempts: float | None
    lowest_family_yield: float | None
    yields: dict[str, FamilyYield]
    public_bytes: int
    """Of all tasks together."""


def survey(path: Path) -> Survey:
    """Measure a set of tasks.

    Args:
        path: Folder of a set.

    Raises:
        UsageError: If there is no task, or a task's file is damaged.
    """
    tasks = [read_facts(folder) for folder in TaskSet.open(path)]
    traits = realism.tables_of(tasks)
    outcomes = list(read_outcomes(path).values())
    drawn = yield_report(outcomes)
    count = len(tasks)
    families = coverage.counted(tasks, lambda task: task.family)
    cells = coverage.cells(tasks)
    seeds = coverage.counted(tasks, lambda task: task.seed_id)
    skills = [skill for task in tasks for skill in task.skills]
    ladders, pages = likeness.alike_ladders(tasks), likeness.alike_pages(tasks)
    return Survey(
        tasks=count,
        families=families,
        max_family_share=round(max(families.values()) / count, 4),
        modalities=coverage.counted(tasks, lambda task: task.modality),
        task_types=coverage.counted(tasks, lambda task: task.task_type),
        metrics=coverage.counted(tasks, lambda task: task.metric),
        domains=coverage.counted(tasks, lambda task: task.domain),
        difficulties=coverage.counted(tasks, lambda task: task.difficulty),
        splits=coverage.counted(tasks, lambda task: task.split),
        references=coverage.counted(tasks, lambda task: task.reference),
        against_paper=coverage.against_paper(tasks),
        cells=cells,
        filled_cells=len(cells),
        distinct_rules_share=round(len({task.signature for task in tasks}) / count, 4),
        near_duplicate_share=_later(ladders & pages, count),
        alike_ladders_share=_later(ladders, count),
        alike_pages_share=_later(pages, count),
        grammar=coverage.tallied(task.grammar for task in tasks),
        defects=coverage.tallied(task.defects for task in tasks),
        skills=coverage.tallied(task.skills for task in tasks),
        skills_entropy=round(coverage.entropy(skills), 3),
        standard_gain_by_difficulty=_standard_gains(tasks),
        tables=len(traits),
        vendi_ratio=_rounded(realism.vendi_ratio(traits)),
        c2st_auc=_rounded(realism.told_apart(traits)),
        mean_ks=_rounded(float(np.mean(list(realism.distances(traits).values()))))
        if len(traits)
        else None,
        seeds=seeds,
        seeds_covered=len([seed for seed in seeds if seed != "None"]),
        first_draw_yield=drawn.total.first_draw if drawn.total.orders else None,
        yield_3_attempts=passed_within(outcomes, 3) if drawn.total.orders else None,
        lowest_family_yield=min((f.first_draw for f in drawn.families.values()), default=None),
        yields=drawn.families,
        public_bytes=sum(task.public_bytes for task in tasks),
    )


def _later(pairs: set[likeness.Pair], count: int) -> float:
    return round(len({later for _, later in pairs}) / count, 4)


def _standard_gains(tasks: list[TaskFacts]) -> dict[str, float]:
    levels = sorted({task.difficulty for task in tasks})
    return {
        str(level): round(
            float(np.mean([t.standard_gain for t in tasks if t.difficulty == level])), 4
        )
        for level in levels
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
