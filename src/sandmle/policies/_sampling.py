"""Choosing the next token of each row of a batch, from numbers of the row's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Drawn:
    """One token for each row."""

    ids: list[int]
    logprobs: list[float]
    """Under the distribution at the sampling temperature, before `top_p` cuts it."""


def draw(logits_BV: Tensor, uniforms: list[float], *, temperature: float, top_p: float) -> Drawn:
    """Draw a token for each row by inverting its cumulative distribution.

    One number settles a row's token, so a row does not depend on what else is in the batch but
    through the rounding of its logits. The log probabilities are those of the softmax of
    `logits / temperature` over the whole vocabulary: what trainers of GRPO compute again.

    Args:
        logits_BV: Of the next token, shape (rows, vocabulary).
        uniforms: One for each row, in [0, 1 - 2**-32].
        temperature: 0 takes the likeliest token; its log probability is that at temperature 1.
        top_p: Only the likeliest tokens that together have this probability are drawn, in (0, 1].
    """
    import torch

    # In double precision, or sums over a large vocabulary round a row to another token.
    scaled_BV = logits_BV.double() / (temperature or 1.0)
    logprobs_BV = torch.log_softmax(scaled_BV, dim=-1)
    if temperature == 0:
        ids_B1 = logprobs_BV.argmax(dim=-1, keepdim=True)
    else:
        probs_BV = logprobs_BV.exp()
        order_BV = None
        if top_p < 1:
            probs_BV, order_BV = probs_BV.sort(dim=-1, descending=True, stable=True)
            before_BV = probs_BV.cumsum(dim=-1) - probs_BV
            probs_BV = probs_BV.masked_fill(before_BV >= top_p, 0.0)
        sums_BV = probs_BV.cumsum(dim=-1)
        uniforms_B1 = torch.tensor(uniforms, dtype=torch.float64, device=sums_BV.device)[:, None]
        ids_B1 = torch.searchsorted(sums_BV, uniforms_B1 * sums_BV[:, -1:], right=True)
        if order_BV is not None:
            ids_B1 = order_BV.gather(-1, ids_B1)
    chosen_B1 = logprobs_BV.gather(-1, ids_B1)
    return Drawn(ids_B1[:, 0].tolist(), chosen_B1[:, 0].tolist())
