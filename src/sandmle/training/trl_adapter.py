"""The update, as TRL's GRPOTrainer carries it out; the only file that knows TRL (1.16).

What is sampled, what it earns and what is masked is decided outside: TRL is given finished rows
through `rollout_func`. `env_mask` marks the model's own tokens, and a reward of None leaves a row
out of its group's mean and of the loss.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from sandmle.core.errors import UsageError
from sandmle.training.recipe import Aggregation, GrpoSettings, Recipe
from sandmle.training.trajectory import Trajectory

LOSSES: dict[Aggregation, str] = {
    "seq-mean-token-mean": "grpo",
    "token-mean": "dapo",
    "dr-grpo": "dr_grpo",
}

OLDER_NAMES = {"activation_checkpointing": "gradient_checkpointing"}
ALONE_ONLY = {
    "vllm_mode": "colocate",
    "vllm_tensor_parallel_size": 1,
    "vllm_enable_sleep_mode": False,
}
"""Settings of vLLM with which several processes do not wait for each other."""

Rollout = Callable[[int], Sequence[Trajectory]]
"""Plays this process's share of a step, given its number from 0; groups stay together."""


def save_policy(trainer: GRPOTrainer, folder: Path) -> None:
    """Write the trained weights and the tokenizer; all processes call it, one of them writes.

    Raises:
        UsageError: If FSDP was started so that no process has all weights.
    """
    trainer.save_model(str(folder))
    if trainer.accelerator.is_main_process and not any(folder.glob("*.safetensors")):
        raise UsageError(
            "the trained weights were not written: start FSDP with "
            "--fsdp_state_dict_type FULL_STATE_DICT; the last checkpoint has them in parts"
        )


FROM_TRL = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "entropy": "entropy",
    "clip_ratio/region_mean": "clipped",
    "ratio": "ratio",
}
"""Names of TRL's metrics and ours."""


class Diverged(UsageError):
    """The loss is no number any more; no weights were changed by it."""


def make_trainer(
    recipe: Recipe,
    model: Any,
    tokenizer: Any,
    *,
    rollout: Rollout,
    after_step: Callable[[int, dict[str, float]], None],
    after_save: Callable[[int], None],
    folder: Path,
) -> GRPOTrainer:
    """Put a trainer together.

    Args:
        recipe: With `[grpo]`.
        model: A causal language model of transformers.
        tokenizer: Its tokenizer.
        rollout: Gives a step's rows.
        after_step: Called after a step's last update with its number from 0 and its means.
        after_save: Called when the checkpoint of so many steps has been written.
        folder: Where checkpoints go: `checkpoint-UPDATES`, as transformers names them.

    Raises:
        UsageError: If the recipe's `trainer` has a setting that TRL does not know.
    """
    if recipe.grpo is None:
        raise UsageError(f"recipe {recipe.name} has no [grpo]; there is nothing to update by")
    try:
        config = GRPOConfig(**_config(recipe, recipe.grpo, folder))
    except (TypeError, ValueError) as exc:
        raise UsageError(f"[trainer] or [grpo] of recipe {recipe.name}: {exc}") from exc
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*'rollout_func', which is an experimental feature")
        trainer = _Trainer(
            model=model,
            args=config,
            processing_class=tokenizer,
            # TRL wants prompts; what is played is the rollout's matter.
            train_dataset=Dataset.from_dict({"prompt": ["-"] * recipe.grpo.tasks_per_step}),
            reward_funcs=[_paid],
            callbacks=[_Steps(recipe.grpo.minibatches, after_step, after_save)],
            rollout_func=_rows(rollout, recipe.grpo.minibatches),
        )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _config(recipe: Recipe, grpo: GrpoSettings, folder: Path) -> dict[str, Any]:
    trajectories = grpo.tasks_per_step * grpo.group_size
    processes = PartialState().num_processes
    micro_batches, left = divmod(trajectories, grpo.micro_batch * processes)
    if left or micro_batches % grpo.minibatches:
        raise UsageError(
            f"{trajectories} trajectories cannot be dealt to {processes} processes x minibatches "
            f"{grpo.minibatches} x micro_batch {grpo.micro_batch}; choose others"
        )
    if processes > 1:
        _check_sampled_apart(recipe.trainer)
    config = {
        "output_dir": str(folder),
        "seed": recipe.seed % 2**32,
        "max_steps": grpo.steps * grpo.minibatches,
        "per_device_train_batch_size": grpo.micro_batch,
        "gradient_accumulation_steps": micro_batches // grpo.minibatches,
        "steps_per_generation": micro_batches,
        "num_generations": grpo.group_size,
        "num_iterations": 1,
        "max_completion_length": recipe.policy.context_tokens,
        "temperature": recipe.policy.temperature,
        "learning_rate": grpo.learning_rate,
        "lr_scheduler_type": "constant",
        "max_grad_norm": grpo.max_grad_norm,
        "beta": 0.0,
        "epsilon": grpo.clip_low,
        "epsilon_high": grpo.clip_high,
        "loss_type": LOSSES[grpo.loss],
        "scale_rewards": grpo.advantage_scale,
        "mask_truncated_completions": False,
        "shuffle_dataset": False,
        "save_strategy": "steps",
        "save_steps": grpo.checkpoint_every * grpo.minibatches,
        "save_total_limit": grpo.keep_checkpoints,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": [],
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
        "use_vllm": recipe.policy.engine == "vllm",
        # one process evaluates while the others wait
        "ddp_timeout": 4 * 3600,
        "ddp_find_unused_parameters": False,
        "bf16": False,
        "activation_checkpointing": False,
        # Rollouts follow from the step's number, so nothing is gained by drawing old prompts again.
        "ignore_data_skip": True,
        **recipe.trainer,
    }
    known = {field.name for field in fields(GRPOConfig)}
    # transformers before 5.20 has the older name only
    return {
        OLDER_NAMES[name] if name in OLDER_NAMES and name not in known else name: value
        for name, value in config.items()
    }


def _check_sampled_apart(settings: dict[str, Any]) -> None:
    """Refuse engines that several processes must ask equally often: their rounds differ."""
    for name, only in ALONE_ONLY.items():
        if settings.get(name, only) != only:
            raise UsageError(
                f"trainer.{name} = {settings[name]!r} is for one process; several sample different "
                f"numbers of rounds: leave it at {only!r}"
            )


def _paid(completions: list[Any], reward: list[float | None], **_: Any) -> list[float | None]:
    """Give TRL the rewards that came with the rows."""
    return reward


def _rows(rollout: Rollout, minibatches: int) -> Callable[[list[Any], Any], dict[str, list[Any]]]:
    def rows(prompts: list[Any], trainer: Any) -> dict[str, list[Any]]:
        found = rollout(trainer.state.global_step // minibatches)
        if len(found) != len(prompts):
            raise UsageError(
                f"a step needs {len(prompts)} trajectories, its rollout has {len(found)}"
            )
        trainer.sampled = [row.logprobs_T for row in found]
        return {
            "prompt_ids": [list(row.prompt_ids) for row in found],
            "completion_ids": [list(row.ids_T) for row in found],
            "logprobs": [list(row.logprobs_T) for row in found],
            "env_mask": [list(row.own_T) for row in found],
            "reward": [row.reward for row in found],
        }

    return rows


class _Trainer(GRPOTrainer):  # type: ignore[misc]
    """GRPOTrainer whose ratios compare with the sampling itself, and which stops at NaN."""

    sampled: list[tuple[float, ...]] | None = None
    """Log probabilities at sampling time of the rows that are being prepared."""
    _present_BT: torch.Tensor | None = None

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        batch: dict[str, Any] = super()._generate_and_score_completions(inputs)
        if self.sampled is not None:
            batch["old_per_token_logps"] = self._sampled_BT()
            self.sampled = None
        return batch

    def _get_per_token_logps_and_entropies(self, model: Any, *args: Any, **kwargs: Any) -> Any:
        if self.sampled is not None and model is not self.ref_model:
            return self._sampled_BT(), None, None
        found = super()._get_per_token_logps_and_entropies(model, *args, **kwargs)
        self._present_BT = found[0].detach()
        return found

    def _sampled_BT(self) -> torch.Tensor:
        rows = [torch.tensor(row) for row in self.sampled or ()]
        padded = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
        return padded.to(self.accelerator.device)

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        inputs = _trimmed(inputs)
        loss: torch.Tensor = super()._compute_loss(model, inputs)
        old_BT, mask_BT = inputs.get("old_per_token_logps"), inputs["completion_mask"]
        if inputs.get("tool_mask") is not None:
            mask_BT = mask_BT * inputs["tool_mask"]
        if old_BT is not None and self._present_BT is not None:
            ratio_BT = torch.exp(self._present_BT - old_BT) * mask_BT
            mean = ratio_BT.sum() / mask_BT.sum().clamp(min=1)
            self._metrics["train"]["ratio"].append(mean.item())
        if not torch.isfinite(loss):
            raise Diverged(
                f"the loss of update {self.state.global_step} is {loss.item()}; the weights before "
                "it are in the last checkpoint: lower grpo.learning_rate and start another run"
            )
        return loss


def _trimmed(inputs: dict[str, Any]) -> dict[str, Any]:
    """Cut the columns that only longer rows of other micro-batches fill."""
    prompt = int(inputs["prompt_mask"].sum(dim=1).max())
    completion = int(inputs["completion_mask"].sum(dim=1).max())
    cuts = {
        "prompt_ids": slice(-prompt, None),
        "prompt_mask": slice(-prompt, None),
    } | dict.fromkeys(
        (
            "completion_ids",
            "completion_mask",
            "tool_mask",
            "old_per_token_logps",
            "ref_per_token_logps",
        ),
        slice(completion),
    )
    return inputs | {
        name: inputs[name][:, cut] for name, cut in cuts.items() if inputs.get(name) is not None
    }


class _Steps(TrainerCallback):
    """Turns TRL's updates into steps, and gathers the logs of each one's updates."""

    def __init__(
        self,
        minibatches: int,
        after_step: Callable[[int, dict[str, float]], None],
        after_save: Callable[[int], None],
    ) -> None:
        self._minibatches = minibatches
        self._after_step = after_step
        self._after_save = after_save
        self._logs: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        logs = kwargs.get("logs") or {}
        if "loss" not in logs:
            return
        self._logs.append({ours: logs[name] for name, ours in FROM_TRL.items() if name in logs})
        if state.global_step % self._minibatches == 0:
            rows, self._logs = self._logs, []
            means = {k: sum(row[k] for row in rows) / len(rows) for k in rows[0]}
            if not math.isfinite(means["grad_norm"]):
                raise Diverged(
                    f"the gradient of update {state.global_step} is {means['grad_norm']}; the last "
                    "checkpoint is from before it: lower grpo.learning_rate and start another run"
                )
            self._after_step(state.global_step // self._minibatches - 1, means)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._after_save(state.global_step // self._minibatches)
