"""`sandmle run` and `sandmle runs` as their users meet them."""

import json

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.cli.run_progress import RunProgress, short
from sandmle.rollout import Budget, RunSettings
from sandmle.rollout.run_dir import Launch, RunDir
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.tiny_task import tiny_task


def sandmle(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def play(tasks, out, *options):
    return sandmle("run", tasks, "--out", out, "--sandbox", "unsafe", "--preload", "csv", *options)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    for name in ("first", "second"):
        tiny_task(folder / name, name=name)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory, tasks):
    """A finished run."""
    out = tmp_path_factory.mktemp("done") / "run"
    assert play(tasks, out, "-G", "2").exit_code == 0
    return out


def test_show_says_what_a_run_is_and_what_it_came_to(done):
    facts = json.loads(sandmle("runs", "show", done, "--json").stdout)
    assert (facts["state"], facts["planned"], facts["total"]["episodes"]) == ("finished", 4, 4)
    assert facts["total"]["medals"] == {"gold": 2, "silver": 0, "bronze": 0, "none": 2}
    assert set(facts["families"]) == {"testing/first-v1", "testing/second-v1"}
    assert facts["settings"]["group_size"] == 2
    assert facts["timings"]["sandbox"] > 0
    assert sum(facts["timings"].values()) == pytest.approx(facts["seconds"], abs=0.05)
    text = sandmle("runs", "show", done).stdout
    assert "medals: 2 gold, 2 none" in text
    assert "4 of 4" in text


def test_list_names_runs_with_their_state(done, tasks):
    rows = json.loads(sandmle("runs", "list", done.parent, "--json").stdout)
    assert [(row["run"], row["state"], row["episodes"]) for row in rows] == [
        (str(done), "finished", 4)
    ]
    assert "no run in" in sandmle("runs", "list", tasks).stdout


def test_resume_needs_only_the_folder(tmp_path, tasks, done):
    out = tmp_path / "run"
    assert play(tasks, out, "-G", "2").exit_code == 0
    log = out / "episodes.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:1]) + lines[1][:50])
    rows = json.loads(sandmle("runs", "list", tmp_path, "--json").stdout)
    assert rows[0]["state"] == "unfinished"
    result = json.loads(sandmle("runs", "resume", out, "--json").stdout)
    assert (result["skipped"], result["played"]) == (1, 3)
    assert sandmle("runs", "diff", out, done).exit_code == 0


def test_diff_finds_other_grades_settings_and_missing_episodes(tmp_path, tasks, done):
    out = tmp_path / "run"
    play(tasks, out, "-G", "1", "--rung", "expert")
    found = sandmle("runs", "diff", done, out, "--json")
    assert found.exit_code == 1
    facts = json.loads(found.stdout)
    assert facts["settings"]["rung"] == ["mixed", "expert"]
    assert len(facts["only_in_a"]) == 2
    assert {d["b"]["grade"]["medal"] for d in facts["differences"]} == {3}
    assert sandmle("runs", "diff", done, done).exit_code == 0
    assert "setting rung: mixed | expert" in sandmle("runs", "diff", done, out).stdout


def test_rm_asks_and_refuses_what_it_must_not_remove(tmp_path, tasks):
    out = tmp_path / "run"
    play(tasks, out, "-G", "1")
    unasked = sandmle("runs", "rm", out)
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert "holds no run" in sandmle("runs", "rm", tasks, "--yes").stderr
    with EpisodeLog(out / "episodes.jsonl"):
        busy = sandmle("runs", "rm", out, "--yes")
        assert json.loads(sandmle("runs", "show", out, "--json").stdout)["state"] == "running"
    assert busy.exit_code == 2
    assert "is being written" in busy.stderr
    assert RunDir.open(out).count() == 2
    assert sandmle("runs", "rm", out, "--yes").exit_code == 0
    assert not out.exists()


def test_a_budget_says_what_stopped_the_run_and_how_to_go_on(tmp_path, tasks):
    out = tmp_path / "run"
    result = play(tasks, out, "-G", "2", "--max-minutes", "0.0000001")
    said = " ".join(result.stderr.split())
    assert result.exit_code == 0
    assert "stopped by the limit of" in said
    assert f"sandmle runs resume {out} --max-minutes MORE" in said
    again = json.loads(sandmle("runs", "resume", out, "--max-minutes", "5", "--json").stdout)
    assert (again["played"], again["stopped_by"]) == (4, None)


def test_failed_episodes_are_played_again_when_asked(tmp_path, tasks):
    out = tmp_path / "run"
    play(tasks, out, "-G", "1")
    run_dir = RunDir(out)
    records = [json.loads(line) for line in run_dir.log.path.read_text().splitlines()]
    failure = {"error": "SandboxError", "boundary": "sandbox", "message": "the node is gone"}
    records[0] |= {"failure": failure, "reward": None, "grade": None,
                   "mask_reason": "infrastructure"}  # fmt: skip
    run_dir.log.path.write_text("".join(json.dumps(record) + "\n" for record in records))
    facts = json.loads(sandmle("runs", "show", out, "--json").stdout)
    assert facts["failures"]["sandbox"]["message"] == "the node is gone"
    assert json.loads(sandmle("runs", "resume", out, "--json").stdout)["played"] == 0
    again = json.loads(sandmle("runs", "resume", out, "--retry-failed", "--json").stdout)
    assert again["played"] == 1
    assert len(list(run_dir.failed)) == 1
    assert not any(episode.masked for episode in run_dir.log)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--time-outs", "forgive"], "--time-outs"),
        (["--executor", "slurm"], "--executor"),
        (["--max-concurrent", "0"], "--max-concurrent"),
        (["--max-dollars", "0"], "--max-dollars 0 is not above 0"),
        (["--step-seconds", "-1"], "--step-seconds"),
        (["--scaffold-option", "drafts"], "is not KEY=VALUE"),
        (["--scaffold-option", "a=1", "--scaffold-option", "a=2"], "given twice"),
    ],
)
def test_a_wrong_option_is_named_and_nothing_is_written(tmp_path, tasks, options, said):
    result = play(tasks, tmp_path / "run", *options)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", [["show"], ["resume"], ["rm", "--yes"], ["diff", "."]])
def test_what_is_no_run_is_called_so(tmp_path, command):
    result = sandmle("runs", command[0], tmp_path, *command[1:])
    assert result.exit_code == 2
    assert "holds no run" in result.stderr


def test_times_of_the_command_line_replace_those_of_the_tasks_and_nothing_else(tmp_path, tasks):
    out = tmp_path / "run"
    play(tasks, out, "-G", "1", "--step-seconds", "7", "--time-outs", "mask")
    settings = RunDir(out).settings
    assert (settings.limits.step_seconds, settings.limits.total_seconds) == (7, 120)
    assert settings.time_outs == "mask"
    assert RunSettings().limits is None
    assert Launch(budget=Budget(tokens=3)).budget.tokens == 3


def test_progress_counts_what_this_call_played(done):
    now = iter(range(0, 1_000, 10))
    progress = RunProgress(total=6, done=2, clock=lambda: next(now))
    for episode in RunDir(done).log:
        progress.add(episode)
    note = progress.note()
    assert "2g 0s 0b" in note
    assert "reward " in note
    assert [short(count) for count in (950, 12_300, 4_500_000)] == ["950", "12.3k", "4.5M"]
