"""The folder of a run; the only file that knows what lies in it and how it is called.

RUN/run.json              what is played (`RunSettings`); never changed once it is written
RUN/launch.json           how much at once, where, and the budget (`Launch`); of the last call
RUN/episodes.jsonl        the episodes, one a line
RUN/episodes.failed.jsonl episodes that failed and were taken out to be played again
RUN/artefacts/            programs and submissions by their SHA-256
RUN/report.html           the page over all of it
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from sandmle.core.errors import UsageError, unknown
from sandmle.core.record import Record
from sandmle.core.task import Task
from sandmle.rollout.group import Budget
from sandmle.rollout.settings import RunSettings
from sandmle.seeds import split_of
from sandmle.store import TaskSet
from sandmle.store.artefacts import Artefacts
from sandmle.store.atomic import write_file
from sandmle.store.episodes import EpisodeLog, count_lines, is_written

SETTINGS, LAUNCH, EPISODES = "run.json", "launch.json", "episodes.jsonl"
FAILED, ARTEFACTS, REPORT = "episodes.failed.jsonl", "artefacts", "report.html"
_PARTS = (SETTINGS, LAUNCH, EPISODES, FAILED, ARTEFACTS, REPORT, f"{EPISODES}.torn")
_DEPTH = 3
"""How far below a folder runs are looked for."""

_R = TypeVar("_R", bound=Record)


class Launch(Record):
    """How a run is carried out; may be another one each time, and changes no episode."""

    max_concurrent: int = Field(default=4, ge=1)
    """Episodes at once."""
    max_model_calls: int | None = Field(default=None, ge=1)
    """Calls of the model at once; None: as many as there are episodes."""
    executor: Literal["local", "ray"] = "local"
    ray_address: str | None = None
    """Address of the Ray cluster; None: one that is started on this machine."""
    budget: Budget = Field(default_factory=Budget)


@dataclass(frozen=True)
class RunDir:
    """A run's folder; nothing is read before it is asked for."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> RunDir:
        """Take a folder that holds a run.

        Raises:
            UsageError: If it holds none.
        """
        if not (path / SETTINGS).is_file():
            raise UsageError(
                f"{path} holds no run (there is no {SETTINGS} in it); "
                "`sandmle runs list DIR` says where runs are"
            )
        return cls(path)

    @property
    def settings(self) -> RunSettings:
        """What is played.

        Raises:
            UsageError: If the file cannot be read as settings.
        """
        return _read(self.path / SETTINGS, RunSettings)

    @property
    def launch(self) -> Launch:
        """How it was carried out the last time."""
        path = self.path / LAUNCH
        return _read(path, Launch) if path.is_file() else Launch()

    @property
    def log(self) -> EpisodeLog:
        """Its episodes."""
        return EpisodeLog(self.path / EPISODES)

    @property
    def failed(self) -> EpisodeLog:
        """Episodes that were taken out to be played again."""
        return EpisodeLog(self.path / FAILED)

    @property
    def artefacts(self) -> Artefacts:
        """Its programs and submissions."""
        return Artefacts(self.path / ARTEFACTS)

    @property
    def report(self) -> Path:
        """The page over all of it."""
        return self.path / REPORT

    @property
    def being_written(self) -> bool:
        """Whether a process plays it now."""
        return is_written(self.path / EPISODES)

    def count(self) -> int:
        """Count the episodes without reading them."""
        return count_lines(self.path / EPISODES)

    def tasks(self) -> TaskSet:
        """Return the tasks that it plays.

        Raises:
            UsageError: If they are not where they were.
        """
        settings = self.settings
        return settings.choice.of(of_split(TaskSet.open(Path(settings.tasks)), settings.split))

    def check(self, settings: RunSettings) -> None:
        """Say whether a run with these settings may start or go on here; writes nothing.

        Raises:
            UsageError: If the folder holds a run with others, or something that is no run.
        """
        if (self.path / SETTINGS).is_file():
            self._compare(settings)
            return
        strangers = self._strangers()
        if strangers:
            raise UsageError(
                f"{self.path} holds {strangers[0]!r}, which no run made; choose another --out"
            )
        if self.count():
            raise UsageError(
                f"{self.path / EPISODES} holds episodes, and no {SETTINGS} says how they were "
                "played; choose another --out"
            )

    def claim(self, settings: RunSettings, launch: Launch) -> None:
        """Write down what is played; call it with the log open for writing.

        Raises:
            UsageError: If the folder holds a run with other settings, or the disk takes no more.
        """
        self.check(settings)
        if not (self.path / SETTINGS).is_file():
            self._write(SETTINGS, settings)
        if not (self.path / LAUNCH).is_file() or self.launch != launch:
            self._write(LAUNCH, launch)

    def remove(self) -> None:
        """Remove the run.

        Raises:
            UsageError: If it is no run, is being written, or holds something else.
        """
        strangers = RunDir.open(self.path)._strangers()
        if strangers:
            raise UsageError(
                f"{self.path} holds {strangers[0]!r}, which no run made; move it away first"
            )
        with self.log:
            # renamed first: a removal that is cut short leaves no half of a run under its name
            grave = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", dir=self.path.parent))
            self.path.rename(grave / self.path.name)
        shutil.rmtree(grave)

    def _compare(self, settings: RunSettings) -> None:
        before = self.settings
        changed = [name for name, value in settings if getattr(before, name) != value]
        if changed:
            raise UsageError(
                f"{self.path} holds a run with another {', '.join(changed)}; "
                f"give the same options, or `sandmle runs resume {self.path}`, or another --out"
            )

    def _strangers(self) -> list[str]:
        if not self.path.is_dir():
            return []
        return sorted(
            entry.name
            for entry in self.path.iterdir()
            if entry.name not in _PARTS
            and not entry.name.startswith(tuple(f".{p}" for p in _PARTS))
        )

    def _write(self, name: str, record: Record) -> None:
        path = self.path / name
        try:
            write_file(path, record.model_dump_json(indent=1).encode() + b"\n")
        except OSError as exc:
            raise UsageError(
                f"{path} cannot be written ({exc.strerror}); make room and run the same command "
                "again"
            ) from exc


def find_runs(folder: Path) -> list[RunDir]:
    """Return the runs at or up to three levels below a folder, by path.

    Raises:
        UsageError: If there is no such folder.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder; give one that holds runs")
    return list(_runs_below(folder, _DEPTH))


def _runs_below(folder: Path, depth: int) -> Iterator[RunDir]:
    if (folder / SETTINGS).is_file():
        yield RunDir(folder)
        return
    if depth == 0 or (folder / "task.json").is_file():
        return
    try:
        with os.scandir(folder) as entries:
            names = sorted(
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            )
    except PermissionError:
        return
    for name in names:
        yield from _runs_below(folder / name, depth - 1)


def of_split(tasks: TaskSet, split: str) -> TaskSet:
    """Return the tasks whose seeds train, or validate; a task without a seed trains.

    Raises:
        UsageError: If there is no such split, or no task in it.
    """
    if split == "all":
        return tasks
    if split not in ("train", "validation"):
        raise unknown("split", split, ["all", "train", "validation"])

    def lies_there(task: Task) -> bool:
        seed = task.provenance.seed_task
        return (split_of(seed) if seed else "train") == split

    chosen = tasks.filter(lies_there)
    if not len(chosen):
        raise UsageError(f"none of the {len(tasks)} tasks is a {split} task; use --split all")
    return chosen


def _read(path: Path, model: type[_R]) -> _R:
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as exc:
        raise UsageError(f"{path} cannot be read ({exc.strerror})") from exc
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UsageError(
            f"{path} cannot be read as a run's settings ({where}: {first['msg']}); "
            "choose another --out"
        ) from exc
