"""Sampling by vLLM, with the engine and the weight updates of TRL's trainer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

from sandmle.core.errors import InfraError, boundary
from sandmle.policies._batches import Row

_RESUME = "the same command goes on from the last checkpoint"


class Generation(Protocol):
    """The part of `trl.generation.VLLMGeneration` that is used."""

    max_completion_length: int

    def sync_weights(self) -> None:
        """Give the engine the trainer's weights; all processes call it."""
        ...

    def generate(self, prompts: list[list[int]], images: None, num_generations: int) -> Any:
        """Return prompts, sampled ids, and the log probabilities of each token's candidates."""
        ...


class VllmBatches:
    """Samples a round of turns at once; stands in the place of `Batches`.

    Rounds hold all episodes that go on, so nothing else waits while one is sampled.

    Args:
        end_ids: Tokens that end a turn.
    """

    def __init__(self, end_ids: frozenset[int]) -> None:
        self._end_ids = end_ids
        self.seconds = 0.0
        """Wall time that was spent on sampling."""
        self._engine: Generation | None = None

    def attach(self, engine: Generation) -> None:
        """Sample from this engine from now on."""
        self._engine = engine

    def refresh(self) -> None:
        """Take over weights that have changed; all processes call it at the same point.

        Raises:
            InfraError: If the engine failed.
        """
        if self._engine is not None:
            with boundary(InfraError, f"give vLLM the new weights ({_RESUME})"):
                self._engine.sync_weights()

    def submit(self, rows: Sequence[Row]) -> None:
        """Sample turns; their futures are done when this returns.

        Raises:
            InfraError: If the engine failed, or there is none yet.
        """
        if self._engine is None:
            raise InfraError("vLLM samples only while a trainer runs; evaluate with engine = local")
        began = time.monotonic()
        with boundary(InfraError, f"sample {len(rows)} turns by vLLM ({_RESUME})"):
            self._engine.max_completion_length = max(row.max_new for row in rows)
            _, sampled, logprobs, _ = self._engine.generate(
                [list(row.prompt) for row in rows], None, 1
            )
            for row, ids, candidates in zip(rows, sampled, logprobs, strict=True):
                row.ids = list(ids)
                row.logprobs = [float(token[0]) for token in candidates]
                row.ending = "end" if row.ids[-1] in self._end_ids else "length"
        self.seconds += time.monotonic() - began
        for row in rows:
            row.done.set_result(row)

    def close(self) -> None:
        """Let go of the engine, which is the trainer's."""
        self._engine = None
