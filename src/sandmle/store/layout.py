"""One task on disk; the only file that knows what is private and where it lies.

TASK/task.json            public facts (`core.task.Task`)
TASK/manifest.json        SHA-256 and size of every other file
TASK/public/              what the agent is given: description.md, train, test, sample_submission
TASK/private/answers.csv  the hidden answers with their split
             hidden.json  hidden rule, skills, traps, recipe (holds the random seed)
             report.json  checks, measured ladder, thresholds with their errors
             reference.csv (oracle only) and ladder/RUNG.py
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from sandmle.core.draft import Baseline, Reference, TaskDraft, Trap
from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.core.task import Task, TaskFile
from sandmle.core.verdict import Bars, VerifyReport
from sandmle.store.atomic import new_folder
from sandmle.store.manifest import check_manifest, file_entry, write_manifest

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
            if draft.reference.submission is not None:
                _write(work / "private" / "reference.csv", draft.reference.submission)
            for rung in draft.ladder:
                _write(work / "private" / "ladder" / f"{rung.name}.py", rung.script.encode())
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
        """Return the baseline scripts in the order of the report, weakest name first."""
        folder = self.path / "private" / "ladder"
        names = [rung.name for rung in self.report.rungs if (folder / f"{rung.name}.py").is_file()]
        scripts = [_bytes(folder / f"{name}.py").decode() for name in names]
        return tuple(Baseline(name, script) for name, script in zip(names, scripts, strict=True))

    def draft(self) -> TaskDraft:
        """Put the draft together again from the files.

        The extra training rows of a `data_rich` reference are not kept on disk; `recipe` makes
        them again.
        """
        task, hidden = self.task, self.hidden
        reference = self.path / "private" / "reference.csv"
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
            reference=Reference(
                self.bars.reference_kind, _bytes(reference) if reference.is_file() else None
            ),
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
