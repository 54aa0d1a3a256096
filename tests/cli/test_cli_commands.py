"""The command line as its users meet it: output, JSON, exit codes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.store import TaskSet
from sandmle.testing.tiny_task import tiny_task


def sandmle(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def task(tmp_path):
    return tiny_task(tmp_path / "set" / "tiny").path


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("families", "tabular/price-v2"), ("metrics", "rmsle"), ("seeds", "AI4Code"),
        ("checks", "determinism"), ("rewards", "milestone"), ("sandboxes", "cold"),
        ("scaffolds", "react"), ("policies", "scripted"),
    ],
)  # fmt: skip
def test_list_names_every_plugin_of_a_kind_as_table_and_as_json(kind, name):
    assert name in sandmle("list", kind).stdout
    rows = json.loads(sandmle("list", kind, "--json").stdout)
    assert name in [row.get("name", row.get("id")) for row in rows]
    assert all(len(str(value)) > 0 for row in rows for value in row.values())


def test_list_shows_the_tasks_of_a_folder(task):
    rows = json.loads(sandmle("list", task.parent, "--json").stdout)
    assert [row["folder"] for row in rows] == ["tiny"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "metric"], "Did you mean 'metrics'?"),
        (["task", "from-seed", "AI4Cod"], "Did you mean 'AI4Code'?"),
        (["generate", "--out", "x", "--families", "tabular/prize-v2"], "'tabular/price-v2'?"),
        (["generate", "--out", "x", "--seeds", "nothing"], "no seed 'nothing'"),
        (["generate", "--out", "x", "--difficulty", "hard"], "levels such as 0,1,2"),
        (["generate", "--out", "x", "--difficulty", "7"], "difficulty 0 to 2, not 7"),
        (["generate", "--out", "x", "--rule", "papers"], "Did you mean 'paper'?"),
        (["generate", "--out", "x", "--mix", "papers"], "Did you mean 'paper'?"),
        (["task", "from-seed", "AI4Code", "--family", "text/pair-v1"], "'text/pairs-v1'?"),
        (["tasks", "report", "nowhere"], "nowhere is not a folder"),
        (["task", "show", "nowhere"], "nowhere is not a folder"),
        (["verify", "nowhere"], "nowhere is not a folder"),
    ],
)
def test_a_wrong_name_is_answered_with_the_next_move_and_exit_code_2(
    tmp_path, monkeypatch, arguments, said
):
    monkeypatch.chdir(tmp_path)
    result = sandmle(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--sandbox", "colt", "Did you mean 'cold'?"),
        ("--scaffold", "reakt", "Did you mean 'react'?"),
        ("--policy", "script", "Did you mean 'scripted'?"),
        ("--reward", "milestones", "Did you mean 'milestone'?"),
        ("--feedback", "all", "--feedback"),
        ("--counts", "first", "--counts"),
        ("--group-size", "0", "--group-size"),
        ("--split", "valid", "Did you mean 'validation'?"),
        ("--split", "validation", "none of the 1 tasks is a validation task"),
    ],
)
def test_a_wrong_option_of_run_is_refused_before_anything_is_written(
    tmp_path, task, option, value, said
):
    result = sandmle("run", task, "--out", tmp_path / "run", option, value)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "run").exists()


def test_grade_says_score_medal_and_reason_with_matching_exit_codes(tmp_path, task):
    sample = task / "public" / "sample_submission.csv"
    valid = sandmle("grade", task, sample)
    assert valid.exit_code == 0
    assert "no medal" in valid.stdout
    facts = json.loads(sandmle("grade", task, sample, "--split", "public", "--json").stdout)
    assert facts["score"] is not None
    assert facts["split"] == "public"
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    invalid = sandmle("grade", task, empty)
    assert invalid.exit_code == 1
    assert "invalid:" in invalid.stdout


def test_show_keeps_the_hidden_parts_back_unless_asked(task):
    public = json.loads(sandmle("task", "show", task, "--json").stdout)
    assert "report" not in public
    assert "hidden" not in public
    private = json.loads(sandmle("task", "show", task, "--private", "--json").stdout)
    assert {"report", "hidden"} <= set(private)
    assert "ladder" in sandmle("task", "show", task, "--private").stdout


def test_verify_names_the_file_that_was_changed(task):
    assert sandmle("verify", task, "--files-only").exit_code == 0
    (task / "public" / "train.csv").write_text("x", encoding="utf-8")
    result = sandmle("verify", task, "--files-only", "--json")
    assert result.exit_code == 1
    assert "public/train.csv differs" in json.loads(result.stdout)[0]["problems"][0]


def test_run_plays_resumes_and_refuses_other_settings(tmp_path, task):
    common = ["run", task, "--out", tmp_path / "run", "--sandbox", "unsafe", "-G", "2", "--json"]
    first = json.loads(sandmle(*common).stdout)
    assert (first["played"], first["skipped"], first["masked"]) == (2, 0, 0)
    again = json.loads(sandmle(*common).stdout)
    assert (again["played"], again["skipped"]) == (0, 2)
    assert again["tasks"] == first["tasks"]
    other = sandmle(*common, "--reward", "sparse")
    assert other.exit_code == 2
    assert "another reward" in other.stderr
    assert "<svg" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_a_machine_without_bubblewrap_is_told_before_anything_is_written(
    tmp_path, task, monkeypatch
):
    monkeypatch.setenv("PATH", str(tmp_path))
    result = sandmle("run", task, "--out", tmp_path / "run")
    assert result.exit_code == 1
    assert "bubblewrap is not installed" in " ".join(result.stderr.split())
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_to_keep_variables_needs_a_sandbox_that_can(tmp_path, task):
    for sandbox in ("unsafe", "cold"):
        arguments = ["run", task, "--out", tmp_path / "run", "--sandbox", sandbox, "--stateful"]
        result = sandmle(*arguments)
        assert result.exit_code == 2
        assert f"the sandbox '{sandbox}'" in result.stderr
        assert "use 'warm'" in " ".join(result.stderr.split())
        assert not (tmp_path / "run").exists()


@pytest.mark.isolation
def test_a_run_that_keeps_variables_plays_where_the_sandbox_can(tmp_path, task):
    folder = tmp_path / "run"
    common = ["run", task, "--out", folder, "--sandbox", "warm", "-G", "1", "--json"]
    assert json.loads(sandmle(*common, "--stateful").stdout)["masked"] == 0
    episode = json.loads((folder / "episodes.jsonl").read_text().splitlines()[0])
    assert episode["versions"]["stateful"] == "true"
    assert "So do variables and imports" in episode["prompt"][0]["content"]
    refused = sandmle(*common)
    assert refused.exit_code == 2
    assert "another stateful" in refused.stderr


def test_a_run_remembers_whether_it_keeps_variables(tmp_path, task):
    common = ["run", task, "--out", tmp_path / "run", "--sandbox", "unsafe", "-G", "1", "--json"]
    assert sandmle(*common).exit_code == 0
    path = tmp_path / "run" / "run.json"
    settings = json.loads(path.read_text())
    assert settings["stateful"] is False
    path.write_text(json.dumps({**settings, "stateful": True}))
    refused = sandmle(*common)
    assert refused.exit_code == 2
    assert "another stateful" in refused.stderr


def test_attempts_to_leave_the_sandbox_are_told_below_the_table(tmp_path, task):
    common = ["run", task, "--out", tmp_path / "run", "--sandbox", "unsafe", "-G", "2"]
    first = sandmle(*common)
    assert "attempts to leave" not in first.stdout
    log = tmp_path / "run" / "episodes.jsonl"
    episodes = [json.loads(line) for line in log.read_text().splitlines()]
    for episode in episodes:
        for step in episode["steps"]:
            if step["execution"]:
                step["execution"]["audit"] = {"refused": {"mount": 2}, "connects": 1, "opens": 0}
    log.write_text("".join(json.dumps(episode) + "\n" for episode in episodes))
    counted = " ".join(sandmle(*common).stdout.split())
    assert "attempts to leave the sandbox: 12 in 2 episodes" in counted
    rows = json.loads(sandmle(*common, "--json").stdout)["tasks"]
    assert [(row["attempts"], row["attempting"]) for row in rows] == [(12, 2)]


def test_a_run_of_nothing_but_masked_episodes_is_a_failure(tmp_path, task):
    (task / "private" / "answers.csv").unlink()
    result = sandmle("run", task, "--out", tmp_path / "r", "--sandbox", "unsafe", "-G", "1")
    assert result.exit_code == 1
    assert "1 masked" in " ".join(result.stdout.split())
    assert "all 1 episodes are masked" in " ".join(result.stderr.split())


def test_the_unsafe_sandbox_is_announced(tmp_path, task):
    result = sandmle("run", task, "--out", tmp_path / "run", "--sandbox", "unsafe", "-G", "1")
    assert "does not isolate" in " ".join(result.stderr.split())


def test_a_run_can_be_replayed(tmp_path, task):
    base = ["run", task, "--sandbox", "unsafe", "-G", "2"]
    sandmle(*base, "--out", tmp_path / "a")
    log = tmp_path / "a" / "episodes.jsonl"
    replay = ["--policy", "replay", "--replay", log, "--json"]
    result = json.loads(sandmle(*base, "--out", tmp_path / "b", *replay).stdout)
    assert result["played"] == 2
    before, after = (
        [json.loads(line) for line in (tmp_path / run / "episodes.jsonl").read_text().splitlines()]
        for run in "ab"
    )
    grades = [sorted((e["replica"], e["grade"]["score"]) for e in log) for log in (before, after)]
    assert grades[0] == grades[1]


def test_a_rung_that_a_task_lacks_is_refused_before_anything_starts(tmp_path, task):
    result = sandmle("run", task, "--out", tmp_path / "r", "--sandbox", "unsafe", "--rung", "exprt")
    assert result.exit_code == 2
    assert "Did you mean 'expert'?" in result.stderr
    assert not (tmp_path / "r").exists()


def test_an_interrupted_generate_keeps_whole_tasks_and_goes_on(tmp_path):
    command = [
        sys.executable, "-m", "sandmle", "generate", "--out", str(tmp_path / "set"), "--count", "3",
        "--families", "timeseries/panel-v2,tabular/price-v2", "--seed", "5", "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 100
    while not list((tmp_path / "set").glob("0*/task.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130, stderr
    assert "the same command goes on" in " ".join(stderr.split())
    whole = TaskSet.open(tmp_path / "set")
    assert 1 <= len(whole) < 3
    assert all(not task_dir.problems() for task_dir in whole)
    kept = {d.path.name: (d.path / "manifest.json").read_bytes() for d in whole}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["made"] == 3
    for name, manifest in kept.items():
        assert (tmp_path / "set" / name / "manifest.json").read_bytes() == manifest


def test_from_seed_makes_a_task_that_verifies(tmp_path):
    folder = tmp_path / "t"
    made = sandmle("task", "from-seed", "ventilator-pressure-prediction", "--out", folder, "--json")
    assert made.exit_code == 0, made.stderr
    assert json.loads(made.stdout)["provenance"]["seed_task"] == "ventilator-pressure-prediction"
    assert sandmle("verify", folder).exit_code == 0
    refused = sandmle("task", "from-seed", "ventilator-pressure-prediction", "--out", folder)
    assert refused.exit_code == 2
    assert "--force" in refused.stderr


def test_from_table_makes_a_task_of_a_real_table_that_verifies(tmp_path):
    from sklearn.datasets import load_diabetes

    table = tmp_path / "diabetes.csv"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(table, index=False)
    folder = tmp_path / "t"
    made = sandmle("task", "from-table", table, "--target", "target", "--out", folder, "--json")
    assert made.exit_code == 0, made.stderr
    facts = json.loads(made.stdout)
    assert facts["metric"]["name"] == "rmse"
    assert 50 <= facts["train_rows"] <= 200
    assert sandmle("verify", folder).exit_code == 0
    wrong = sandmle("task", "from-table", table, "--target", "targett", "--out", tmp_path / "u")
    assert wrong.exit_code == 2
    assert "Did you mean 'target'" in wrong.stderr
    assert not (tmp_path / "u").exists()


def test_doctor_says_what_it_found(tmp_path):
    result = sandmle("doctor", "--json")
    found = json.loads(result.stdout)
    assert {"bubblewrap", "Landlock"} <= {item["name"] for item in found["capabilities"]}
    assert all(item["remedy"] for item in found["capabilities"] if not item["available"])
    works = {level["sandbox"]: level["works"] for level in found["levels"]}
    assert set(works) == {"warm", "cold", "landlock"}
    assert found["best"] == next((name for name in works if works[name]), None)
    assert result.exit_code == (0 if any(works.values()) else 1)


def test_python_files_are_reachable_as_a_module():
    out = subprocess.run(
        [sys.executable, "-m", "sandmle", "--version"], capture_output=True, text=True, check=True
    )
    assert out.stdout.strip() == __import__("sandmle").__version__
