"""`sandmle eval` and `sandmle compare` as their users meet them, over real runs."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import TrainingFolder

KEYS = (
    "tasks", "samples", "valid", "above_median", "bronze", "silver", "gold", "any_medal",
    "any_medal_ci95",
)  # fmt: skip
RECIPE = Recipe.model_validate(
    {
        "name": "made",
        "sft": {"data": "sft.jsonl"},
        "evaluate": [{"source": {"name": name, "path": "tasks"}} for name in ("zoo", "art")],
    }
)


def sandmle(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(*arguments):
    result = sandmle(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def refused(*arguments):
    result = sandmle(*arguments)
    assert result.exit_code == 2
    return " ".join(result.stderr.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Runs over three tasks: `mixed` earns gold every other time, `expert` always."""
    base = tmp_path_factory.mktemp("evaluated")
    for name in ("one", "two", "three"):
        tiny_task(base / "tasks" / name, name=name)
    for rung, size in (("mixed", 2), ("expert", 1), ("dummy", 1)):
        played = sandmle(
            "run", base / "tasks", "--out", base / rung, "--rung", rung, "-G", size,
            "--sandbox", "unsafe", "--preload", "csv",
        )  # fmt: skip
        assert played.exit_code == 0
    return base


@pytest.fixture(scope="module")
def trained(folder):
    """A training run's folder: two sets, of which the recipe names `zoo` first."""
    path = folder / "trained"
    played = {("zoo", 0): "dummy", ("zoo", 10): "mixed", ("art", 10): "expert"}
    with TrainingFolder.claim(path, RECIPE) as training:
        for (name, step), run in played.items():
            shutil.copytree(folder / run, training.evaluation(name, step).path)
    return path


def test_json_has_the_table_at_its_top(folder):
    facts = told("eval", folder / "mixed")
    assert {key: facts[key] for key in KEYS} == {
        "tasks": 3, "samples": 6, "valid": 1, "above_median": 0.5, "bronze": 0, "silver": 0,
        "gold": 0.5, "any_medal": 0.5, "any_medal_ci95": [0.5, 0.5],
    }  # fmt: skip
    assert (facts["runs"], facts["any_medal_sem"], facts["by"]) == (1, None, {})
    assert facts == told("eval", folder / "mixed" / "episodes.jsonl")


def test_several_runs_are_seeds_of_one_policy(folder):
    facts = told("eval", folder / "mixed", folder / "expert", folder / "dummy")
    assert (facts["runs"], facts["any_medal"]) == (3, 0.5)
    assert facts["any_medal_sem"] == pytest.approx(0.5 / 3**0.5)
    text = sandmle("eval", folder / "mixed", folder / "expert").stdout
    assert "mean of 2" in text
    assert "75.0 ±25.0" in text
    assert "3 tasks: the interval is too narrow" in text


@pytest.mark.parametrize(
    ("key", "groups"),
    [
        ("family", {"testing/one-v1", "testing/two-v1", "testing/three-v1"}),
        ("modality", {"tabular"}),
        ("metric", {"rmse"}),
        ("domain", {"unknown"}),
    ],
)
def test_tables_by_a_key_of_the_tasks(folder, key, groups):
    facts = told("eval", folder / "mixed", "--by", key)
    assert set(facts["by"][key]) == groups
    assert all(table["any_medal"] == 0.5 for table in facts["by"][key].values())
    assert all(name in sandmle("eval", folder / "mixed", "--by", key).stdout for name in groups)
    both = told("compare", folder / "mixed", folder / "expert", "--by", key)
    assert set(both["by"][key]) == groups


def test_a_training_run_has_a_table_for_each_evaluation(trained):
    facts = told("eval", trained, "--by", "family")
    assert list(facts["evaluations"]) == ["zoo/step-000000", "zoo/step-000010", "art/step-000010"]
    rates = [table["any_medal"] for table in facts["evaluations"].values()]
    assert rates == [0, 0.5, 1]
    assert (facts["evaluation"], facts["any_medal"]) == ("zoo/step-000010", 0.5)
    assert set(KEYS) <= facts.keys()
    assert len(facts["evaluations"]["art/step-000010"]["by"]["family"]) == 3
    assert "zoo/step-000010" in sandmle("eval", trained).stdout


def test_seeds_of_a_training_run_are_put_together_by_evaluation(trained, tmp_path):
    again = tmp_path / "again"
    shutil.copytree(trained, again)
    facts = told("eval", trained, again)
    assert facts["runs"] == 2
    assert facts["evaluations"]["art/step-000010"]["any_medal_sem"] == 0


def test_compare_tells_differences_by_task(folder):
    facts = told("compare", folder / "mixed", folder / "expert")
    medals = facts["rates"]["any_medal"]
    assert (medals["a"], medals["b"], medals["better"], medals["p"]) == (0.5, 1, 1, 2 / 8)
    assert facts["any_medal_relative"] == 1
    text = sandmle("compare", folder / "mixed", folder / "expert").stdout
    assert "+50.0" in text
    assert "relative to A: +100.0% [+100.0, +100.0]" in text
    text = sandmle("compare", folder / "dummy", folder / "expert", "--by", "family").stdout
    assert "A earns no medal" in text
    assert "testing/two-v1" in text


def test_compare_takes_more_runs_of_each(folder):
    facts = told("compare", folder / "dummy", folder / "mixed", "--more-b", folder / "expert")
    assert (facts["runs_a"], facts["runs_b"]) == (1, 2)
    assert facts["rates"]["any_medal"]["b"] == 0.75


def test_tasks_of_one_run_alone_are_counted_and_named(folder, tmp_path):
    lines = (folder / "expert" / "episodes.jsonl").read_text().splitlines(keepends=True)
    part = tmp_path / "part.jsonl"
    part.write_text(lines[0])
    left = [json.loads(line)["task_id"] for line in lines[1:]]
    facts = told("compare", folder / "mixed", part)
    assert (facts["tasks"], facts["only_in_a"]) == (1, sorted(left))
    text = sandmle("compare", folder / "mixed", part).stdout
    assert "only in A, left out: 2 tasks" in text
    assert left[0] in text
    assert "1 task: no interval can be told" in sandmle("eval", part).stdout


def test_masked_episodes_are_told(folder, tmp_path):
    log = tmp_path / "episodes.jsonl"
    lines = (folder / "expert" / "episodes.jsonl").read_text().splitlines()
    broken = json.loads(lines[0]) | {
        "reward": None, "grade": None, "mask_reason": "infrastructure",
    }  # fmt: skip
    log.write_text("\n".join([json.dumps(broken), *lines[1:]]) + "\n")
    assert "1 episode (33.3%) failed for infrastructure" in sandmle("eval", log).stdout
    assert "masked in A: 1 episode" in sandmle("compare", log, folder / "expert").stdout
    log.write_text(json.dumps(broken) + "\n")
    assert "all 1 episodes" in refused("eval", log)
    log.write_text((lines[1] + "\n") * 2)
    assert "twice" in refused("eval", log)
    log.write_text('{"task_id": 1}\n')
    assert "line 1" in refused("eval", log)


def test_wrong_paths_are_named_with_what_to_do(folder, trained, tmp_path):
    assert "does not exist" in refused("eval", tmp_path / "none")
    assert f"did you mean {folder / 'dummy'}" in refused("eval", folder)
    assert "holds no run" in refused("compare", folder / "mixed", folder / "tasks")
    (tmp_path / "episodes.jsonl").touch()
    assert "no episode yet" in refused("eval", tmp_path)
    assert "given twice" in refused("eval", folder / "mixed", folder / "mixed")
    assert "some of these are training runs" in refused("eval", folder / "mixed", trained)
    assert "name one of its evaluations: " in refused("compare", folder / "mixed", trained)
    with TrainingFolder.claim(tmp_path / "new", RECIPE):
        pass
    assert "evaluated nothing yet" in refused("eval", tmp_path / "new")
    assert "evaluated nothing yet" in refused("compare", tmp_path / "new", folder / "mixed")
    (tmp_path / "new" / "recipe.json").write_text("{}")
    assert "recipe.json cannot be read" in refused("eval", tmp_path / "new")


def test_wrong_options_are_named(folder, tmp_path):
    assert "Did you mean 'family'?" in refused("eval", folder / "mixed", "--by", "famly")
    assert "--draws" in refused("eval", folder / "mixed", "--draws", 10)
    assert "--seed" in refused("compare", folder / "mixed", folder / "expert", "--seed", -1)
    alone = tmp_path / "episodes.jsonl"
    shutil.copy(folder / "mixed" / "episodes.jsonl", alone)
    assert "holds no run" in refused("eval", alone, "--by", "modality")
    assert set(told("eval", alone, "--by", "family")["by"]["family"]) > {"testing/one-v1"}


def test_runs_of_other_tasks_are_refused(folder, tmp_path):
    tiny_task(tmp_path / "tasks" / "other", name="other")
    sandmle(
        "run", tmp_path / "tasks", "--out", tmp_path / "other", "-G", 1,
        "--sandbox", "unsafe", "--preload", "csv",
    )  # fmt: skip
    assert "no task in common" in refused("eval", folder / "mixed", tmp_path / "other")
    assert "no task is in both" in refused("compare", folder / "mixed", tmp_path / "other")


def test_tasks_that_are_gone_are_known_by_family_alone(folder, tmp_path):
    settings = json.loads((folder / "mixed" / "run.json").read_text())
    run = tmp_path / "run"
    shutil.copytree(folder / "mixed", run)
    (run / "run.json").write_text(json.dumps(settings | {"tasks": str(tmp_path / "gone")}))
    assert "is not a folder" in refused("eval", run, "--by", "modality")
    assert len(told("eval", run, "--by", "family")["by"]["family"]) == 3
    shutil.copytree(folder / "tasks" / "one", tmp_path / "gone" / "one")
    assert "2 tasks are not where their runs say" in refused("eval", run, "--by", "modality")
