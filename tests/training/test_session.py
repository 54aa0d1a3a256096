"""Whole training runs of a tiny model: what they write, and that a kill changes nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tiny_run
from safetensors.torch import load_file

from sandmle.core.errors import UsageError
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.session import open_tasks

SCRIPT = Path(tiny_run.__file__)
pytestmark = pytest.mark.filterwarnings("ignore::sandmle.sandbox.UnisolatedWarning")


def facts(folder: TrainingFolder) -> list[dict[str, object]]:
    """All metrics but times."""
    rows = [line.model_dump() for line in folder.metrics]
    return [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]


def start(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(root)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def finish(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=120)
    assert process.returncode == 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> TrainingFolder:
    root = tmp_path_factory.mktemp("whole")
    finish(start(root))
    return TrainingFolder.open(root / "run")


def test_every_step_is_measured_and_learns(whole: TrainingFolder) -> None:
    steps = whole.metrics.steps()
    assert [step.step for step in steps] == [1, 2, 3, 4, 5]
    assert max(step.grad_norm for step in steps) > 1e-3
    assert all(step.ratio == pytest.approx(1.0, abs=1e-4) for step in steps)
    assert all(step.step_seconds > 0 and step.masked == 0 for step in steps)
    assert [(e.name, e.step) for e in whole.metrics.evaluations()] == [("held", 0), ("held", 5)]
    trained = load_file(whole.policy / "model.safetensors")
    before = load_file(Path(whole.recipe.policy.model) / "model.safetensors")
    assert any(not value.equal(before[name]) for name, value in trained.items() if name in before)


@pytest.mark.parametrize("after", [1, 3])
def test_a_killed_run_goes_on_to_the_same_numbers_and_weights(
    whole: TrainingFolder, tmp_path: Path, after: int
) -> None:
    root = tmp_path / "killed"
    process = start(root)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"{after} "):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    killed = TrainingFolder.open(root / "run")
    assert len(killed.metrics.steps()) < 5
    finish(start(root))

    def blind(rows: list[dict[str, object]]) -> list[dict[str, object]]:
        return [{k: v for k, v in row.items() if k != "shares"} for row in rows]

    assert blind(facts(killed)) == blind(facts(whole))
    assert all(
        value.equal(load_file(whole.policy / "model.safetensors")[name])
        for name, value in load_file(killed.policy / "model.safetensors").items()
    )


def test_a_finished_run_is_not_trained_again(whole: TrainingFolder) -> None:
    def written() -> list[int]:
        return [p.stat().st_mtime_ns for p in sorted(whole.checkpoints.rglob("*.safetensors"))]

    before = written()
    finish(start(whole.path.parent))
    assert before == written()
    assert len(whole.metrics.steps()) == 5


def test_another_recipe_does_not_touch_a_folder(whole: TrainingFolder) -> None:
    other = tiny_run.recipe(whole.path.parent, steps=7)
    with (
        pytest.raises(UsageError, match=r"grpo.*--out"),
        TrainingFolder.claim(whole.path, other),
    ):
        pass


def test_fewer_tasks_than_a_step_needs(tmp_path: Path) -> None:
    chosen = tiny_run.recipe(tmp_path, tasks_per_step=8)
    with pytest.raises(UsageError, match=r"6 tasks .* 8"):
        tiny_run.run(chosen, tmp_path / "run")
    assert not TrainingFolder.open(tmp_path / "run").metrics.steps()


def test_a_held_out_task_that_is_trained_on_is_named(tmp_path: Path) -> None:
    chosen = tiny_run.recipe(tmp_path)
    source = chosen.evaluate[0].source.model_copy(update={"path": chosen.train[0].path})
    held = chosen.evaluate[0].model_copy(update={"source": source})
    with pytest.raises(UsageError, match="trained on as well"):
        tiny_run.run(chosen.model_copy(update={"evaluate": (held,)}), tmp_path / "run")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"evidence": "hints"}, "evidence = 'hints' is for the scaffold react"),
        ({"scaffold": "react", "scaffold_options": {"plans": True}}, "plans"),
    ],
)
def test_a_held_out_set_that_cannot_be_played_is_told_with_the_tasks(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    chosen = tiny_run.recipe(tmp_path)
    held = chosen.evaluate[0].model_copy(update=change)
    with pytest.raises(UsageError, match=told):
        open_tasks(
            chosen.model_copy(update={"evaluate": (held,)}),
            cache=tmp_path / "cache",
            jobs=1,
            listener=tiny_run.Quiet(),
        )
