"""Recipes: what is shipped reads; what contradicts itself is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandmle.core.errors import UsageError
from sandmle.training.nano import load_policy
from sandmle.training.recipe import Recipe, read_recipe, shipped_recipes

SOURCE = {"name": "a", "path": "tasks"}


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_read(name: str) -> None:
    recipe = read_recipe(name)
    assert recipe.name == name
    assert recipe.summary
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"grpo.stepz": 1}, r"grpo\.stepz: there is no such setting"),
        (
            {"grpo.micro_batch": 7},
            r"64 trajectories cannot be dealt to minibatches 1 x micro_batch 7",
        ),
        ({"grpo.group_size": 1}, r"grpo\.group_size"),
        ({"train": []}, r"needs tasks to train on"),
        ({"train": [SOURCE, SOURCE]}, r"names of sources must differ"),
        (
            {"train": [SOURCE | {"tables": {"count": 2, "seed": 0}}]},
            r"needs one of path, generate and tables",
        ),
        ({"train": [{"name": "a"}]}, r"'a' needs one of path, generate and tables"),
        ({"agent.max_steps": 0}, r"agent\.max_steps"),
        ({"policy.temperature": 0}, r"policy\.temperature"),
        ({"seed": -1}, r"seed"),
    ],
)
def test_wrong_settings_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_recipe("grpo", changes=changes)


def test_a_recipe_that_does_nothing(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('name = "r"\n')
    with pytest.raises(UsageError, match=r"needs \[sft\], \[grpo\] or \[\[evaluate\]\]"):
        read_recipe(str(file))


def test_a_file_of_ones_own_and_changes(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text('name = "r"\n[sft]\ndata = "x.jsonl"\n')
    recipe = read_recipe(str(file), changes={"sft.epochs": 3, "policy.model": "m"})
    assert recipe.sft is not None
    assert (recipe.sft.epochs, recipe.policy.model) == (3, "m")


@pytest.mark.parametrize(
    ("name", "said"), [("gone.toml", "no recipe"), ("grop", "grpo"), ("bad.toml", "not valid TOML")]
)
def test_recipes_that_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("name = ")
    with pytest.raises(UsageError, match=said):
        read_recipe(name)


@pytest.mark.parametrize(("name", "said"), [(None, "policy.model"), ("/nowhere/at/all", "nowhere")])
def test_policies_that_are_not_there(name: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_policy(name)


def test_a_base_is_merged_and_its_parts_can_be_dropped(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text(
        'name = "base"\n[grpo]\nsteps = 3\nloss = "token-mean"\n[sft]\ndata = "x"\n'
        '[[train]]\nname = "a"\npath = "tasks"\n'
    )
    file = tmp_path / "mine.toml"
    file.write_text('name = "mine"\nbase = "base.toml"\nsft = false\n[grpo]\nsteps = 9\n')
    recipe = read_recipe(str(file))
    assert recipe.grpo is not None
    assert (recipe.name, recipe.grpo.steps, recipe.grpo.loss) == ("mine", 9, "token-mean")
    assert recipe.sft is None
    assert [source.name for source in recipe.train] == ["a"]


def test_a_recipe_that_is_its_own_base(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    file.write_text(f'name = "r"\nbase = "{file}"\n')
    with pytest.raises(UsageError, match="is its own base"):
        read_recipe(str(file))


@pytest.mark.parametrize("name", ["sparse", "release", "sft-only", "sft-rl", "rl", "nano-cpu"])
def test_ablations_differ_in_what_they_name(name: str) -> None:
    recipe, base = read_recipe(name), read_recipe("nano-cpu")
    assert recipe.agent.reward == (name if name in ("sparse", "release") else "milestone")
    assert (recipe.sft is not None) == name.startswith("sft")
    assert recipe.grpo == (None if name == "sft-only" else base.grpo)
    assert (recipe.train, recipe.evaluate) == (base.train, base.evaluate)
