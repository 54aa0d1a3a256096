"""Folders of tasks: lazy, sorted, filterable."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.verdict import VerifyReport
from sandmle.store import TaskDir, TaskSet


@pytest.fixture
def folder(tmp_path: Path, draft: TaskDraft, report: VerifyReport) -> Path:
    for name, family in (("0001-b", "text/b-v1"), ("0000-a", "tabular/a-v1")):
        description = f"# {name}\n"
        public = {**draft.public, "description.md": description.encode()}
        TaskDir.create(
            tmp_path / "set" / name,
            replace(draft, family=family, description=description, public=public),
            report,
        )
    return tmp_path / "set"


def test_tasks_come_in_the_order_of_their_names(folder: Path) -> None:
    assert [task_dir.path.name for task_dir in TaskSet.open(folder)] == ["0000-a", "0001-b"]
    assert len(TaskSet.open(folder)) == 2


def test_one_task_is_a_set_of_one(folder: Path) -> None:
    assert TaskSet.open(folder / "0000-a").dirs == (TaskDir(folder / "0000-a"),)


def test_unfinished_and_foreign_folders_are_no_tasks(folder: Path) -> None:
    shutil.copytree(folder / "0000-a", folder / ".0002-c.tmp")
    (folder / "private").mkdir()
    (folder / "notes.txt").touch()
    assert len(TaskSet.open(folder)) == 2


def test_three_thousand_tasks_open_without_reading_one(tmp_path: Path) -> None:
    for number in range(3_000):
        task = tmp_path / f"{number:04d}"
        task.mkdir()
        # not a task: whoever parses it fails
        (task / "task.json").write_bytes(b"\xff")
    start = time.process_time()
    tasks = TaskSet.open(tmp_path)
    assert len(tasks) == len(list(tasks)) == 3_000
    assert time.process_time() - start < 1.0
    with pytest.raises(UsageError, match=r"0000/task\.json is damaged"):
        tasks.filter(lambda task: True)


def test_a_task_is_found_by_folder_name_and_by_id(folder: Path) -> None:
    tasks = TaskSet.open(folder)
    second = tasks.get("0001-b")
    assert tasks.get(second.task.id) == second
    with pytest.raises(UsageError, match=r"no task '0001-c'\. Did you mean '0001-b'"):
        tasks.get("0001-c")


def test_tasks_are_filtered_by_their_public_facts(folder: Path) -> None:
    texts = TaskSet.open(folder).filter(lambda task: task.family.startswith("text/"))
    assert [task_dir.path.name for task_dir in texts] == ["0001-b"]


@pytest.mark.parametrize(
    ("name", "message"), [("none", "is not a folder; give a task"), ("empty", "holds no task")]
)
def test_a_place_without_tasks_is_refused(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        TaskSet.open(tmp_path / name)
