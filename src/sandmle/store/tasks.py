"""A folder of tasks, read lazily: thousands cost nothing until they are looked at."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.errors import UsageError, unknown
from sandmle.core.task import Task
from sandmle.store.layout import TaskDir


@dataclass(frozen=True)
class TaskSet:
    """Task folders below one folder, in the order of their names."""

    dirs: tuple[TaskDir, ...]

    @classmethod
    def open(cls, path: Path) -> TaskSet:
        """Find the tasks of a set, or take the one task that `path` is itself.

        Folders whose names start with a dot are left alone: they are unfinished.

        Raises:
            UsageError: If there is no task at `path`.
        """
        if (path / "task.json").is_file():
            return cls((TaskDir(path),))
        if not path.is_dir():
            raise UsageError(f"{path} is not a folder; give a task or a folder of tasks")
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if not entry.name.startswith("."))
        found = tuple(
            TaskDir(path / name) for name in names if (path / name / "task.json").is_file()
        )
        if not found:
            raise UsageError(
                f"{path} holds no task; make some with `sandmle generate --out {path}`"
            )
        return cls(found)

    def __len__(self) -> int:
        return len(self.dirs)

    def __iter__(self) -> Iterator[TaskDir]:
        return iter(self.dirs)

    def get(self, name: str) -> TaskDir:
        """Return the task with this id or folder name.

        Raises:
            UsageError: If there is none.
        """
        for task_dir in self.dirs:
            if name in (task_dir.path.name, task_dir.task.id):
                return task_dir
        raise unknown("task", name, [task_dir.path.name for task_dir in self.dirs])

    def filter(self, keep: Callable[[Task], bool]) -> TaskSet:
        """Return the tasks whose public facts satisfy `keep`; reads each `task.json` once."""
        return TaskSet(tuple(task_dir for task_dir in self.dirs if keep(task_dir.task)))
