"""Trackers get the field's names and numbers, and never end a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sandmle.core.errors import UsageError
from sandmle.testing.training_run import made_evaluation, made_recipe, made_step
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import Completed, TrainingFolder
from sandmle.training.trackers import open_tracker, tracked, values_of


class Heard:
    """Keeps what a listener is told."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.steps: list[int] = []
        self.evaluations: list[int] = []

    def said(self, text: str) -> None:
        self.texts.append(text)

    def stepped(self, metrics: StepMetrics) -> None:
        self.steps.append(metrics.step)

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        self.evaluations.append(metrics.step)


def recipe(*names: str) -> Recipe:
    return made_recipe(steps=4).model_copy(
        update={
            "tracking": Recipe.model_fields["tracking"].default.model_copy(update={"to": names})
        }
    )


@pytest.fixture
def claimed(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TrainingFolder]:
    with TrainingFolder.claim(tmp_path / "run: 1", recipe(*request.param)) as folder:
        yield folder


def fake_wandb(*, broken: bool = False) -> tuple[Any, SimpleNamespace]:
    """What of wandb is used, with its arguments' names; keeps what it is told."""
    kept = SimpleNamespace(init={}, metrics=[], rows=[], finished=0)

    class Run:
        def define_metric(self, name: str, step_metric: str | None = None) -> None:
            kept.metrics.append((name, step_metric))

        def log(self, data: dict[str, Any]) -> None:
            if broken:
                raise ConnectionError("the network is gone")
            print("noise of a library")
            kept.rows.append(data)

        def finish(self) -> None:
            kept.finished += 1

    def init(
        *, project: str, name: str, id: str, resume: str, dir: str, config: dict[str, Any]
    ) -> Run:
        kept.init = {"project": project, "name": name, "id": id, "resume": resume, "dir": dir}
        json.dumps(config)
        return Run()

    return SimpleNamespace(init=init), kept


def test_names_of_a_step_are_those_of_the_field() -> None:
    step = made_step(3)
    values = values_of(step)
    assert values["train/reward"] == step.reward
    assert values["train/any_medal"] == step.any_medal
    assert values["time/sandbox"] == step.sandbox_seconds
    assert values["time/step"] == pytest.approx(step.step_seconds)
    assert values["time/run"] == step.seconds
    assert values["data/source/train"] == 1.0
    numbers = {name for name, value in step if isinstance(value, (int, float)) and name != "step"}
    told = {name.partition("/")[2].removesuffix("_seconds") for name in values}
    assert {name.removesuffix("_seconds") for name in numbers} - {"seconds"} <= told


def test_a_value_that_is_not_there_is_not_told() -> None:
    step = made_step(3).model_copy(update={"reward": None})
    assert "train/reward" not in values_of(step)


@pytest.mark.parametrize("claimed", [()], indirect=True)
def test_names_of_an_evaluation_hold_its_interval(claimed: TrainingFolder) -> None:
    found = made_evaluation(claimed, "held-out", 0, skill=0.4)
    values = values_of(found)
    assert values["eval/held-out/any_medal"] == found.table.any_medal
    low, high = values["eval/held-out/any_medal_low"], values["eval/held-out/any_medal_high"]
    assert (low, high) == found.table.any_medal_ci95


@pytest.mark.parametrize("claimed", [("wandb",)], indirect=True)
def test_everything_is_passed_on_and_logged(
    claimed: TrainingFolder,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    library, kept = fake_wandb()
    monkeypatch.setitem(sys.modules, "wandb", library)
    heard = Heard()
    evaluation = made_evaluation(claimed, "held-out", 0, skill=0.4)
    with tracked(claimed, heard) as listener:
        listener.said("tasks")
        listener.evaluated(evaluation)
        listener.stepped(made_step(1))
    assert (heard.texts, heard.evaluations, heard.steps) == (["tasks"], [0], [1])
    assert kept.rows == [values_of(evaluation) | {"step": 0}, values_of(made_step(1)) | {"step": 1}]
    assert kept.metrics == [("step", None), ("*", "step")]
    assert kept.finished == 1
    assert kept.init["id"] == kept.init["name"] == f"run__1-{claimed.written.id}"
    assert kept.init["resume"] == "allow"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("claimed", [("wandb",)], indirect=True)
def test_a_tracker_that_fails_is_let_go(
    claimed: TrainingFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, kept = fake_wandb(broken=True)
    monkeypatch.setitem(sys.modules, "wandb", library)
    heard = Heard()
    with tracked(claimed, heard) as listener:
        listener.stepped(made_step(1))
        listener.stepped(made_step(2))
    assert heard.steps == [1, 2]
    assert len(heard.texts) == 1
    assert "the network is gone" in heard.texts[0]
    assert "metrics.jsonl" in heard.texts[0]
    assert kept.finished == 0


@pytest.mark.parametrize("claimed", [("wandb",)], indirect=True)
def test_a_run_that_fails_closes_its_trackers(
    claimed: TrainingFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, kept = fake_wandb()
    monkeypatch.setitem(sys.modules, "wandb", library)
    with pytest.raises(KeyboardInterrupt), tracked(claimed, Heard()):
        raise KeyboardInterrupt
    assert kept.finished == 1


@pytest.mark.parametrize("claimed", [()], indirect=True)
@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_missing_package_is_named(
    claimed: TrainingFolder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=f"pip install {name}, or leave it out"):
        open_tracker(name, claimed)


@pytest.mark.parametrize("claimed", [()], indirect=True)
def test_an_unknown_tracker_is_named(claimed: TrainingFolder) -> None:
    with pytest.raises(UsageError, match="Did you mean 'wandb'"):
        open_tracker("wandv", claimed)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("claimed", [("tensorboard",)], indirect=True)
def test_tensorboard_reads_each_step_once_after_a_resume(claimed: TrainingFolder) -> None:
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", exc_type=ImportError
    )
    with tracked(claimed, Heard()) as listener:
        for step in (1, 2, 3):
            claimed.log(made_step(step))
            listener.stepped(made_step(step))
    checkpoint = claimed.checkpoints / "checkpoint-2"
    checkpoint.mkdir(parents=True)
    claimed.complete(2, Completed(step=2, seconds=1.0, sampler={}))
    with tracked(claimed, Heard()) as listener:
        for step in (3, 4):
            listener.stepped(made_step(step, seed=1))
    events = accumulators.EventAccumulator(str(claimed.tensorboard))
    events.Reload()
    told = {scalar.step: scalar.value for scalar in events.Scalars("train/reward")}
    assert len(events.Scalars("train/reward")) == 4
    expected = {1: 0, 2: 0, 3: 1, 4: 1}
    assert told == pytest.approx(
        {step: made_step(step, seed=seed).reward for step, seed in expected.items()}, rel=1e-6
    )


def test_trackio_holds_a_resumed_run_as_one(tmp_path: Path) -> None:
    pytest.importorskip("trackio")
    script = """
    import json, sys
    from pathlib import Path
    from sandmle.testing.training_run import made_recipe, made_step
    from sandmle.training.recipe import Tracking
    from sandmle.training.run_folder import TrainingFolder
    from sandmle.training.trackers import open_tracker

    recipe = made_recipe().model_copy(update={"tracking": Tracking(to=("trackio",))})
    with TrainingFolder.claim(Path("run"), recipe) as folder:
        for steps in ((1, 2), (3,)):
            tracker = open_tracker("trackio", folder)
            for step in steps:
                tracker.log(step, {"train/reward": float(step)})
            tracker.close()
    from trackio.sqlite_storage import SQLiteStorage
    runs = SQLiteStorage.get_runs("sandmle")
    rows = SQLiteStorage.get_logs("sandmle", runs[0])
    told = [len(runs), [(row["step"], row["train/reward"]) for row in rows]]
    Path("told.json").write_text(json.dumps(told))
    """
    where = os.environ | {"TRACKIO_DIR": str(tmp_path / "trackio"), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", textwrap.dedent(script)]
    subprocess.run(command, cwd=tmp_path, env=where, check=True, capture_output=True)
    assert json.loads((tmp_path / "told.json").read_text()) == [1, [[1, 1.0], [2, 2.0], [3, 3.0]]]
