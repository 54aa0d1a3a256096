"""Build the nano policy from nothing: tasks, experts' trajectories, tokenizer, supervised learning.

python tools/build_nano.py --out nano [--work build/nano] [--tasks 360] [--tables 0] [--per-task 8]
                           [--epochs 5]

Every part is kept below --work, so that the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from sandmle.generate.tables import generate_tables
from sandmle.store.atomic import new_folder
from sandmle.training.nano import FAMILIES, HELD_OUT_DOMAINS, POSITIONS, new_nano
from sandmle.training.recipe import SftSettings
from sandmle.training.sft import Learned, held_out, read_data, train_sft
from sandmle.training.tokenizer import train_tokenizer

WEIGHTS_SEED = 0
"""Of the first weights and the order of the rows."""


def main() -> None:
    options = _options()
    torch.set_num_threads(options.threads)
    began = time.monotonic()
    tasks, tables = options.work / "tasks", options.work / "tables"
    # small seeds: anybody can make the same tasks, and nothing is measured on them
    _sandmle("generate", "--out", tasks, "--count", options.tasks, "--seed", options.seed)
    without = [part for name in HELD_OUT_DOMAINS for part in ("--without-domain", name)]
    rows = _played(tasks, options, *without)
    if options.tables:
        generate_tables(tables, count=options.tables, seed=options.seed)
        rows += _played(tables, options)
    tokenizer = train_tokenizer(_by_task([row for row in rows if not held_out(row["task_id"])]))
    model = new_nano(
        len(tokenizer),
        end_id=tokenizer.eos_token_id,
        pad_id=tokenizer.pad_token_id,
        seed=WEIGHTS_SEED,
    )
    settings = SftSettings(epochs=options.epochs, batch=16, learning_rate=2e-3)
    learned = train_sft(
        rows,
        model,
        tokenizer,
        settings,
        out=options.work / "checkpoints",
        seed=WEIGHTS_SEED,
        context_tokens=POSITIONS,
        options={"bf16": True},
    )
    with new_folder(options.out, force=True) as folder:
        model.config.use_cache = True  # training switches it off
        model.to(torch.bfloat16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        for file in folder.iterdir():
            file.chmod(0o644)  # safetensors lets only its owner read
    summary = _summary(learned, model, tokenizer, rows) | {"seconds": _since(began)}
    sys.stdout.write(json.dumps(summary) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--work", type=Path, default=Path("build/nano"), help="parts on the way")
    parser.add_argument("--tasks", type=int, default=360)
    parser.add_argument("--tables", type=int, default=0, help="tasks of real tables besides")
    parser.add_argument("--per-task", type=int, default=8, help="experts that play each task")
    parser.add_argument("--epochs", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=7001)
    parser.add_argument("--threads", type=int, default=1, help="processor threads of torch")
    return parser.parse_args()


def _played(tasks: Path, options: argparse.Namespace, *without: str) -> list[dict[str, Any]]:
    data = tasks.with_name(f"{tasks.name}-played")
    many = ("--per-task", options.per_task, "--seed", options.seed)
    _sandmle("sft-data", tasks, "--out", data, *many, *without)
    return read_data(data / "sft.jsonl")


def _sandmle(command: str, *options: object) -> None:
    families = ("--families", ",".join(FAMILIES), "--jobs", "2") if command == "generate" else ()
    subprocess.run(
        [sys.executable, "-m", "sandmle", command, *map(str, (*options, *families))], check=True
    )


def _by_task(rows: list[dict[str, Any]]) -> list[list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        texts = found.setdefault(row["task_id"], [])
        texts += [message["content"] for message in row["messages"]]
    return list(found.values())


def _summary(
    learned: Learned, model: Any, tokenizer: Any, rows: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "parameters": sum(value.numel() for value in model.parameters()),
        "vocabulary": len(tokenizer),
        "trajectories": len(rows),
        "learned_from": learned.rows,
        "too_long": learned.too_long,
        "own_tokens": learned.tokens,
        "held_out_loss": learned.held_out_loss,
    }


def _since(began: float) -> float:
    return round(time.monotonic() - began, 1)


if __name__ == "__main__":
    main()
