"""Turns of the `local` policy sampled together against the same turns one by one.

Both ways are measured in turns in the same process on a random model of 3 million weights.

    python benchmarks/local_policy.py [--quick] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path

from sandmle.core.policy import Message
from sandmle.policies import ModelSettings
from sandmle.policies.local import LocalModel
from sandmle.testing.tiny_checkpoint import tiny_checkpoint

PROMPT_BYTES = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short turns")
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    arguments = parser.parse_args()
    turns, new_tokens, rounds = (8, 24, 2) if arguments.quick else (16, 64, 3)
    with tempfile.TemporaryDirectory(prefix="sandmle-bench-") as folder:
        checkpoint = tiny_checkpoint(Path(folder), positions=2_048, width=256, layers=4)
        figures = asyncio.run(measure(checkpoint, turns, new_tokens=new_tokens, rounds=rounds))
    print(
        json.dumps(figures) if arguments.json else "\n".join(f"{k}: {figures[k]}" for k in figures)
    )


async def measure(
    checkpoint: Path, turns: int, *, new_tokens: int, rounds: int
) -> dict[str, float]:
    """Return tokens per second both ways and their ratio, medians over the rounds."""
    settings = ModelSettings(
        model=str(checkpoint),
        max_new_tokens=new_tokens,
        options={"device": "cpu", "dtype": "float32", "batch_size": turns, "threads": 1},
    )
    model = LocalModel(settings)
    try:
        await speed(model, turns, together=True)
        pairs = []
        for _ in range(rounds):
            one_by_one = await speed(model, turns, together=False)
            pairs.append((one_by_one, await speed(model, turns, together=True)))
    finally:
        await model.close()
    return {
        "turns": turns,
        "new_tokens": new_tokens,
        "one_by_one_tokens_per_s": round(statistics.median(one for one, _ in pairs), 1),
        "batched_tokens_per_s": round(statistics.median(all_ for _, all_ in pairs), 1),
        "ratio": round(statistics.median(all_ / one for one, all_ in pairs), 2),
    }


async def speed(model: LocalModel, turns: int, *, together: bool) -> float:
    """Return sampled tokens per second of wall time."""
    calls = [
        model.policy(seed=seed).act(
            [Message(role="user", content=f"{seed} " * (PROMPT_BYTES // 2))]
        )
        for seed in range(turns)
    ]
    began = time.perf_counter()
    said = await asyncio.gather(*calls) if together else [await call for call in calls]
    return sum(turn.usage.completion_tokens for turn in said) / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
