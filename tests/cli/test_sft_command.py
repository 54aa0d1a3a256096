"""`sandmle sft-data` as its users meet it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.rollout.run_dir import RunDir
from sandmle.scaffolds.plans import mismatch
from sandmle.scaffolds.react_format import Python, parse
from sandmle.testing.tiny_task import TINY_SECRET, tiny_task

OPTIONS = ("--sandbox", "unsafe", "--preload", "pandas", "--preload", "sklearn.linear_model")


def sandmle(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def make(tasks, out, *options):
    return sandmle("sft-data", tasks, "--out", out, "--per-task", 4, *OPTIONS, *options)


def rows_of(out):
    return [json.loads(line) for line in (out / "sft.jsonl").read_text().splitlines()]


def text_of(out):
    """Return the data without the folders that the sandbox `unsafe` runs programs in."""
    return re.sub(r"sandmle-unsafe-\w+-\w+", "FOLDER", (out / "sft.jsonl").read_text())


def graph_task(path):
    """Write a task of a kind of data that no playbook is for."""
    task_dir = tiny_task(path, name="graph")
    file = task_dir.path / "task.json"
    file.write_text(file.read_text().replace('"tabular"', '"graph"'))
    return task_dir


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    for name in ("first", "second"):
        tiny_task(folder / name, name=name)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory, tasks):
    """Finished data."""
    out = tmp_path_factory.mktemp("done") / "data"
    found = make(tasks, out, "--json")
    assert found.exit_code == 0, found.output
    assert [line["trajectories"] for line in json.loads(found.stdout)["families"]] == [4, 4, 8]
    return out


def test_rows_are_trajectories_of_experts(done):
    rows = rows_of(done)
    assert [row["replica"] for row in rows] == [0, 1, 2, 3] * 2
    for row in rows:
        roles = [message["role"] for message in row["messages"]]
        assert roles == ["system", *["user", "assistant"] * row["turns"]]
        assert row["messages"][1]["content"].startswith("modality: tabular\n")
        assert row["messages"][-1]["content"].endswith("<answer>submission</answer>")
        assert row["policy"].startswith("expert:")
        for message in row["messages"][2::2]:
            turn = parse(message["content"])
            assert turn.well_formed
            if isinstance(turn.action, Python):
                assert mismatch(turn.think, turn.action.code) is None


def test_nothing_hidden_is_in_the_data(done):
    assert str(TINY_SECRET) not in (done / "sft.jsonl").read_text()


def test_the_run_can_be_looked_at_like_any_other(done):
    facts = json.loads(sandmle("runs", "show", done / "run", "--json").stdout)
    assert (facts["state"], facts["planned"]) == ("finished", 8)
    assert facts["settings"]["policy"] == "expert"


def test_the_same_command_again_leaves_everything_as_it_is(done, tasks):
    before = (done / "sft.jsonl").stat()
    found = make(tasks, done)
    assert found.exit_code == 0
    assert "was there already" in found.stderr
    assert (done / "sft.jsonl").stat() == before
    assert sandmle("sft-data", tasks, "--out", done, "--per-task", 5, *OPTIONS).exit_code == 2
    assert make(tasks, done, "--min-reward", 0.6).exit_code == 2
    assert (done / "sft.jsonl").stat() == before


def test_killed_in_the_middle_the_same_command_gives_the_same_file(tmp_path, done, tasks):
    out = tmp_path / "data"
    command = [sys.executable, "-m", "sandmle", "sft-data", tasks, "--out", out]
    process = subprocess.Popen(
        [*map(str, command), "--per-task", "4", "--concurrency", "1", *OPTIONS],
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while RunDir(out / "run").count() < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert 2 <= RunDir(out / "run").count() < 8
    assert not (out / "sft.jsonl").exists()
    found = make(tasks, out)
    assert found.exit_code == 0, found.output
    assert text_of(out) == text_of(done)


def test_a_torn_episode_is_played_again_and_changes_nothing(tmp_path, done, tasks):
    out = tmp_path / "data"
    shutil.copytree(done / "run", out / "run")
    log = out / "run" / "episodes.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]) + lines[3][:99])
    assert make(tasks, out).exit_code == 0
    assert text_of(out) == text_of(done)


def test_another_seed_gives_other_experts(tmp_path, done, tasks):
    assert make(tasks, tmp_path / "other", "--seed", 1).exit_code == 0
    assert text_of(tmp_path / "other") != text_of(done)


def test_data_of_any_run_filtered_by_what_it_earned(tmp_path, done, tasks):
    best = max(row["reward"] for row in rows_of(done))
    out = tmp_path / "best"
    found = sandmle("sft-data", "--from", done / "run", "--out", out, "--min-reward", best)
    assert found.exit_code == 0, found.output
    assert rows_of(out) == [row for row in rows_of(done) if row["reward"] == best]
    assert sorted(path.name for path in out.iterdir()) == ["sft.jsonl", "sft.parquet"]
    scripted = tmp_path / "scripted"
    options = ("-G", 1, "--sandbox", "unsafe", "--preload", "csv")
    assert sandmle("run", tasks, "--out", scripted, *options).exit_code == 0
    assert sandmle("sft-data", "--from", scripted, "--out", tmp_path / "two").exit_code == 0
    assert [row["policy"] for row in rows_of(tmp_path / "two")] == ["scripted:dummy"] * 2


def test_tasks_that_no_expert_knows_are_left_out_and_named(tmp_path, tasks):
    folder = tmp_path / "tasks"
    shutil.copytree(tasks / "first", folder / "first")
    graph_task(folder / "graph")
    found = make(folder, tmp_path / "data")
    assert found.exit_code == 0, found.output
    assert "left out: 1 of 2 tasks" in found.stderr
    assert "1 of testing/graph-v1" in found.stderr
    assert {row["family"] for row in rows_of(tmp_path / "data")} == {"testing/first-v1"}
    facts = json.loads(sandmle("runs", "show", tmp_path / "data" / "run", "--json").stdout)
    assert (facts["state"], facts["planned"]) == ("finished", 4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "not both"),
        (["{tasks}", "--from", "{run}"], "not both"),
        (["--from", "{tasks}"], "holds no run"),
        (["--from", "{run}", "--min-reward", "9"], "the best earned"),
        (["{tasks}", "--family", "tabular/none-v1"], "chosen by families tabular/none-v1"),
        (["{tasks}", "--split", "test"], "no split 'test'"),
        (["{tasks}", "--sandbox", "waarm"], "Did you mean 'warm'"),
        (["{graph}"], "no expert knows any of the 1 tasks"),
    ],
)
def test_wrong_use_is_told_in_a_line(tmp_path, tasks, done, options, said):
    graph_task(tmp_path / "graph")
    places = {"tasks": tasks, "run": done / "run", "graph": tmp_path / "graph"}
    given = [option.format(**places) for option in options]
    found = sandmle("sft-data", "--out", tmp_path / "data", *given)
    assert found.exit_code == 2
    assert said in " ".join(found.stderr.split())
    assert not (tmp_path / "data").exists()


def test_experts_as_a_policy_of_run(tmp_path, tasks):
    options = ("--policy", "expert", "-G", 1, *OPTIONS)
    cards = ("--scaffold-option", "briefing=card", "--scaffold-option", "plan=true")
    assert sandmle("run", tasks, "--out", tmp_path / "run", *options, *cards).exit_code == 0
    assert RunDir(tmp_path / "run").count() == 2
    found = sandmle("run", tasks, "--out", tmp_path / "other", *options)
    assert found.exit_code == 2
    assert "briefing=card" in found.stderr
    graph_task(tmp_path / "graph")
    found = sandmle("run", tmp_path / "graph", "--out", tmp_path / "third", *options, *cards)
    assert found.exit_code == 2
    assert "no expert knows tasks of the modality 'graph'" in found.stderr
