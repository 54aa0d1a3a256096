"""A training run of seconds: a random model that is paid for letters from a to m.

python tiny_run.py OUT [KEY=VALUE ...]
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandmle.core.policy import Message
from sandmle.env import Environment, Observation
from sandmle.sandbox import make_sandbox
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import Trace, add_step, ask
from sandmle.testing.tiny_checkpoint import tiny_checkpoint
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.training.recipe import Recipe
from sandmle.training.run_folder import TrainingFolder
from sandmle.training.session import open_tasks, train


@SCAFFOLDS.register("letters")
@dataclass(frozen=True)
class Letters:
    """Two turns; one that holds a letter from a to m has the required form."""

    max_steps: int = 2
    name: str = "letters"

    async def run(self, env: Environment, policy: Any, *, trace: Trace) -> str:
        trace.prompt = (Message(role="user", content=f"Write letters. {env.task.title}"),)
        messages = trace.prompt
        for index in range(self.max_steps):
            asked = await ask(policy, messages, env=env, trace=trace)
            if asked is None:
                return "total_time"
            add_step(
                trace,
                asked,
                Observation("more"),
                parent=index - 1 if index else None,
                tool=None,
                answer="more",
                well_formed=bool(set("abcdefghijklm") & set(asked.completion.text)),
            )
            messages = (*messages, *trace.steps[-1].messages)
        return "max_steps"

    def turns(self, scripts: Any, *, look: bool = False, repair: bool = False) -> tuple[()]:
        return ()


class Quiet:
    def said(self, text: str) -> None:
        pass

    def stepped(self, metrics: StepMetrics) -> None:
        print(metrics.step, metrics.loss, flush=True)

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        print(metrics.name, metrics.step, metrics.table.reward, flush=True)


def recipe(root: Path, **grpo: Any) -> Recipe:
    """Make model and tasks below `root`, and a recipe for them."""
    if not (root / "model").is_dir():
        tiny_checkpoint(root / "model")
        for index in range(6):
            tiny_task(root / "tasks" / f"t{index}", name=f"tiny {index}")
        tiny_task(root / "held" / "h", name="held out")
    settings = {
        "steps": 5,
        "tasks_per_step": 2,
        "group_size": 4,
        "micro_batch": 4,
        "learning_rate": 3e-3,
        "checkpoint_every": 2,
        "resample": 1,
        **grpo,
    }
    return Recipe.model_validate(
        {
            "name": "tiny",
            "policy": {
                "model": str(root / "model"),
                "max_new_tokens": 12,
                "context_tokens": 200,
                "threads": 1,
            },
            "agent": {"scaffold": "letters", "max_steps": 2, "sandbox": "unsafe"},
            "grpo": settings,
            "train": [{"name": "train", "path": str(root / "tasks")}],
            "curriculum": {"band": [0.1, 0.9]},
            "evaluate": [{"samples": 2, "source": {"name": "held", "path": str(root / "held")}}],
        }
    )


def run(chosen: Recipe, out: Path) -> TrainingFolder:
    """Train, or go on training."""
    with (
        TrainingFolder.claim(out, chosen) as folder,
        make_sandbox("unsafe", allow_unisolated=True) as box,
    ):
        tasks = open_tasks(chosen, cache=out.parent / "cache", jobs=1, listener=Quiet())
        train(chosen, folder, tasks, sandbox=box, listener=Quiet())
    return folder


if __name__ == "__main__":
    changes = dict(pair.split("=") for pair in sys.argv[2:])
    root = Path(sys.argv[1])
    run(recipe(root, **{k: json.loads(v) for k, v in changes.items()}), root / "run")
