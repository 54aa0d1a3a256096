"""A recipe that the shipped policy carries out in seconds, for tests of whole training runs."""

from __future__ import annotations

from pathlib import Path

_RECIPE = """
name = "small"
base = "nano-quick"
[grpo]
steps = {steps}
tasks_per_step = {tasks}
group_size = 2
micro_batch = 2
resample = 0
[policy]
threads = 1
[[train]]
name = "train"
generate = {{ families = ["tabular/price-v2"], count = {tasks}, seed = 1 }}
[[evaluate]]
[evaluate.source]
name = "held-out"
generate = {{ families = ["tabular/price-v2"], count = 2, seed = 2 }}
"""


def small_recipe(folder: Path, *, steps: int, tasks: int) -> Path:
    """Write the recipe and return its path.

    Args:
        folder: Where to.
        steps: Steps of the run.
        tasks: Tasks to train on, all of them in every step, two episodes each.
    """
    path = folder / "small.toml"
    path.write_text(_RECIPE.format(steps=steps, tasks=tasks), encoding="utf-8")
    return path
