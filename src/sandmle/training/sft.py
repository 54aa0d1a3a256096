"""Supervised learning on trajectories, with transformers' Trainer."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, Message
from sandmle.policies._chat_ids import ChatIds
from sandmle.training.recipe import SftSettings

HELD_OUT = 0.05
"""Share of the tasks whose rows are kept for the held-out loss."""
_IGNORED = -100


@dataclass(frozen=True)
class Row:
    """One trajectory as the model reads it; `T` counts all its tokens."""

    ids_T: tuple[int, ...]
    own_T: tuple[bool, ...]
    """Which tokens the model is to learn to say."""


@dataclass(frozen=True)
class Learned:
    """What supervised learning came to."""

    rows: int
    tokens: int
    """Own tokens of one pass."""
    too_long: int
    """Rows left out because they are longer than the context."""
    held_out_loss: float | None
    """Nats per own token on tasks that were not learned from."""


def read_data(path: Path, *, min_reward: float | None = None) -> list[dict[str, Any]]:
    """Read rows that `sandmle sft-data` wrote.

    Raises:
        UsageError: If the file is not there, a line is no row, or none earned enough.
    """
    if not path.is_file():
        raise UsageError(f"{path} is not there; make it with `sandmle sft-data TASKS --out DIR`")
    rows = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            row["messages"], row["task_id"]
        except (ValueError, KeyError, TypeError):
            raise UsageError(
                f"{path}, line {number} is no row with messages and task_id; write the file again"
            ) from None
        rows.append(row)
    kept = [row for row in rows if min_reward is None or (row.get("reward") or 0.0) >= min_reward]
    if not kept:
        raise UsageError(
            f"{path} has {len(rows)} rows and none with a reward of at least {min_reward}; lower "
            "min_reward or make more"
        )
    return kept


def tokenised(messages: Sequence[dict[str, str]], tokenizer: Any) -> Row:
    """Return a trajectory's tokens, exactly as sampling it turn by turn makes them."""
    chat = ChatIds(
        tokenizer,
        keep=True,
        end_ids=frozenset([tokenizer.eos_token_id]),
        template_options={},
    )
    said = [Message.model_validate({k: m[k] for k in ("role", "content")}) for m in messages]
    ids: list[int] = []
    own: list[bool] = []
    for index, message in enumerate(said):
        if message.role != "assistant":
            continue
        prompt = chat.prompt(said[:index], ())
        turn = tokenizer(message.content, add_special_tokens=False)["input_ids"]
        turn = [*turn, tokenizer.eos_token_id]
        chat.sampled(said[:index], prompt, completion=Completion(text=message.content), ids=turn)
        own += [False] * (len(prompt) - len(ids)) + [True] * len(turn)
        ids = [*prompt, *turn]
    return Row(tuple(ids), tuple(own))


def train_sft(
    rows: Iterable[dict[str, Any]],
    model: Any,
    tokenizer: Any,
    settings: SftSettings,
    *,
    out: Path,
    seed: int,
    context_tokens: int,
    options: dict[str, Any] | None = None,
) -> Learned:
    """Train a model in place; its checkpoints in `out` let a killed call go on.

    Args:
        rows: Of `read_data`.
        model: A causal language model of transformers.
        tokenizer: Its tokenizer.
        settings: How long and how fast.
        out: Folder of checkpoints.
        seed: Of the order of rows.
        context_tokens: Longer rows are left out.
        options: More for `transformers.TrainingArguments`.

    Raises:
        UsageError: If no row is short enough, or the loss is no number any more.
    """
    import torch
    import transformers

    parts: dict[bool, list[Row]] = {False: [], True: []}
    too_long = 0
    for row in rows:
        read = tokenised(row["messages"], tokenizer)
        if len(read.ids_T) > context_tokens:
            too_long += 1
            continue
        parts[held_out(row["task_id"])].append(read)
    learned, held = parts[False], parts[True]
    if not learned:
        raise UsageError(
            f"all {too_long} rows are longer than context_tokens {context_tokens}; raise it"
        )
    library: Any = transformers
    arguments = library.TrainingArguments(
        **{
            "output_dir": str(out),
            "seed": seed % 2**32,
            "num_train_epochs": settings.epochs,
            "per_device_train_batch_size": settings.batch,
            "per_device_eval_batch_size": settings.batch,
            "learning_rate": settings.learning_rate,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 0.03,
            "weight_decay": 0.01,
            "max_grad_norm": 1.0,
            "train_sampling_strategy": "group_by_length",
            "logging_steps": 20,
            "logging_nan_inf_filter": False,
            "save_strategy": "epoch",
            "save_total_limit": 1,
            "report_to": [],
            "disable_tqdm": True,
            "use_cpu": not torch.cuda.is_available(),
            "remove_unused_columns": False,
            **(options or {}),
        }
    )
    trainer = library.Trainer(
        model=model,
        args=arguments,
        train_dataset=[_example(row) for row in learned],
        eval_dataset=[_example(row) for row in held] or None,
        data_collator=lambda batch: _padded(batch, tokenizer.pad_token_id),
        callbacks=[_stop_at_nan()],
    )
    trainer.remove_callback(library.PrinterCallback)
    trainer.train(resume_from_checkpoint=bool(list(out.glob("checkpoint-*"))))
    loss = trainer.evaluate()["eval_loss"] if held else None
    return Learned(
        rows=len(learned),
        tokens=sum(sum(row.own_T) for row in learned),
        too_long=too_long,
        held_out_loss=loss,
    )


def held_out(task_id: str) -> bool:
    """Deal tasks by their id, so that no task is on both sides whatever the rows' order."""
    digest = hashlib.sha256(task_id.encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT


def _example(row: Row) -> dict[str, Any]:
    labels = [token if own else _IGNORED for token, own in zip(row.ids_T, row.own_T, strict=True)]
    return {"input_ids": list(row.ids_T), "labels": labels}


def _padded(batch: Sequence[dict[str, Any]], pad_id: int) -> dict[str, Any]:
    import torch

    length = max(len(one["input_ids"]) for one in batch)

    def stack(name: str, fill: int) -> Any:
        return torch.tensor([one[name] + [fill] * (length - len(one[name])) for one in batch])

    ids_BT = stack("input_ids", pad_id)
    mask_BT = torch.tensor(
        [[1] * len(one["input_ids"]) + [0] * (length - len(one["input_ids"])) for one in batch]
    )
    return {"input_ids": ids_BT, "attention_mask": mask_BT, "labels": stack("labels", _IGNORED)}


def _stop_at_nan() -> Any:
    from transformers import TrainerCallback

    class StopAtNan(TrainerCallback):
        def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            loss = (kwargs.get("logs") or {}).get("loss")
            if loss is not None and not math.isfinite(float(loss)):
                raise UsageError(
                    f"the loss of supervised step {state.global_step} is {loss}; lower "
                    "sft.learning_rate"
                )

    return StopAtNan()
