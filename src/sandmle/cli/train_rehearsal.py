"""`sandmle train --dry-run`: one step with a tiny model, and what the real one would need."""

from __future__ import annotations

import importlib.util
import tempfile
from pathlib import Path
from typing import Any

from sandmle.cli._console import out, say_json, say_table
from sandmle.cli.train_run import run_recipe
from sandmle.core.errors import UsageError
from sandmle.testing.tiny_checkpoint import CHAT_TEMPLATE, tiny_checkpoint
from sandmle.training.estimate import Estimate, estimate, known_shape
from sandmle.training.nano import FAMILIES
from sandmle.training.recipe import GrpoSettings, Recipe, Source

TASKS, GROUP, NEW_TOKENS, STEPS = 2, 2, 48, 2
"""What is left of a step, and of an episode."""
_ON_GPUS = ("vllm_", "fsdp", "bf16", "tf32", "deepspeed")
"""Settings of the trainer that need the real machine."""


def rehearse(recipe: Recipe, *, gpus: int, as_json: bool) -> None:
    """Build every part of a recipe around a tiny random model, play and update one step, and tell.

    Args:
        recipe: With `[grpo]`.
        gpus: For how many the needs are estimated.
        as_json: Whether to print JSON.

    Raises:
        UsageError: If the recipe has no `[grpo]`, or a setting does not fit.
    """
    if recipe.grpo is None:
        raise UsageError(f"recipe {recipe.name} has no [grpo]; there is nothing to try")
    with tempfile.TemporaryDirectory(prefix="sandmle-") as scratch:
        root = Path(scratch)
        tiny_checkpoint(
            root / "model", template=CHAT_TEMPLATE, positions=recipe.policy.context_tokens
        )
        folder = run_recipe(
            _small(recipe, recipe.grpo, root / "model"),
            root / "run",
            jobs=1,
            cache=root / "tasks",
            as_json=False,
        )
        step = folder.metrics.steps()[-1]
    shape = known_shape(recipe.policy.model or "")
    needs = None if shape is None else estimate(recipe, recipe.grpo, shape, gpus=gpus)
    found: dict[str, Any] = {
        "recipe": recipe.name,
        "step": step.model_dump(mode="json"),
        "gpus": gpus,
        "estimate": None if needs is None else needs.model_dump() | {"gib": needs.gib},
        "not_checked": _not_checked(recipe),
    }
    if as_json:
        say_json(found)
        return
    out.print(
        f"one step of {recipe.name} with a tiny random model: loss {step.loss:.3g}, gradient "
        f"{step.grad_norm:.3g}, {step.tokens} tokens",
        markup=False,
    )
    _say_needs(recipe, needs, gpus)
    for line in found["not_checked"]:
        out.print(f"not checked here: {line}", markup=False, soft_wrap=True)


def _small(recipe: Recipe, grpo: GrpoSettings, model: Path) -> Recipe:
    """Return the recipe with everything in it that a laptop can carry out in a minute."""
    policy = {"model": str(model), "engine": "local", "max_new_tokens": NEW_TOKENS}
    step = {"steps": 1, "tasks_per_step": TASKS, "group_size": GROUP, "micro_batch": 1}
    kept = {k: v for k, v in recipe.trainer.items() if not k.startswith(_ON_GPUS)}
    return recipe.model_copy(
        update={
            "policy": recipe.policy.model_copy(update=policy | {"dtype": "float32"}),
            "agent": recipe.agent.model_copy(update={"max_steps": STEPS}),
            "sft": None,
            "grpo": grpo.model_copy(update=step | {"minibatches": 1, "resample": 0}),
            "train": tuple(map(_few, recipe.train)),
            "evaluate": (),
            "tracking": recipe.tracking.model_copy(update={"to": ()}),
            "trainer": kept,
        }
    )


def _few(source: Source) -> Source:
    """Make two tasks of a quick family; a folder of tasks is taken as it is."""
    if source.tables is not None:
        few_tables = source.tables.model_copy(update={"count": TASKS})
        return source.model_copy(update={"tables": few_tables})
    if source.generate is None:
        return source
    few = source.generate.model_copy(update={"count": TASKS, "families": FAMILIES[:1]})
    return source.model_copy(update={"generate": few, "families": (), "domains": ()})


def _not_checked(recipe: Recipe) -> list[str]:
    import torch

    found = []
    if recipe.policy.engine == "vllm":
        there = importlib.util.find_spec("vllm") is not None
        found.append(
            "sampling by vLLM; the model itself sampled in its place"
            + ("" if there else " (vllm is not installed)")
        )
    settings = [name for name in recipe.trainer if name.startswith(_ON_GPUS)]
    if settings:
        found.append(f"settings of the trainer that need GPUs: {', '.join(settings)}")
    if not torch.cuda.is_available():
        found.append("anything on a GPU; there is none")
    return found


def _say_needs(recipe: Recipe, needs: Estimate | None, gpus: int) -> None:
    if needs is None:
        out.print(
            f"no estimate: the sizes of {recipe.policy.model} are not known; give its folder",
            markup=False,
        )
        return
    say_table(
        ("estimated for each GPU", "GiB"),
        [
            ("weights, gradients, optimiser, sharded", f"{needs.trained_gib:.1f}"),
            ("weights in the sampling engine", f"{needs.sampler_gib:.1f}"),
            ("keys and values, as far as vLLM may keep them", f"{needs.cache_gib:.1f}"),
            ("activations of a micro-batch", f"{needs.activations_gib:.1f}"),
            ("together", f"{needs.gib:.1f}"),
        ],
        title=f"{recipe.name} on {gpus} GPUs: estimates from the model's sizes, not measured",
        caption=f"a step at an H100's usual rates: sampling {needs.sampling_minutes:.1f} min, "
        f"update {needs.update_minutes:.1f} min; waits for the longest episode and for code on top",
    )
