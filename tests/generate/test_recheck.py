import json
import shutil

import pytest

from sandmle.authors.table import table_draft
from sandmle.core.draft import Baseline
from sandmle.generate import Plan, draw, generate_tasks, verify_dir, write_task
from sandmle.store.ladder import pack_ladder
from sandmle.store.layout import TaskDir
from sandmle.store.manifest import write_manifest


@pytest.fixture(scope="module")
def written(tmp_path_factory, tools):
    out = tmp_path_factory.mktemp("recheck")
    (outcome,) = generate_tasks(
        out, Plan(count=1, families=("timeseries/panel-v2",)), root_seed=8, tools=tools
    )
    return out / outcome.folder


@pytest.fixture
def copy(written, tmp_path):
    shutil.copytree(written, tmp_path / "task")
    return TaskDir(tmp_path / "task")


def test_an_untouched_task_passes_again_with_the_same_bars(written, tools):
    recheck = verify_dir(TaskDir(written), tools)
    assert recheck.ok, recheck.problems
    assert recheck.rebuilt
    assert recheck.report.passed


def test_a_corrupt_file_is_named_and_nothing_is_run(copy, tools):
    answers = copy.path / "private" / "answers.csv"
    answers.write_bytes(answers.read_bytes()[:-5])
    (copy.public / "stray.txt").write_text("?")
    recheck = verify_dir(copy, tools)
    assert len(recheck.problems) == 2
    assert "private/answers.csv differs" in " ".join(recheck.problems)
    assert "public/stray.txt" in " ".join(recheck.problems)
    assert recheck.report is None


def test_a_damaged_record_under_a_right_manifest_is_named(copy, tools):
    (copy.path / "private" / "hidden.json").write_text("{}")
    write_manifest(copy.path)
    recheck = verify_dir(copy, tools)
    assert "hidden.json" in recheck.problems[0]


def test_content_that_the_recipe_does_not_give_is_found(copy, tools):
    answers = copy.path / "private" / "answers.csv"
    answers.write_bytes(answers.read_bytes().replace(b"private", b"public", 1))
    write_manifest(copy.path)
    recheck = verify_dir(copy, tools)
    assert any("recipe" in problem for problem in recheck.problems)


def test_other_thresholds_than_the_ladder_gives_are_found(copy, tools):
    path = copy.path / "private" / "report.json"
    report = json.loads(path.read_text())
    report["bars"]["thresholds"]["gold"] += 1e-4
    path.write_text(json.dumps(report))
    write_manifest(copy.path)
    recheck = verify_dir(copy, tools)
    assert any("thresholds" in problem for problem in recheck.problems)


@pytest.mark.isolation
def test_scripts_that_lie_in_a_folder_run_isolated(tmp_path, tools):
    from sklearn.datasets import load_diabetes

    table = tmp_path / "diabetes.csv"
    load_diabetes(as_frame=True, scaled=False).frame.to_csv(table, index=False)
    drawn = draw(
        lambda attempt: table_draft(table, target="target", seed=attempt), tools, rebuild=False
    )
    task_dir = write_task(tmp_path / "task", drawn.draft, drawn.report)
    proof = tmp_path / "escaped"
    spy = f"try:\n    open({str(proof)!r}, 'w').close()\nexcept OSError:\n    pass\n"
    spies = [Baseline(rung.name, spy + rung.script) for rung in task_dir.ladder()]
    (task_dir.path / "private" / "ladder.py").write_bytes(pack_ladder(spies))
    write_manifest(task_dir.path)
    recheck = verify_dir(task_dir, tools)
    assert recheck.ok, recheck.problems
    assert not proof.exists()
