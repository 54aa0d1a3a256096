"""Reading what a chat-completions server answers: pure, and without trust in the server."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, TypeGuard

from sandmle.core.errors import PolicyRefused
from sandmle.core.policy import Completion, Tokens, ToolCall, Usage
from sandmle.policies._openai_errors import AttemptFailed
from sandmle.policies.settings import ModelSettings

_ABANDONED = ("abort", "aborted", "content_filter", "error")
"""Finish reasons of turns that the server gave up before the model had ended them."""


def read_answer(answer: Any, settings: ModelSettings, *, number: int) -> Completion:
    """Return the turn that an answer holds.

    Args:
        answer: The decoded body.
        settings: What was asked for; prices.
        number: Number of the call within its episode, for the ids of calls that have none.

    Raises:
        AttemptFailed: If the answer is broken or the server gave up the turn.
        PolicyRefused: If token ids were asked for and are not there.
    """
    if not isinstance(answer, dict):
        raise AttemptFailed(f"the answer is {_kind(answer)} and no JSON object")
    usage = read_usage(answer.get("usage"), settings)
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices:
        raise AttemptFailed("the answer has no choices", usage)
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise AttemptFailed("the answer's choice has no message", usage)
    finish = choice.get("finish_reason")
    if finish in _ABANDONED:
        raise AttemptFailed(f"the server gave up the turn: finish_reason {finish!r}", usage)
    return Completion(
        text=_text(message),
        tool_calls=_tool_calls(message.get("tool_calls"), number),
        truncated=finish == "length",
        usage=usage,
        tokens=_tokens(answer, choice, usage) if settings.token_ids else None,
    )


def read_usage(value: Any, settings: ModelSettings) -> Usage:
    """Return what a server counted; its own cost goes before the settings' prices."""
    if not isinstance(value, dict):
        return Usage()
    prompt, completion = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    details = value.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    cost = value.get("cost")
    if not (isinstance(cost, int | float) and math.isfinite(cost) and cost >= 0):
        cost = (
            prompt * settings.dollars_per_million_in + completion * settings.dollars_per_million_out
        ) / 1e6
    return Usage(
        prompt_tokens=prompt,
        completion_tokens=completion,
        cached_tokens=_count(
            cached if cached is not None else value.get("prompt_cache_hit_tokens")
        ),
        dollars=float(cost),
    )


def _text(message: Mapping[str, Any]) -> str:
    """Return what the model wrote: a server may have split its reasoning off."""
    text = _plain(message.get("content")) or _plain(message.get("refusal"))
    reasoning = _plain(message.get("reasoning_content")) or _plain(message.get("reasoning"))
    return f"<think>{reasoning}</think>{text}" if reasoning else text


def _plain(value: Any) -> str:
    if isinstance(value, list):
        value = "".join(_plain(part.get("text")) for part in value if isinstance(part, dict))
    # Half a surrogate pair can neither be written to a file nor sent to a model.
    return value.encode(errors="replace").decode() if isinstance(value, str) else ""


def _tool_calls(value: Any, number: int) -> tuple[ToolCall, ...]:
    calls = []
    for index, call in enumerate(value if isinstance(value, list) else []):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict):
            continue
        arguments = function.get("arguments")
        if not isinstance(arguments, str):
            arguments = json.dumps(arguments) if arguments is not None else ""
        calls.append(
            ToolCall(
                id=_plain(call.get("id")) or f"call_{number}_{index}",
                name=_plain(function.get("name")),
                arguments=_plain(arguments),
            )
        )
    return tuple(calls)


def _tokens(answer: Mapping[str, Any], choice: Mapping[str, Any], usage: Usage) -> Tokens:
    prompt, ids = answer.get("prompt_token_ids"), choice.get("token_ids")
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, dict) else None
    if not (_are_ids(prompt) and _are_ids(ids) and isinstance(content, list)):
        raise PolicyRefused(
            "the server returns no token ids with their log probabilities: use vLLM >= 0.10.2, "
            "which knows `return_token_ids`, or leave out --token-ids"
        )
    values = [entry.get("logprob") if isinstance(entry, dict) else None for entry in content]
    numbers = [float(value) for value in values if _is_number(value)]
    if not len(numbers) == len(values) == len(ids):
        raise AttemptFailed(
            f"{len(ids)} token ids came with {len(numbers)} log probabilities", usage
        )
    return Tokens(prompt_ids=tuple(prompt), ids=tuple(ids), logprobs=tuple(numbers))


def _are_ids(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(item) is int for item in value)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and math.isfinite(value)


def _count(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _kind(value: Any) -> str:
    return "empty" if value is None else f"a {type(value).__name__}"
