"""A task on disk: whole or not at all, and the same when it is read again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from sandmle.core.draft import Reference, TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.verdict import VerifyReport
from sandmle.store import TaskDir


def test_a_draft_comes_back_as_it_was(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    again = TaskDir(tmp_path / "t").draft()
    assert again.content_hash() == draft.content_hash()
    assert replace(again, reference=draft.reference) == draft
    assert again.reference == draft.reference
    assert task_dir.report == report
    assert task_dir.task.id == draft.task_id()
    assert task_dir.bars.thresholds == task_dir.task.thresholds
    assert task_dir.problems() == []


def test_a_reference_that_is_the_answers_is_kept_once(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    other = replace(draft, reference=Reference("oracle", b"id,y\n3,5\n4,7\n"))
    for name, one, files in (("same", draft, 0), ("other", other, 1)):
        task_dir = TaskDir.create(tmp_path / name, one, report)
        assert len(list(task_dir.path.glob("private/reference.csv"))) == files
        assert task_dir.draft().reference == one.reference


@pytest.mark.parametrize("damage", [b"print(1)\n", b"\xff"])
def test_a_damaged_ladder_is_named(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport, damage: bytes
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    (task_dir.path / "private" / "ladder.py").write_bytes(damage)
    with pytest.raises(UsageError, match=r"private/ladder\.py is damaged: "):
        task_dir.ladder()


def test_the_same_draft_gives_the_same_bytes(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    manifests = [
        (TaskDir.create(tmp_path / name, draft, report).path / "manifest.json").read_bytes()
        for name in ("one", "other")
    ]
    assert manifests[0] == manifests[1]


def test_nothing_hidden_lies_in_public_or_in_the_public_facts(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    public = [path for path in task_dir.public.rglob("*") if path.is_file()]
    names = sorted(path.relative_to(task_dir.public).as_posix() for path in public)
    assert names == sorted(draft.public)
    facts = (task_dir.path / "task.json").read_text()
    for secret in ("1.25", "known only later", '"123"', "slope", "units"):
        assert secret not in facts
        assert all(secret.encode() not in path.read_bytes() for path in public)
    assert task_dir.answers() == draft.answers


def test_a_task_without_thresholds_is_not_written(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    with pytest.raises(UsageError, match="a task without thresholds cannot be written"):
        TaskDir.create(tmp_path / "t", draft, report.model_copy(update={"bars": None}))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_stays_unless_forced(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    path = tmp_path / "t"
    TaskDir.create(path, draft, report)
    (path / "mine.txt").write_text("precious")
    other = replace(draft, title="Other")
    with pytest.raises(UsageError, match="is there already; choose another name or give --force"):
        TaskDir.create(path, other, report)
    assert (path / "mine.txt").read_text() == "precious"
    assert TaskDir(path).task.title == "Größe"
    TaskDir.create(path, other, report, force=True)
    assert TaskDir(path).task.title == "Other"
    assert not (path / "mine.txt").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["t"]


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    path = tmp_path / "t"
    TaskDir.create(path, draft, report)
    unwritable = replace(draft, public={**draft.public, "train.csv/below": b"a file is no folder"})
    with pytest.raises(OSError, match=r"train\.csv"):
        TaskDir.create(path, unwritable, report, force=True)
    assert TaskDir(path).problems() == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["t"]


CREATE = """
import pickle, sys
from pathlib import Path
from sandmle.store import TaskDir

draft, report = pickle.loads(Path(sys.argv[1]).read_bytes())
print("ready", flush=True)
for number in range(10_000):
    TaskDir.create(Path(sys.argv[2]) / f"{number:05d}", draft, report)
"""


def test_a_killed_process_leaves_no_half_task(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    import pickle

    many = {f"images/{i}.png": b"x" * 20_000 for i in range(120)}
    material = tmp_path / "draft"
    material.write_bytes(pickle.dumps((replace(draft, public={**draft.public, **many}), report)))
    unfinished = 0
    for attempt in range(6):
        out = tmp_path / f"out{attempt}"
        out.mkdir()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        with subprocess.Popen(
            [sys.executable, "-c", CREATE, material, out], stdout=subprocess.PIPE, env=environment
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.11 + 0.037 * attempt)
            process.send_signal(signal.SIGKILL)
        for entry in out.iterdir():
            if entry.name.startswith("."):
                unfinished += 1
            else:
                assert TaskDir(entry).problems() == []
                assert TaskDir(entry).draft().answers == draft.answers
    assert unfinished > 0, "no process was killed in the midst of a task"


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda p: (p / "public/train.csv").write_bytes(b"x"), "public/train.csv differs"),
        (lambda p: (p / "task.json").write_text("{}"), "task.json differs"),
        (lambda p: (p / "private/answers.csv").unlink(), "private/answers.csv is missing"),
        (lambda p: (p / "public/extra.txt").touch(), "public/extra.txt is not in manifest.json"),
        (lambda p: (p / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda p: (p / "manifest.json").write_text("[1"), "manifest.json is not a manifest"),
        (lambda p: (p / "manifest.json").write_text("[]"), "manifest.json is not a manifest"),
        (lambda p: os.mkfifo(p / "public/pipe"), "public/pipe is not a regular file"),
        (
            lambda p: (p / "public/link").symlink_to("/etc/passwd"),
            "public/link is not a regular file",
        ),
        (
            lambda p: (p / "public/folder").symlink_to(p / "private"),
            "public/folder is not a regular file",
        ),
    ],
)
def test_the_damaged_file_is_named(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport, damage: object, sentence: str
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    assert callable(damage)
    damage(task_dir.path)
    problems = task_dir.problems()
    assert len(problems) == 1
    assert problems[0].startswith(sentence)


def test_a_swapped_link_to_the_same_contents_is_a_problem(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    target = task_dir.public / "train.csv"
    copy = tmp_path / "copy"
    target.rename(copy)
    target.symlink_to(copy)
    assert task_dir.problems() == ["public/train.csv is not a regular file"]


def test_what_is_no_folder_is_a_problem(tmp_path: Path) -> None:
    assert TaskDir(tmp_path / "none").problems() == [f"{tmp_path / 'none'} is not a folder"]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ("", "task.json is damaged at the whole file"),
        ("{}", "task.json is damaged at id"),
        ('{"id": 3}', "task.json is damaged at id"),
    ],
)
def test_a_damaged_task_file_is_named_with_the_field(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport, contents: str, message: str
) -> None:
    task_dir = TaskDir.create(tmp_path / "t", draft, report)
    (task_dir.path / "task.json").write_text(contents)
    with pytest.raises(UsageError, match=message):
        task_dir.task  # noqa: B018 - reading the property is what must fail


def test_a_missing_file_asks_whether_this_is_a_task(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be read .* is this a task folder"):
        TaskDir(tmp_path).answers()


def test_task_json_is_readable_json_with_sorted_keys(
    tmp_path: Path, draft: TaskDraft, report: VerifyReport
) -> None:
    text = (TaskDir.create(tmp_path / "t", draft, report).path / "task.json").read_text("utf-8")
    facts = json.loads(text)
    assert list(facts) == sorted(facts)
    assert "Größe" in text
