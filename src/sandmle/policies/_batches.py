"""Sampling for many conversations at once: one thread, one batch, rows come and go."""

from __future__ import annotations

import inspect
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sandmle.core.errors import PolicyError, SandmleError, boundary
from sandmle.policies._sampling import draw

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Ending = Literal["end", "stop", "length"]
"""By the model's own end token, at a stop string, or at the limit of new tokens."""


@dataclass(eq=False)
class Row:
    """A turn that is being sampled."""

    prompt: tuple[int, ...]
    max_new: int
    rng: np.random.Generator
    """Gives one number for each token."""
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    ending: Ending | None = None
    done: Future[Row] = field(default_factory=Future)
    """Given the row itself when it has ended; cancelling it takes the row out."""


@dataclass
class _Batch:
    """Rows with what the model holds of them; left-padded to the same length."""

    rows: list[Row]
    cache: Any
    mask_BT: Tensor
    next_B1: Tensor


class Batches:
    """Samples turns of one model in a thread of its own.

    Waiting turns join the batch between two tokens, so a short turn waits for no long one. Left
    padding is masked and positions count from a row's own start: a row's logits are those that it
    has alone, up to the rounding of sums in another order.

    Args:
        model: A causal language model of transformers, in evaluation mode.
        end_ids: Tokens that end a turn.
        stops: Whether a turn's ids end it by their text.
        temperature: See `draw`.
        top_p: See `draw`.
        batch_size: Most rows at once.
        batch_tokens: Most places of the batch, rows times the longest prompt with its new tokens;
            a single row may have more.
    """

    def __init__(
        self,
        model: Any,
        *,
        end_ids: frozenset[int],
        stops: Callable[[list[int]], bool],
        temperature: float,
        top_p: float,
        batch_size: int,
        batch_tokens: int,
    ) -> None:
        self._model = model
        self._cache_name = _cache_name(model)
        self._end_ids = end_ids
        self._stops = stops
        self._temperature = temperature
        self._top_p = top_p
        self._batch_size = batch_size
        self._batch_tokens = batch_tokens
        self._arrivals: queue.SimpleQueue[Sequence[Row]] = queue.SimpleQueue()
        self._waiting: list[Row] = []
        self.rows = 0
        """Turns in the batch after the last token."""
        self.seconds = 0.0
        """Wall time that was spent on sampling."""
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="local model", daemon=True)
        self._thread.start()

    def submit(self, rows: Sequence[Row]) -> None:
        """Have turns sampled, in one batch where there is room; `row.done` tells when each is.

        Raises:
            PolicyError: If this is closed.
        """
        if self._closed:
            raise PolicyError("the local model is closed; open the run again")
        self._arrivals.put(rows)

    def refresh(self) -> None:
        """Weights that have changed count at once: nothing is kept from turn to turn."""

    def close(self) -> None:
        """Stop after the present token; turns that are not finished fail."""
        if not self._closed:
            self._closed = True
            self._arrivals.put(())
        self._thread.join()
        self._model = None

    def _work(self) -> None:
        batch: _Batch | None = None
        while not self._closed:
            self._take_arrivals(block=batch is None and not self._waiting)
            if self._closed:
                break
            rows = [] if batch is None else batch.rows
            admitted = self._admitted(rows)
            began = time.monotonic()
            try:
                with boundary(PolicyError, "sample from the local model"):
                    batch = self._round(batch, admitted)
            except SandmleError as exc:
                _fail([*rows, *admitted], exc)
                batch = None
            self.rows = 0 if batch is None else len(batch.rows)
            self.seconds += time.monotonic() - began
        self._take_arrivals(block=False)
        left = [*self._waiting, *([] if batch is None else batch.rows)]
        _fail(left, PolicyError("the local model was closed before the turn was finished"))

    def _take_arrivals(self, *, block: bool) -> None:
        while block or not self._arrivals.empty():
            self._waiting += self._arrivals.get()
            block = False

    def _admitted(self, rows: list[Row]) -> list[Row]:
        """Take from the waiting turns, in their order, those for which there is room."""
        self._waiting = [row for row in self._waiting if not row.done.cancelled()]
        admitted: list[Row] = []
        while self._waiting:
            more = [*rows, *admitted, self._waiting[0]]
            longest = max(len(row.prompt) + row.max_new for row in more)
            fits = len(more) <= self._batch_size and len(more) * longest <= self._batch_tokens
            if not fits and len(more) > 1:
                break
            admitted.append(self._waiting.pop(0))
        return admitted

    def _round(self, batch: _Batch | None, admitted: list[Row]) -> _Batch | None:
        """Sample one more token of each row, read new prompts, and let go of what has ended."""
        import torch

        training = self._model.training
        self._model.eval()
        with torch.inference_mode():
            if batch is not None:
                batch = self._stepped(batch)
            if admitted:
                fresh = self._read(admitted)
                batch = fresh if batch is None else _joined(batch, fresh)
        self._model.train(training)
        if batch is None:
            return None
        return _kept(batch)

    def _read(self, rows: list[Row]) -> _Batch:
        import torch
        from transformers import DynamicCache

        length = max(len(row.prompt) for row in rows)
        pads = [length - len(row.prompt) for row in rows]
        ids = [[0] * pad + list(row.prompt) for row, pad in zip(rows, pads, strict=True)]
        mask = [[0] * pad + [1] * (length - pad) for pad in pads]
        device = self._model.device
        ids_BT, mask_BT = torch.tensor(ids, device=device), torch.tensor(mask, device=device)
        # Without the config no layer forgets: windows are the masks' matter, and layers can be cut.
        cache = DynamicCache()
        next_B1 = self._forward(rows, ids_BT, mask_BT, cache)
        return _Batch(rows, cache, mask_BT, next_B1)

    def _stepped(self, batch: _Batch) -> _Batch:
        import torch

        mask_BT = torch.cat([batch.mask_BT, torch.ones_like(batch.next_B1)], dim=1)
        next_B1 = self._forward(batch.rows, batch.next_B1, mask_BT, batch.cache)
        return _Batch(batch.rows, batch.cache, mask_BT, next_B1)

    def _forward(self, rows: list[Row], ids_BT: Tensor, mask_BT: Tensor, cache: Any) -> Tensor:
        import torch

        positions_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)[:, -ids_BT.shape[1] :]
        output = self._model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            position_ids=positions_BT,
            use_cache=True,
            logits_to_keep=1,
            **{self._cache_name: cache},
        )
        drawn = draw(
            output.logits[:, -1],
            [int(row.rng.integers(1 << 32)) / (1 << 32) for row in rows],
            temperature=self._temperature,
            top_p=self._top_p,
        )
        for row, token, logprob in zip(rows, drawn.ids, drawn.logprobs, strict=True):
            row.ids.append(token)
            row.logprobs.append(logprob)
            row.ending = self._ending(row)
        return torch.tensor(drawn.ids, device=ids_BT.device)[:, None]

    def _ending(self, row: Row) -> Ending | None:
        if row.ids[-1] in self._end_ids:
            return "end"
        if self._stops(row.ids):
            return "stop"
        return "length" if len(row.ids) >= row.max_new else None


def _joined(batch: _Batch, fresh: _Batch) -> _Batch:
    """Put two batches into one, the shorter padded on the left."""
    import torch
    from torch.nn.functional import pad

    length = max(batch.mask_BT.shape[1], fresh.mask_BT.shape[1])
    for part in (batch, fresh):
        more = length - part.mask_BT.shape[1]
        part.mask_BT = pad(part.mask_BT, (more, 0))
        for layer in part.cache.layers:
            layer.keys = pad(layer.keys, (0, 0, more, 0))
            layer.values = pad(layer.values, (0, 0, more, 0))
    for old, new in zip(batch.cache.layers, fresh.cache.layers, strict=True):
        old.keys = torch.cat([old.keys, new.keys])
        old.values = torch.cat([old.values, new.values])
    return _Batch(
        [*batch.rows, *fresh.rows],
        batch.cache,
        torch.cat([batch.mask_BT, fresh.mask_BT]),
        torch.cat([batch.next_B1, fresh.next_B1]),
    )


def _kept(batch: _Batch) -> _Batch | None:
    """Tell whoever waits for rows that have ended, and keep the others."""
    import torch

    staying = []
    for index, row in enumerate(batch.rows):
        if row.ending is not None:
            # False where nobody waits any more.
            if row.done.set_running_or_notify_cancel():
                row.done.set_result(row)
        elif not row.done.cancelled():
            staying.append(index)
    if not staying:
        return None
    if len(staying) == len(batch.rows):
        return batch
    with torch.inference_mode():
        keep = torch.tensor(staying, device=batch.mask_BT.device)
        mask_BT = batch.mask_BT[keep]
        # Columns that only rows that left had filled.
        first = int(mask_BT.any(dim=0).int().argmax())
        for layer in batch.cache.layers:
            layer.keys = layer.keys[keep, :, first:]
            layer.values = layer.values[keep, :, first:]
        rows = [batch.rows[index] for index in staying]
        return _Batch(rows, batch.cache, mask_BT[:, first:], batch.next_B1[keep])


def _fail(rows: list[Row], error: SandmleError) -> None:
    for row in rows:
        if not row.done.done() and row.done.set_running_or_notify_cancel():
            row.done.set_exception(error)


def _cache_name(model: Any) -> str:
    """Return what the model calls the argument that holds what it has read."""
    # transformers 5.24 renamed it and warns of the older name
    known = inspect.signature(model.forward).parameters
    return "cache" if "cache" in known else "past_key_values"
