"""`sandmle train` from a recipe's file to a page, and what it says of wrong settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sandmle.cli._app import app
from sandmle.cli.train_rehearsal import rehearse
from sandmle.testing.tiny_checkpoint import tiny_checkpoint
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.recipe import read_recipe

pytestmark = pytest.mark.filterwarnings("ignore::sandmle.sandbox.UnisolatedWarning")

RECIPE = """
name = "mine"
[policy]
max_new_tokens = 4
context_tokens = 900
[agent]
scaffold_options = { briefing = "card", plan = true }
max_steps = 1
sandbox = "unsafe"
[grpo]
steps = 1
tasks_per_step = 2
group_size = 2
micro_batch = 4
[[train]]
name = "train"
path = "tasks"
[[evaluate]]
source = { name = "held-out", path = "held" }
"""


def sandmle(*options: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["train", *options])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    tiny_checkpoint(tmp_path / "model", positions=1024)
    for name in ("a", "b"):
        tiny_task(tmp_path / "tasks" / name, name=name)
    tiny_task(tmp_path / "held" / "c", name="c")
    (tmp_path / "mine.toml").write_text(RECIPE)
    return "mine.toml"


def test_from_a_recipe_to_a_page(recipe: str, tmp_path: Path) -> None:
    options = (recipe, "--out", "run", "--set", "policy.model=model", "--json")
    code, out, err = sandmle(*options)
    assert code == 0, err
    kinds = [json.loads(line)["kind"] for line in out.splitlines() if line.startswith("{")]
    assert kinds.count("step") == 1
    assert kinds.count("evaluation") == 2
    run = tmp_path / "run"
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert "held-out" in (run / "report.html").read_text(encoding="utf-8")
    assert (run / "policy" / "model.safetensors").is_file()
    code, _, err = sandmle(*options, "--set", "grpo.steps=2")
    assert code == 2
    assert "grpo.steps" in err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("mine.toml", "--out", "run"), "policy.model"),
        (("mine.toml", "--out", "run", "--set", "grpo"), "KEY=VALUE"),
        (("mine.toml", "--out", "tasks", "--set", "policy.model=model"), "choose another --out"),
        (("none.toml", "--out", "run"), "no recipe"),
    ],
)
def test_what_is_wrong_is_said(recipe: str, options: tuple[str, ...], said: str) -> None:
    code, _, err = sandmle(*options)
    assert code == 2
    assert said in " ".join(err.split())


def test_a_dry_run_tries_a_step_and_estimates(capsys: pytest.CaptureFixture[str]) -> None:
    rehearse(read_recipe("qwen3-8b"), gpus=8, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["step"]["step"] == 1
    assert found["step"]["tokens"] > 0
    assert found["estimate"]["gib"] < 80
    assert any("vLLM" in line for line in found["not_checked"])
