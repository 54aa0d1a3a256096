"""The 82 MLE-bench competition records: 60 are the paper's seeds, the others stay held out."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import Field

from sandmle.core.errors import unknown
from sandmle.core.record import Record
from sandmle.seeds.dna import Imbalance, Resolution, SubmissionForm, TaskDNA


class Leaderboard(Record):
    """A competition's board, as MLE-bench's medal rule reads it; scores in the metric's unit."""

    n_teams: int
    best: float
    worst: float
    gold_threshold: float
    silver_threshold: float
    bronze_threshold: float
    median_threshold: float
    source: str
    verified: bool


class Traits(Record):
    """What a seed's DNA needs and its record does not say; see `TaskDNA`."""

    imbalance: Imbalance = "none"
    resolution: Resolution = "none"
    submission: SubmissionForm = "number"


class SeedRecord(Record):
    """Facts of one competition; None where a fact is unknown."""

    id: str
    split: str
    is_lite: bool
    is_sandmle_seed: bool
    mlebench_category: str | None
    competition_type: str
    modality: str
    extra_modalities: tuple[str, ...]
    task_type: str
    metric: str
    metric_family: str
    mlebench_grader_name: str
    is_lower_better: bool
    dataset_size_gb: float | None
    dataset_size_source: str | None
    n_train: int | None
    n_test: int | None
    n_original_train: int | None
    n_unit: str | None
    n_source: str
    n_note: str | None
    split_rule: str
    id_columns: tuple[str, ...]
    target_columns: tuple[str, ...]
    submission_columns: tuple[str, ...]
    submission_constraints: tuple[str, ...]
    n_classes: int | None
    n_classes_source: str | None
    answers_file: str
    sample_submission_file: str
    gold_submission_file: str | None
    sample_submission_score: float | None
    leaderboard: Leaderboard
    in_mledojo: bool
    mledojo_role: str | None
    notes: tuple[Any, ...] = Field(default=())

    def dna(self) -> TaskDNA:
        """Return the traits that a new task inherits; names, subject and story stay behind."""
        return TaskDNA(
            seed_id=self.id,
            modality=self.modality,
            task_type=self.task_type,
            metric=self.metric,
            metric_family=self.metric_family,
            higher_is_better=not self.is_lower_better,
            n_classes=self.n_classes,
            n_targets=max(1, len(self.target_columns)),
            n_train=self.n_train,
            n_test=self.n_test,
            submission_columns=len(self.submission_columns),
            **load_traits().get(self.id, Traits()).model_dump(),
        )


@cache
def load_traits() -> dict[str, Traits]:
    """Return the traits of the 60 seeds by id."""
    text = files("sandmle.seeds").joinpath("traits.toml").read_text(encoding="utf-8")
    return {name: Traits.model_validate(item) for name, item in tomllib.loads(text).items()}


@cache
def load_catalogue() -> dict[str, SeedRecord]:
    """Return all 82 records by id, in the catalogue's order."""
    text = files("sandmle.seeds").joinpath("catalogue.json").read_text(encoding="utf-8")
    records = [SeedRecord.model_validate(item) for item in json.loads(text)["competitions"]]
    return {record.id: record for record in records}


def seed_ids() -> list[str]:
    """Return the ids of the 60 seeds; the other 22 records are MLE-bench-lite and never seeds."""
    return [record.id for record in load_catalogue().values() if record.is_sandmle_seed]


VALIDATION_SEEDS = frozenset(
    {
        "hubmap-kidney-segmentation",
        "movie-review-sentiment-analysis-kernels-only",
        "nfl-player-contact-detection",
        "paddy-disease-classification",
        "plant-pathology-2021-fgvc8",
        "seti-breakthrough-listen",
        "smartphone-decimeter-2022",
    }
)
"""Seeds whose tasks validate, in every set; of several modalities and task types."""


def split_of(seed_id: str) -> Literal["train", "validation"]:
    """Say on which side the tasks of a seed lie, so that none of its variants lie on both."""
    return "validation" if seed_id in VALIDATION_SEEDS else "train"


def get_seed(seed_id: str) -> SeedRecord:
    """Return a seed's record.

    Raises:
        UsageError: If the id is unknown, or is one of the 22 that are kept for evaluation.
    """
    seeds = seed_ids()
    if seed_id not in seeds:
        raise unknown("seed", seed_id, seeds)
    return load_catalogue()[seed_id]
