"""What a run would need: sizes read from a config, and how needs follow from them."""

from __future__ import annotations

import pytest
import transformers

from sandmle.training.estimate import SHAPES, estimate, known_shape, shape_of
from sandmle.training.nano import load_policy
from sandmle.training.recipe import read_recipe

QWEN3_8B = {
    "vocab_size": 151_936,
    "hidden_size": 4_096,
    "intermediate_size": 12_288,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "tie_word_embeddings": False,
}


def test_the_known_shape_is_that_of_its_config() -> None:
    found = shape_of(transformers.Qwen3Config(**QWEN3_8B))
    assert found.model_copy(update={"parameters": 0}) == SHAPES["Qwen/Qwen3-8B"].model_copy(
        update={"parameters": 0}
    )
    # norms are left out: a few hundred thousand
    assert found.parameters == pytest.approx(SHAPES["Qwen/Qwen3-8B"].parameters, rel=1e-4)


def test_a_folders_shape_counts_its_parameters() -> None:
    model, _ = load_policy("nano")
    shape = known_shape("nano")
    assert shape is not None
    assert shape.parameters == pytest.approx(sum(p.numel() for p in model.parameters()), rel=2e-3)
    assert known_shape("somebody/unknown") is None


def test_more_gpus_share_what_is_trained_and_fit_it() -> None:
    recipe = read_recipe("qwen3-8b")
    assert recipe.grpo is not None
    eight, sixteen = (
        estimate(recipe, recipe.grpo, SHAPES["Qwen/Qwen3-8B"], gpus=gpus) for gpus in (8, 16)
    )
    assert eight.trained_gib == pytest.approx(2 * sixteen.trained_gib)
    assert eight.sampler_gib == sixteen.sampler_gib
    assert eight.sampler_gib + eight.cache_gib <= 0.35 * 80
    assert eight.gib < 80
    assert eight.update_minutes == pytest.approx(2 * sixteen.update_minutes)
