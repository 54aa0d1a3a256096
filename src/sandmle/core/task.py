"""A task as its solver may know it: public facts only. What is hidden lies in `store.layout`."""

from __future__ import annotations

import math
from enum import IntEnum
from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from sandmle.core.record import Record

SCHEMA_VERSION = 1
"""Version of `task.json`; raised when an older reader could misread a newer file."""

Modality = Literal["tabular", "text", "image", "audio", "timeseries", "graph", "multimodal", "rl"]
FeedbackMode = Literal["none", "valid", "public", "milestone"]


class Medal(IntEnum):
    """What a score earns; higher is better, whatever the direction of the metric."""

    NONE = 0
    BRONZE = 1
    SILVER = 2
    GOLD = 3


class MetricSpec(Record):
    """A metric by name, with its parameters."""

    name: str
    params: dict[str, Any] = Field(default_factory=dict)


class Column(Record):
    """One column that a submission must hold."""

    name: str
    kind: Literal["number", "integer", "label", "string"]
    """`number`: any finite float; `integer`; `label`: one of `labels`; `string`: free text."""
    labels: tuple[str, ...] = ()
    """The labels that a `label` column may hold, as they are written in the file."""
    low: float | None = None
    """Smallest allowed value of a `number` or `integer` column, inclusive."""
    high: float | None = None
    """Largest allowed value, inclusive."""
    max_length: int = 2_000
    """Characters that one cell may have."""

    @model_validator(mode="after")
    def _labels_belong_to_label_columns(self) -> Self:
        if (self.kind == "label") != bool(self.labels):
            raise ValueError(
                f"column {self.name!r} of kind {self.kind!r} has {len(self.labels)} labels; "
                "exactly the columns of kind 'label' list theirs"
            )
        return self


class SubmissionSchema(Record):
    """What `submission.csv` must look like: the id column, then the targets, one row per id."""

    id_column: str
    targets: tuple[Column, ...] = Field(min_length=1)
    rows: int = Field(gt=0)
    """Number of rows, not counting the header."""
    group_column: str | None = None
    """Column of the *answers* that groups rows for metrics such as NDCG; not submitted."""

    @property
    def header(self) -> tuple[str, ...]:
        """The columns of a submission, in order."""
        return (self.id_column, *(column.name for column in self.targets))


class Thresholds(Record):
    """The scores that earn median, bronze, silver and gold, in the metric's own unit.

    Raises:
        ValueError: If they are not strictly ordered from median to gold.
    """

    median: float
    bronze: float
    silver: float
    gold: float
    higher_is_better: bool

    @model_validator(mode="after")
    def _strictly_ordered(self) -> Self:
        bars = [self.sign * bar for bar in (self.median, self.bronze, self.silver, self.gold)]
        if not all(low < high for low, high in pairwise(bars)):
            order = "<" if self.higher_is_better else ">"
            raise ValueError(
                f"thresholds must be median {order} bronze {order} silver {order} gold, got "
                f"{self.median} {self.bronze} {self.silver} {self.gold}"
            )
        return self

    @property
    def sign(self) -> int:
        """1 where a higher score is better, else -1."""
        return 1 if self.higher_is_better else -1

    def better(self, score: float, other: float) -> bool:
        """Say whether `score` is strictly better than `other`."""
        return self.sign * score > self.sign * other

    def medal(self, score: float | None) -> Medal:
        """Return the best medal that `score` reaches; None and NaN earn nothing."""
        if score is None or math.isnan(score):
            return Medal.NONE
        reached = [
            self.sign * score >= self.sign * bar for bar in (self.bronze, self.silver, self.gold)
        ]
        return Medal(sum(reached))

    def above_median(self, score: float | None) -> bool:
        """Say whether `score` beats the median; strictly, as MLE-bench has it."""
        return score is not None and not math.isnan(score) and self.better(score, self.median)


class Limits(Record):
    """What one episode of the task may use."""

    step_seconds: float = Field(default=60.0, gt=0)
    """Wall time of one code run."""
    total_seconds: float = Field(default=1_200.0, gt=0)
    """Wall time of the whole episode (paper: 20 minutes)."""
    memory_mib: int = Field(default=2_048, gt=0)
    """Memory of all processes of one run."""
    disk_mib: int = Field(default=256, gt=0)
    """Size of the writable work directory."""
    processes: int = Field(default=64, gt=0)
    """Processes and threads alive at once."""
    output_bytes: int = Field(default=16_384, gt=0)
    """Bytes of stdout, and of stderr, that reach the agent; the middle of a longer text is cut."""


class TaskFile(Record):
    """One file that the agent is given."""

    path: str
    """Relative to the public folder, with forward slashes."""
    sha256: str
    bytes: int


class Provenance(Record):
    """Where a task comes from."""

    author: str
    """`procedural`, `table` or `llm`."""
    seed_task: str | None = None
    """Competition whose DNA the task carries."""
    domain: str | None = None
    difficulty: int | None = None
    """Level of difficulty, from 0: the number of defects, traps and interactions grows with it."""
    sandmle_version: str
    detail: dict[str, str] = Field(default_factory=dict)
    """Anything else worth keeping: model, prompt hash, a table's file name; never a seed."""


class Task(Record):
    """Public facts of one task; frozen.

    It holds neither answers nor the seed that they could be drawn from again.
    """

    schema_version: int = SCHEMA_VERSION
    id: str
    """`FAMILY:HASH`, where the hash is of the public files: equal content, equal id."""
    family: str
    """Family with version, `tabular/price-v2`; `table/NAME` for real tables."""
    title: str
    description: str
    """What the agent reads; the same text as `public/description.md`."""
    modality: Modality
    task_type: str
    metric: MetricSpec
    submission: SubmissionSchema
    thresholds: Thresholds
    limits: Limits = Limits()
    train_rows: int
    files: tuple[TaskFile, ...]
    provenance: Provenance
