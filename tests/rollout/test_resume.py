"""Runs that are cut short in every way: what is finished is neither lost nor played twice."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from sandmle.core.episode import Episode, Failure
from sandmle.core.errors import UsageError
from sandmle.rollout import RunSettings
from sandmle.rollout.run_dir import Launch, RunDir, find_runs
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.tiny_task import tiny_task
from sandmle.view.run_diff import run_diff


def command(tasks, out):
    return [
        sys.executable, "-m", "sandmle", "run", str(tasks), "--out", str(out),
        "-G", "16", "--sandbox", "unsafe", "--preload", "csv", "--max-concurrent", "2",
    ]  # fmt: skip


def play(tasks, out, *before):
    """Play to the end; returns the exit code and what was said."""
    done = subprocess.run([*before, *command(tasks, out)], check=False, capture_output=True)
    return done.returncode, " ".join(done.stderr.decode().split())


def episode(replica, *, failed=False):
    failure = Failure(error="SandboxError", boundary="sandbox", message="on purpose")
    return Episode(
        task_id="testing/x-v1:0", scaffold="react", policy="p", replica=replica, seed=0, prompt=(),
        steps=(), stop_reason="infrastructure" if failed else "answered",
        failure=failure if failed else None,
    )  # fmt: skip


@pytest.fixture
def two_tasks(tmp_path):
    for name in ("first", "second"):
        tiny_task(tmp_path / "tasks" / name, name=name)
    return tmp_path / "tasks"


def test_a_driver_that_is_killed_again_and_again_ends_up_with_the_undisturbed_runs_episodes(
    tmp_path, two_tasks
):
    assert play(two_tasks, tmp_path / "calm")[0] == 0
    calm, killed = RunDir(tmp_path / "calm"), RunDir(tmp_path / "killed")
    kept = []
    for episodes in (1, 8, 16):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        driver = subprocess.Popen(command(two_tasks, killed.path), **quiet)
        while killed.count() < episodes and driver.poll() is None:
            time.sleep(0.01)
        driver.kill()
        assert driver.wait() == -signal.SIGKILL
        kept.append(killed.path.joinpath("episodes.jsonl").read_bytes())
    assert play(two_tasks, killed.path)[0] == 0
    whole = killed.path.joinpath("episodes.jsonl").read_bytes()
    # what was on disk at a kill stands there still, a torn last line aside
    assert all(whole.startswith(part[: part.rfind(b"\n") + 1]) for part in kept)
    assert run_diff(calm.log, killed.log).equal_grades
    assert Counter((e.task_id, e.replica) for e in killed.log).most_common(1)[0][1] == 1
    for record in killed.log:
        for step in record.steps:
            assert step.script is None or killed.artefacts.get(step.script)


def test_a_full_disk_ends_the_run_and_the_same_command_goes_on(tmp_path, two_tasks):
    run_dir = RunDir(tmp_path / "run")

    little_room = ("bash", "-c", 'ulimit -f 40; exec "$@"', "bash")
    code, said = play(two_tasks, run_dir.path, *little_room)
    assert code == 2
    assert "make room and run the same command again" in said
    data = (run_dir.path / "episodes.jsonl").read_bytes()
    assert data.endswith(b"\n")
    assert 0 < run_dir.count() < 32
    assert play(two_tasks, run_dir.path)[0] == 0
    assert (run_dir.path / "episodes.jsonl").read_bytes().startswith(data)
    assert run_dir.count() == len(run_dir.log.keys()) == 32


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_file_system_without_room_loses_nothing(tmp_path, two_tasks):
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(small)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no mounts in this container")
    try:
        run_dir = RunDir(small / "run")
        assert play(two_tasks, run_dir.path)[0] == 2
        before = run_dir.log.keys()
        assert 0 < len(before) < 32
        subprocess.run(["mount", "-o", "remount,size=8m", str(small)], check=True)
        assert play(two_tasks, run_dir.path)[0] == 0
        assert before < run_dir.log.keys()
        assert run_dir.count() == 32
    finally:
        subprocess.run(["umount", str(small)], check=True)


def failed(record):
    return record.failure is not None


def test_failed_episodes_move_aside_and_may_be_played_again(tmp_path):
    run_dir = RunDir(tmp_path)
    with run_dir.log as log:
        for replica in range(4):
            log.append(episode(replica, failed=replica % 2 == 1))
        assert log.take_out(failed, run_dir.failed.path) == 2
        assert log.take_out(failed, run_dir.failed.path) == 0
        log.append(episode(1))
        with pytest.raises(UsageError, match="already holds replica 1"):
            log.append(episode(1))
    assert [e.replica for e in run_dir.log] == [0, 2, 1]
    assert [e.replica for e in run_dir.failed] == [1, 3]


def test_moving_aside_that_was_cut_short_is_finished_without_doubling_a_line(tmp_path):
    run_dir = RunDir(tmp_path)
    with run_dir.log as log:
        for replica in range(3):
            log.append(episode(replica, failed=True))
    lines = (tmp_path / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    # killed while the second line was written to the other file
    run_dir.failed.path.write_bytes(lines[0] + lines[1][:20])
    with run_dir.log as log:
        assert log.take_out(failed, run_dir.failed.path) == 3
    assert run_dir.failed.path.read_bytes() == b"".join(lines)
    assert run_dir.count() == 0


def test_the_log_stays_locked_while_it_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr("sandmle.store.episodes._LOCK_SECONDS", 0.1)
    run_dir = RunDir(tmp_path)
    with run_dir.log as log:
        log.append(episode(0, failed=True))
        log.take_out(failed, run_dir.failed.path)
        assert run_dir.being_written
        with pytest.raises(UsageError, match="written by another run"), run_dir.log:
            pass
    assert not run_dir.being_written
    with EpisodeLog(tmp_path / "episodes.jsonl") as log:
        log.append(episode(0))


def test_a_folder_of_something_else_is_neither_claimed_nor_removed(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run_dir = RunDir(tmp_path)
    with pytest.raises(UsageError, match=r"notes\.txt"):
        run_dir.check(RunSettings())
    with pytest.raises(UsageError, match="holds no run"):
        run_dir.remove()
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UsageError, match=r"notes\.txt"):
        run_dir.remove()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_run_keeps_its_settings_and_its_last_launch(tmp_path):
    run_dir = RunDir(tmp_path / "deep" / "run")
    with run_dir.log:
        run_dir.claim(RunSettings(seed=1), Launch(max_concurrent=2))
        run_dir.claim(RunSettings(seed=1), Launch(max_concurrent=3))
        with pytest.raises(UsageError, match="another seed"):
            run_dir.claim(RunSettings(seed=2), Launch())
    assert run_dir.launch.max_concurrent == 3
    assert json.loads((run_dir.path / "run.json").read_text())["seed"] == 1
    assert [found.path for found in find_runs(tmp_path)] == [run_dir.path]
    run_dir.remove()
    assert list(Path(tmp_path / "deep").iterdir()) == []
