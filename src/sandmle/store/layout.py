"""One task on disk; the only file that knows what is private and where it lies.

TASK/task.json            public facts (`core.task.Task`)
TASK/manifest.json        SHA-256 and size of every other file
TASK/public/              what the agent is given: description.md, train, test, sample_submission
TASK/private/answers.csv  the hidden answers with their split
             hidden.json  hidden rule, skills, traps, recipe (holds the random seed)
             report.json  checks, measured ladder, thresholds with their errors
             ladder.py    the baseline scripts, one after another
             reference.csv (oracle only, and only if it differs from the answers)
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sandmle.core.draft import Baseline, Reference, TaskDraft, Trap
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.core.task import SubmissionSchema, Task, TaskFile
from sandmle.core.verdict import Bars, VerifyReport
from sandmle.store.atomic import new_folder
from sandmle.store.ladder import pack_ladder, unpack_ladder
from sandmle.store.manifest import check_manifest, file_entry, write_manifest

CANARY_AUTHOR = "canary"
"""Author in the recipe of a task whose graded answers were mixed up."""

_R = TypeVar("_R", bound=Record)


class Hidden(Record):
    """What only the author knows about a task."""

    rule: dict[str, Any]
    grammar: tuple[str, ...] = ()
    defects: tuple[str, ...] = ()
    skills: tuple[str, ...]
    traps: tuple[tuple[str, str], ...]
    """(column, why) of each trap."""
    recipe: dict[str, Any]

    @property
    def canary(self) -> bool:
        """Whether the task cannot be solved honestly; see `generate.canary`."""
        return self.recipe.get("author") == CANARY_AUTHOR


@dataclass(frozen=True)
class TaskDir:
    """A task's folder; nothing is read before it is asked for."""

    path: Path

    @classmethod
    def create(
        cls, path: Path, draft: TaskDraft, report: VerifyReport, *, force: bool = False
    ) -> TaskDir:
        """Write a verified draft as a folder: whole or not at all.

        Args:
            path: The folder to make.
            draft: What the author handed in.
            report: Its verification; the thresholds come from it.
            force: Replace a folder that is there.

        Raises:
            UsageError: If the folder is there and `force` is not given, or the report has no bars.
        """
        if report.bars is None:
            raise UsageError(f"{path.name}: a task without thresholds cannot be written")
        task = _public_facts(draft, report.bars)
        hidden = Hidden(
            rule=dict(draft.rule),
            grammar=draft.grammar,
            defects=draft.defects,
            skills=draft.skills,
            traps=tuple((trap.column, trap.why) for trap in draft.traps),
            recipe=dict(draft.recipe),
        )
        with new_folder(path, force=force) as work:
            for name, data in draft.public.items():
                _write(work / "public" / name, data)
            _write(work / "private" / "answers.csv", draft.answers)
            best = draft.reference.submission
            if best and best != _answers_as_submission(draft.answers, draft.submission):
                _write(work / "private" / "reference.csv", best)
            _write(work / "private" / "ladder.py", pack_ladder(draft.ladder))
            _write(work / "private" / "hidden.json", _pretty(hidden))
            _write(work / "private" / "report.json", _pretty(report))
            _write(work / "task.json", _pretty(task))
            write_manifest(work)
        return cls(path)

    @property
    def task(self) -> Task:
        """The public facts.

        Raises:
            UsageError: If `task.json` is missing or is not a task.
        """
        return _read(self.path / "task.json", Task)

    @property
    def public(self) -> Path:
        """The folder that the agent is given; the only one that a sandbox may see."""
        return self.path / "public"

    @property
    def hidden(self) -> Hidden:
        """Hidden rule, skills, traps and recipe."""
        return _read(self.path / "private" / "hidden.json", Hidden)

    @property
    def report(self) -> VerifyReport:
        """The verification that the task passed."""
        return _read(self.path / "private" / "report.json", VerifyReport)

    @property
    def bars(self) -> Bars:
        """The thresholds with all that they rest on."""
        bars = self.report.bars
        if bars is None:
            raise UsageError(f"{self.path}: private/report.json has no thresholds; verify it again")
        return bars

    def answers(self) -> bytes:
        """Return the hidden answers, CSV with a `split` column."""
        return _bytes(self.path / "private" / "answers.csv")

    def ladder(self) -> tuple[Baseline, ...]:
        """Return the baseline scripts, weakest name first."""
        path = self.path / "private" / "ladder.py"
        try:
            return unpack_ladder(_bytes(path))
        except ValueError as exc:
            raise UsageError(f"{path} is damaged: {exc}") from exc

    def reference(self) -> Reference:
        """Return the reference; without the training rows of a `data_rich` one."""
        kind = self.bars.reference_kind
        path = self.path / "private" / "reference.csv"
        if path.is_file():
            return Reference(kind, _bytes(path))
        if kind == "oracle":
            return Reference(kind, _answers_as_submission(self.answers(), self.task.submission))
        return Reference(kind)

    def draft(self) -> TaskDraft:
        """Put the draft together again from the files.

        The extra training rows of a `data_rich` reference are not kept on disk; `recipe` makes
        them again.
        """
        task, hidden = self.task, self.hidden
        return TaskDraft(
            family=task.family,
            title=task.title,
            description=task.description,
            modality=task.modality,
            task_type=task.task_type,
            metric=task.metric,
            submission=task.submission,
            train_rows=task.train_rows,
            public={file.path: _bytes(self.public / file.path) for file in task.files},
            answers=self.answers(),
            ladder=self.ladder(),
            reference=self.reference(),
            rule=hidden.rule,
            grammar=hidden.grammar,
            defects=hidden.defects,
            skills=hidden.skills,
            traps=tuple(Trap(column, why) for column, why in hidden.traps),
            limits=task.limits,
            recipe=hidden.recipe,
            provenance=task.provenance,
        )

    def problems(self) -> list[str]:
        """Return what is wrong with the files, a sentence each; empty if the folder is intact."""
        if not self.path.is_dir():
            return [f"{self.path} is not a folder"]
        return check_manifest(self.path)


def _answers_as_submission(answers: bytes, schema: SubmissionSchema) -> bytes:
    """Return what a submission of the answers looks like."""
    rows = list(csv.reader(io.StringIO(answers.decode(), newline="")))
    keep = [rows[0].index(name) for name in schema.header if name in rows[0]]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([row[k] for k in keep] for row in rows)
    return out.getvalue().encode()


def _public_facts(draft: TaskDraft, bars: Bars) -> Task:
    entries = {path: file_entry(data) for path, data in sorted(draft.public.items())}
    return Task(
        id=draft.task_id(),
        family=draft.family,
        title=draft.title,
        description=draft.description,
        modality=draft.modality,
        task_type=draft.task_type,
        metric=draft.metric,
        submission=draft.submission,
        thresholds=bars.thresholds,
        limits=draft.limits,
        train_rows=draft.train_rows,
        files=tuple(
            TaskFile(path=path, sha256=entry.sha256, bytes=entry.bytes)
            for path, entry in entries.items()
        ),
        provenance=draft.provenance,
    )


def _pretty(record: Record) -> bytes:
    text = json.dumps(record.model_dump(mode="json"), indent=1, sort_keys=True, ensure_ascii=False)
    return text.encode() + b"\n"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as exc:
        raise UsageError(f"{path} cannot be read ({exc.strerror}); is this a task folder?") from exc


def _read(path: Path, model: type[_R]) -> _R:
    data = _bytes(path)
    try:
        return model.model_validate_json(data)
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UsageError(f"{path} is damaged at {where}: {first['msg']}") from exc
