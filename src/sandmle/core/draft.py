"""A task as its author hands it in, before verification: public files and everything hidden."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sandmle.core.task import Limits, MetricSpec, Modality, Provenance, SubmissionSchema

ReferenceKind = Literal["oracle", "data_rich", "best_pipeline"]


@dataclass(frozen=True)
class Baseline:
    """One rung of the ladder: a whole script that an agent could have written."""

    name: str
    """Lower-case words with underscores, unique in its ladder; `dummy` is always there."""
    script: str
    """Reads `input/`, writes `submission.csv`, both relative to the current directory."""


@dataclass(frozen=True)
class Reference:
    """The best score that can be expected, from what only the author knows.

    `oracle`: predictions of the hidden rule itself. `data_rich`: the ladder's scripts trained on
    about 20 times the rows, for rules that no renderer lets one see exactly. `best_pipeline`: the
    best rung, for real tables, whose rule nobody knows.
    """

    kind: ReferenceKind
    submission: bytes | None = None
    """`oracle`: a submission file."""
    rich_public: Mapping[str, bytes] = field(default_factory=dict)
    """`data_rich`: files that replace those of the same name in `public` for the reference runs."""


@dataclass(frozen=True)
class Trap:
    """A column or cue that helps on the training rows and hurts on the test rows."""

    column: str
    """The training column to stay away from."""
    why: str


@dataclass(frozen=True)
class TaskDraft:
    """All that a task is made of.

    The answers have the columns of a submission, the schema's group column if any, and `split`:
    `public` rows are shown to the score tool, `private` rows give the grade.
    """

    family: str
    title: str
    description: str
    modality: Modality
    task_type: str
    metric: MetricSpec
    submission: SubmissionSchema
    train_rows: int
    public: Mapping[str, bytes]
    """Contents by relative path; includes `description.md` and `sample_submission.csv`."""
    answers: bytes
    """CSV, UTF-8, one header line."""
    ladder: tuple[Baseline, ...]
    reference: Reference
    rule: Mapping[str, Any]
    """The hidden rule and everything else that must not leak; can be written as JSON."""
    skills: tuple[str, ...]
    """Engineering skills that the task asks for; private, for reports."""
    provenance: Provenance
    recipe: Mapping[str, Any]
    """What the author needs to build the very same draft again; private, holds the seed."""
    grammar: tuple[str, ...] = ()
    """Operations of the hidden rule, by name; private, for reports."""
    defects: tuple[str, ...] = ()
    """What stands between the data and the rule, by name; private, for reports."""
    traps: tuple[Trap, ...] = ()
    limits: Limits = field(default_factory=Limits)

    def content_hash(self) -> str:
        """Return a SHA-256 over everything that the author made, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for path, data in sorted(self.public.items()):
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
        for path, data in sorted(self.reference.rich_public.items()):
            digest.update(f"rich/{path}\0{len(data)}\0".encode() + data)
        digest.update(self.answers + b"\0" + (self.reference.submission or b""))
        scripts = [(rung.name, rung.script) for rung in self.ladder]
        facts = [scripts, dict(self.rule), self.submission.model_dump(), self.metric.model_dump()]
        digest.update(json.dumps(facts, sort_keys=True).encode())
        return digest.hexdigest()

    def task_id(self) -> str:
        """Return `FAMILY:HASH`; the hash is over the public files only."""
        digest = hashlib.sha256()
        for path, data in sorted(self.public.items()):
            digest.update(f"{path}\0{len(data)}\0".encode() + data)
        return f"{self.family}:{digest.hexdigest()[:10]}"
