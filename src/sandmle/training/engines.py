"""What a policy in training is sampled by."""

from __future__ import annotations

from typing import Any

from sandmle.policies import ModelSettings
from sandmle.training.recipe import Recipe


def make_engine(recipe: Recipe, model: Any, tokenizer: Any) -> Any:
    """Make the `TrainedModel` of a recipe: `engine = "local"` or `"vllm"`.

    Args:
        recipe: The recipe.
        model: A causal language model of transformers, the one that is trained.
        tokenizer: Its tokenizer.
    """
    from sandmle.policies.local import LocalModel, end_ids_of
    from sandmle.training.vllm_engine import VllmBatches

    policy = recipe.policy
    options = {
        "batch_size": recipe.agent.concurrency,
        "context_tokens": policy.context_tokens,
        "threads": policy.threads,
    }
    settings = ModelSettings(
        model=policy.model or "",
        temperature=policy.temperature,
        max_new_tokens=policy.max_new_tokens,
        token_ids=True,
        options=options,
    )
    batches = VllmBatches(end_ids_of(tokenizer, model)) if policy.engine == "vllm" else None
    return LocalModel.of(model, tokenizer, settings, batches=batches)
