"""Task DNA: what a task looks like with all meaning taken out of it."""

from __future__ import annotations

from typing import Literal

from sandmle.core.record import Record

Imbalance = Literal["none", "mild", "strong"]
Resolution = Literal["none", "small", "medium", "large"]
SubmissionForm = Literal[
    "label",
    "labels",
    "probability",
    "probabilities",
    "number",
    "numbers",
    "ranking",
    "boxes",
    "mask",
    "text",
]


class TaskDNA(Record):
    """The traits of a task that a new one inherits; words as in the seed catalogue."""

    seed_id: str | None = None
    """The competition that it was taken from; None for a user's own table."""
    modality: str
    task_type: str
    metric: str
    """Metric in words."""
    metric_family: str
    """`auc`, `rmse`, `f1` ...: what a family's metrics are matched by."""
    higher_is_better: bool
    n_classes: int | None = None
    n_targets: int = 1
    n_train: int | None = None
    n_test: int | None = None
    submission_columns: int = 2
    imbalance: Imbalance = "none"
    """How uneven classes are: `mild` about 3 to 1, `strong` about 8 to 1 or more."""
    resolution: Resolution = "none"
    """Size of pictures, volumes or recordings relative to others of their kind; `none`: no such."""
    submission: SubmissionForm = "number"
    """What a row of a submission holds."""
