"""What a training run needs on GPUs, from the sizes of its model: estimated, not measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sandmle.core.record import Record
from sandmle.nano import checkpoint_path
from sandmle.training.recipe import GrpoSettings, Recipe

GIB = 2**30
GPU_GIB = 80
"""Memory of a GPU."""
TRAINED_BYTES = 2 + 2 + 4 + 4 + 4
"""Of one parameter: weight and gradient in bfloat16, float32 copy, both moments of Adam."""
UPDATE_FLOPS = 8
"""Per parameter and token: forward, backward, and the forward again of checkpointing."""
UPDATE_RATE = 3e14
"""Floating point operations of one H100 in a second of training; a usual 30 % of its peak."""
SAMPLED_PER_SECOND = 2_000
"""Tokens that vLLM samples in a second on one H100 with an 8B model and a full batch."""


class Shape(Record):
    """The sizes of a dense decoder that decide what it costs."""

    parameters: int
    layers: int
    hidden: int
    kv_width: int
    """Keys, or values, of one token in one layer."""
    vocabulary: int


class Estimate(Record):
    """Memory of one GPU in GiB, and the time of one step in minutes."""

    trained_gib: float
    """Weights, gradients and optimiser, sharded over all GPUs."""
    sampler_gib: float
    """The sampling engine's copy of the weights."""
    cache_gib: float
    """Keys and values of this GPU's trajectories at full length, as far as vLLM may keep them."""
    activations_gib: float
    """Kept states and logits of one micro-batch at full length."""
    sampling_minutes: float
    update_minutes: float

    @property
    def gib(self) -> float:
        """All memory together."""
        return self.trained_gib + self.sampler_gib + self.cache_gib + self.activations_gib


SHAPES = {
    "Qwen/Qwen3-8B": Shape(
        parameters=8_190_735_360, layers=36, hidden=4_096, kv_width=1_024, vocabulary=151_936
    ),
}
"""Of checkpoints that recipes name; others are read from their folder."""


def known_shape(model: str) -> Shape | None:
    """Return a model's sizes, or None where they are neither known nor in a folder."""
    if model in SHAPES:
        return SHAPES[model]
    if not Path(checkpoint_path(model)).is_dir():
        return None
    from transformers import AutoConfig

    return shape_of(AutoConfig.from_pretrained(checkpoint_path(model)))


def shape_of(config: Any) -> Shape:
    """Read the sizes from a transformers config of a dense decoder such as Qwen3."""
    hidden, kv_width = config.hidden_size, config.head_dim * config.num_key_value_heads
    attention = 2 * hidden * (config.head_dim * config.num_attention_heads + kv_width)
    block = attention + 3 * hidden * config.intermediate_size
    embeddings = config.vocab_size * hidden * (1 if config.tie_word_embeddings else 2)
    return Shape(
        parameters=config.num_hidden_layers * block + embeddings,
        layers=config.num_hidden_layers,
        hidden=hidden,
        kv_width=kv_width,
        vocabulary=config.vocab_size,
    )


def estimate(recipe: Recipe, grpo: GrpoSettings, shape: Shape, *, gpus: int) -> Estimate:
    """Estimate a recipe's needs when its trajectories have half of the longest length.

    Args:
        recipe: The recipe.
        grpo: Its part for GRPO.
        shape: Of its model.
        gpus: How many of them, alike.
    """
    longest, own = recipe.policy.context_tokens, recipe.policy.context_tokens // 4
    each = grpo.tasks_per_step * grpo.group_size / gpus
    row = longest * (shape.layers * shape.hidden * 2 + shape.vocabulary * 4)
    tokens = each * longest / 2
    sampler = shape.parameters * 2 / GIB
    cache = each * longest * shape.layers * 2 * shape.kv_width * 2 / GIB
    room = recipe.trainer.get("vllm_gpu_memory_utilization", 1.0) * GPU_GIB - sampler
    return Estimate(
        trained_gib=shape.parameters * TRAINED_BYTES / gpus / GIB,
        sampler_gib=sampler,
        cache_gib=min(cache, max(0.0, room)),
        activations_gib=grpo.micro_batch * row / GIB,
        sampling_minutes=each * own / SAMPLED_PER_SECOND / 60,
        update_minutes=tokens * shape.parameters * UPDATE_FLOPS / UPDATE_RATE / 60,
    )
