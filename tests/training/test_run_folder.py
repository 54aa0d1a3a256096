"""A run's folder is never overwritten, resumes from whole checkpoints, and loses nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from sandmle.core.errors import UsageError
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.training_run import made_evaluation, made_recipe, made_step
from sandmle.training.curriculum import SamplerState
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import Completed, TrainingFolder

RECIPE = made_recipe(steps=4)
STATE = SamplerState(success={"a:1": 0.5})


def changed(**grpo: object) -> Recipe:
    raw = RECIPE.model_dump()
    return Recipe.model_validate(raw | {"grpo": raw["grpo"] | grpo})


def checkpoint(folder: TrainingFolder, step: int, *, complete: bool = True) -> Path:
    path = folder.checkpoints / f"checkpoint-{2 * step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"w" * 100)
    (path / "trainer_state.json").write_text("{}")
    if complete:
        folder.complete(2 * step, Completed(step=step, seconds=9.0 * step, sampler=STATE))
    return path


def evaluated(folder: TrainingFolder, name: str, step: int) -> None:
    folder.log(made_evaluation(folder, name, step, skill=0.5))


def test_a_run_is_made_once_and_opened_again(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path / "run", RECIPE) as folder:
        written = folder.written
    assert written.recipe == RECIPE
    assert {"sandmle", "torch", "python"} <= written.versions.keys()
    with TrainingFolder.claim(tmp_path / "run", RECIPE) as folder:
        assert folder.written == written
    assert TrainingFolder.open(tmp_path / "run").recipe == RECIPE


def test_other_settings_are_refused_by_name_and_value(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path / "run", RECIPE):
        pass
    other = changed(steps=9, learning_rate=0.5)
    with (
        pytest.raises(
            UsageError, match=r"grpo.steps 4, here 9; grpo.learning_rate 1e-06, here 0.5"
        ),
        TrainingFolder.claim(tmp_path / "run", other),
    ):
        pass
    assert TrainingFolder.open(tmp_path / "run").recipe == RECIPE


@pytest.mark.parametrize("name", ["notes.txt", "metrics.jsonl", "run.json"])
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with (
        pytest.raises(UsageError, match="choose another --out"),
        TrainingFolder.claim(tmp_path, RECIPE),
    ):
        pass
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    with (
        pytest.raises(UsageError, match="is a file"),
        TrainingFolder.claim(tmp_path / "run", RECIPE),
    ):
        pass


def test_a_claim_that_was_killed_at_once_is_no_stranger(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".recipe.json.abc").touch()
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        assert folder.recipe == RECIPE


def test_two_processes_cannot_train_into_one_folder(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE):
        other = textwrap.dedent(
            f"""
            from pathlib import Path
            from sandmle.testing.training_run import made_recipe
            from sandmle.training.run_folder import TrainingFolder
            with TrainingFolder.claim(Path({str(tmp_path)!r}), made_recipe(steps=4)):
                pass
            """
        )
        command = [sys.executable, "-c", other]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "is being trained by another process" in told.stderr


def test_a_folder_without_a_run_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no training run"):
        TrainingFolder.open(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2, "recipe": {"new": 1}}, "has format 2, and this version of sandmle reads 1"),
        ({"format": 1, "recipe": {"new": 1}}, "cannot be read"),
        ([], "cannot be read"),
    ],
)
def test_a_recipe_of_another_version_is_told_apart(
    tmp_path: Path, change: object, said: str
) -> None:
    (tmp_path / "recipe.json").write_text(json.dumps(change))
    with pytest.raises(UsageError, match=said), TrainingFolder.claim(tmp_path, RECIPE):
        pass


def test_the_newest_whole_checkpoint_is_the_last(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        assert folder.last_checkpoint() is None
        checkpoint(folder, 2)
        path = checkpoint(folder, 10)
        checkpoint(folder, 12, complete=False)
        last = folder.last_checkpoint()
    assert last is not None
    assert (last.path, last.done.step, last.done.seconds) == (path, 10, 90.0)
    assert last.done.sampler == STATE
    assert last.done.sizes == {"model.safetensors": 100, "trainer_state.json": 2}


@pytest.mark.parametrize("damage", ["shorter", "gone"])
def test_a_checkpoint_that_lost_a_file_is_passed_over(tmp_path: Path, damage: str) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        checkpoint(folder, 1)
        weights = checkpoint(folder, 2) / "model.safetensors"
        weights.write_bytes(b"w" * 50) if damage == "shorter" else weights.unlink()
        last = folder.last_checkpoint()
        assert last is not None
        assert last.done.step == 1
        folder.go_back(1)
    assert [path.name for path in folder.checkpoints.iterdir()] == ["checkpoint-2"]


def test_a_checkpoint_of_another_format_is_an_error(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        marker = checkpoint(folder, 3) / "complete.json"
        marker.write_text(json.dumps(json.loads(marker.read_text()) | {"format": 0}))
        with pytest.raises(UsageError, match="has format 0, and this version"):
            folder.last_checkpoint()


def test_going_back_keeps_what_came_later_aside(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        evaluated(folder, "held-out", 0)
        for step in (1, 2, 3):
            folder.log(made_step(step))
            folder.keep_episodes(step, list(folder.evaluation("held-out", 0).log)[:2])
        evaluated(folder, "held-out", 3)
        checkpoint(folder, 2)
        checkpoint(folder, 3, complete=False)
        for _ in range(2):
            folder.go_back(2)
        folder.log(made_step(3, seed=1))
        folder.keep_episodes(3, [])
        folder.go_back(2)
    assert [m.step for m in folder.metrics] == [0, 1, 2]
    assert [path.name for path in folder.checkpoints.iterdir()] == ["checkpoint-4"]
    assert folder.evaluation("held-out", 0).count() == 48
    assert not folder.evaluation("held-out", 3).path.exists()
    grave = tmp_path / "dropped" / "after-000002"
    kept = {path.relative_to(grave).as_posix() for path in grave.rglob("*")}
    assert {
        "metrics.jsonl",
        "episodes/step-000003.jsonl",
        "episodes/step-000003.jsonl.2",
        "evaluations/held-out/step-000003/episodes.jsonl",
    } <= kept
    assert len((grave / "metrics.jsonl").read_text().splitlines()) == 3


def test_episodes_of_a_step_are_a_log(tmp_path: Path) -> None:
    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        made_evaluation(folder, "held-out", 0, skill=0.1)
        episodes = list(folder.evaluation("held-out", 0).log)[:3]
        folder.keep_episodes(7, episodes)
    assert list(EpisodeLog(tmp_path / "episodes" / "step-000007.jsonl")) == episodes


def test_a_policy_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def whole(folder: Path) -> None:
        (folder / "model").write_text("model")

    def broken(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise OSError("no room")

    with TrainingFolder.claim(tmp_path, RECIPE) as folder:
        folder.save_policy(whole)
        with pytest.raises(OSError, match="no room"):
            folder.save_policy(broken)
    assert [path.name for path in folder.policy.iterdir()] == ["model"]
