"""A completion as a chat-completions server writes it: in one piece, or in chunks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandmle.core.policy import Completion

_THINK = re.compile(r"<think>(.*?)</think>(.*)", re.DOTALL)
_PIECE = 24
"""Characters of a chunk."""


def whole(
    completion: Completion, asked: Mapping[str, Any], *, reasoning_field: str | None
) -> dict[str, Any]:
    """Return the body of an answer.

    Args:
        completion: What is said; its tokens are told where they are asked for.
        asked: The body of the request.
        reasoning_field: Where a leading `<think>` is put; None: it stays in the text.
    """
    message: dict[str, Any] = {"role": "assistant", "content": completion.text}
    thought = _THINK.fullmatch(completion.text)
    if reasoning_field is not None and thought is not None:
        message[reasoning_field], message["content"] = thought.groups()
    if completion.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in completion.tool_calls
        ]
    finish = "tool_calls" if completion.tool_calls else "stop"
    choice: dict[str, Any] = {
        "index": 0,
        "message": message,
        "finish_reason": "length" if completion.truncated else finish,
    }
    answer = {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": asked.get("model"),
        "choices": [choice],
        "usage": _usage(completion),
    }
    tokens = completion.tokens
    if tokens is not None and asked.get("logprobs"):
        content = [{"token": "", "logprob": value} for value in tokens.logprobs]
        choice["logprobs"] = {"content": content}
    if tokens is not None and asked.get("return_token_ids"):
        answer["prompt_token_ids"] = list(tokens.prompt_ids)
        choice["token_ids"] = list(tokens.ids)
    return answer


def chunks(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an answer in the pieces of a stream, usage in the last one."""
    choice = answer["choices"][0]
    base = {**answer, "object": "chat.completion.chunk", "choices": [], "usage": None}
    message = choice["message"]
    deltas: list[dict[str, Any]] = [{"role": "assistant"}]
    for name in ("reasoning_content", "reasoning", "content"):
        text = message.get(name) or ""
        deltas += [{name: text[at : at + _PIECE]} for at in range(0, len(text), _PIECE)]
    for index, call in enumerate(message.get("tool_calls", ())):
        function = call["function"]
        opening = {"name": function["name"], "arguments": ""}
        deltas.append({"tool_calls": [{**call, "index": index, "function": opening}]})
        rest = {"arguments": function["arguments"]}
        deltas.append({"tool_calls": [{"index": index, "function": rest}]})
    pieces = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    end = {name: choice[name] for name in ("token_ids", "logprobs") if name in choice}
    pieces.append({"index": 0, "delta": {}, "finish_reason": choice["finish_reason"], **end})
    told = [{**base, "choices": [piece]} for piece in pieces]
    return [*told, {**base, "usage": answer["usage"]}]


def _usage(completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    value = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }
    return {**value, "cost": usage.dollars} if usage.dollars else value
