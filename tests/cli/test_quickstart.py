"""The last part of a quickstart: it trains where that can be, and says what is missing else."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from sandmle.cli import quickstart_learn
from sandmle.testing.small_training import small_recipe
from sandmle.training.recipe import read_recipe


def test_without_the_packages_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "trl" else find(name)
    )
    assert quickstart_learn.learn(tmp_path, sandbox="warm", jobs=1) is None
    assert "trl not installed; pip install 'sandmle[train]'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.isolation
def test_it_learns_and_compares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = small_recipe(tmp_path, steps=1, tasks=2)
    monkeypatch.setattr(quickstart_learn, "RECIPE", str(file))
    found = quickstart_learn.learn(tmp_path, sandbox="warm", jobs=1)
    assert found is not None
    assert (found["tasks"], found["steps"]) == (2, 1)
    assert found["difference"] == pytest.approx(found["after"] - found["before"])
    assert Path(found["report"]).is_file()
    quickstart_learn.say_learned(found)
    assert "the shipped policy before and after 1 steps of GRPO" in capsys.readouterr().out


def test_its_recipe_is_a_short_one() -> None:
    recipe, whole = read_recipe(quickstart_learn.RECIPE), read_recipe("nano-cpu")
    assert recipe.grpo is not None
    assert whole.grpo is not None
    assert recipe.grpo.steps < whole.grpo.steps
    assert recipe.policy == whole.policy
