"""Check 2: the draft is complete, of legal size, and every table in it can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from sandmle.core.draft import TaskDraft
from sandmle.core.errors import GraderError, InvalidSubmission, UsageError
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context
from sandmle.verify.recordings import check_file

MAX_BYTES = 20_000_000
"""All public files together."""
TRAIN_ROWS = (50, 200)
"""Labelled training samples of a micro task (paper)."""
MIN_GRADED = 30
"""Rows that the grade rests on at least."""
_NEEDED = ("description.md", "sample_submission.csv")
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST_PATH = 200


class Schema(Check):
    """Files, paths, sizes, answers, ladder and reference are what a task is made of."""

    name = "schema"
    number = 0
    reasons = (
        "schema.path",
        "schema.missing_file",
        "schema.size",
        "schema.description",
        "schema.json",
        "schema.train_rows",
        "schema.ladder",
        "schema.reference",
        "schema.metric",
        "schema.answers",
        "schema.table",
        "schema.recording",
        "schema.sample",
    )
    summary = (
        "description, sample submission, pictures, sounds, arrays, answers, ladder and reference "
        "can be read; paths are relative, all files are at most 20 MB, 50 to 200 training samples"
    )

    def find(self, context: Context) -> Fault | None:
        """Return the first fault; later checks rely on there being none."""
        return next(_faults(context), None)


def _faults(context: Context) -> Iterator[Fault]:
    draft = context.draft
    yield from _file_faults(draft)
    yield from _author_faults(draft)
    try:
        key, grader = context.key, context.grader
    except UsageError as exc:
        yield Fault("schema.metric", str(exc))
        return
    except GraderError as exc:
        yield Fault("schema.answers", str(exc))
        return
    graded = len(key.only("private").ids)
    if graded < MIN_GRADED or graded == len(key.ids):
        yield Fault(
            "schema.answers",
            f"{graded} of {len(key.ids)} answers are private; at least {MIN_GRADED}, not all",
        )
    try:
        _ = context.data.tables
    except ValueError as exc:
        yield Fault("schema.table", str(exc))
    for path, data in draft.public.items():
        try:
            check_file(path, data)
        except ValueError as exc:
            yield Fault("schema.recording", str(exc))
    try:
        grader.score(draft.public["sample_submission.csv"], "private")
        # the score tool must work, or every episode on the task would be masked
        grader.score(draft.public["sample_submission.csv"], "public")
    except (InvalidSubmission, GraderError) as exc:
        yield Fault("schema.sample", f"sample_submission.csv is refused: {exc}")


def _file_faults(draft: TaskDraft) -> Iterator[Fault]:
    for path in draft.public:
        parts = PurePosixPath(path).parts
        legal = path == "/".join(parts) and not path.startswith("/") and len(path) <= _LONGEST_PATH
        if not legal or "\\" in path or any(part.startswith(".") for part in parts):
            yield Fault("schema.path", f"public path {path!r} is not plain and relative")
    for path in _NEEDED:
        if path not in draft.public:
            yield Fault("schema.missing_file", f"public file {path} is missing")
    size = sum(len(data) for data in draft.public.values())
    if size > MAX_BYTES:
        yield Fault("schema.size", f"public files have {size} bytes; at most {MAX_BYTES}")
    if draft.public["description.md"] != draft.description.encode():
        yield Fault("schema.description", "description.md is not the draft's description")


def _author_faults(draft: TaskDraft) -> Iterator[Fault]:
    try:
        json.dumps([dict(draft.rule), dict(draft.recipe)], allow_nan=False)
    except (TypeError, ValueError) as exc:
        yield Fault("schema.json", f"rule or recipe cannot be written as JSON: {exc}")
    low, high = TRAIN_ROWS
    if not low <= draft.train_rows <= high:
        yield Fault(
            "schema.train_rows", f"{draft.train_rows} training samples; a task has {low} to {high}"
        )
    names = [rung.name for rung in draft.ladder]
    plain = all(_PLAIN_NAME.fullmatch(name) for name in names)
    if "dummy" not in names or len(set(names)) != len(names) or not plain:
        yield Fault("schema.ladder", f"ladder {names} needs 'dummy' and distinct plain names")
    has_oracle = draft.reference.submission is not None
    has_rich = bool(draft.reference.rich_public)
    if (has_oracle, has_rich) != (
        draft.reference.kind == "oracle",
        draft.reference.kind == "data_rich",
    ):
        yield Fault("schema.reference", f"a {draft.reference.kind} reference has the wrong files")


CHECKS.register(Schema.name)(Schema())
