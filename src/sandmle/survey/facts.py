"""What a survey needs of each task: public facts, the hidden rule's signature, the ladder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from sandmle.seeds import split_of
from sandmle.store.layout import TaskDir


@dataclass(frozen=True)
class TaskFacts:
    """One task of a set."""

    folder: TaskDir
    family: str
    modality: str
    task_type: str
    metric: str
    domain: str
    seed_id: str | None
    split: str
    difficulty: int
    train_rows: int
    test_rows: int
    reference: str
    """Kind of its reference."""
    public_bytes: int
    description: str
    signature: str
    """Hash of family, metric, grammar, defects and the rule's parameters to one digit."""
    grammar: tuple[str, ...]
    defects: tuple[str, ...]
    skills: tuple[str, ...]
    gains: tuple[tuple[str, float], ...]
    """Gain of each rung: the task's fingerprint."""
    standard_gain: float
    """Gain of the median rung: what is easy has a high one."""


def read_facts(folder: TaskDir) -> TaskFacts:
    """Read one task's folder.

    Raises:
        UsageError: If a file of it is missing or damaged.
    """
    task, hidden, report = folder.task, folder.hidden, folder.report
    gains = tuple((rung.name, rung.gain) for rung in report.rungs if rung.gain is not None)
    ordered = sorted(gain for _, gain in gains)
    seed_id = task.provenance.seed_task
    return TaskFacts(
        folder=folder,
        family=task.family,
        modality=task.modality,
        task_type=task.task_type,
        metric=task.metric.name,
        domain=task.provenance.domain or "none",
        seed_id=seed_id,
        split=split_of(seed_id) if seed_id else "train",
        difficulty=task.provenance.difficulty or 0,
        train_rows=task.train_rows,
        test_rows=task.submission.rows,
        reference=folder.bars.reference_kind,
        public_bytes=sum(file.bytes for file in task.files),
        description=task.description,
        signature=_signature(task.family, task.metric.name, hidden.rule),
        grammar=hidden.grammar,
        defects=hidden.defects,
        skills=hidden.skills,
        gains=gains,
        standard_gain=ordered[len(ordered) // 2] if ordered else 0.0,
    )


def _signature(family: str, metric: str, rule: dict[str, Any]) -> str:
    text = json.dumps([family, metric, _blurred(rule)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _blurred(value: Any) -> Any:
    """Round all floats to one digit, and leave out what only names or counts."""
    if isinstance(value, float):
        return float(f"{value:.0e}")
    if isinstance(value, dict):
        return {key: _blurred(inner) for key, inner in value.items() if key not in _NAMES}
    if isinstance(value, list | tuple):
        return [_blurred(inner) for inner in value]
    return value


_NAMES = {"skin", "scene", "train_rows", "test_rows", "container"}
