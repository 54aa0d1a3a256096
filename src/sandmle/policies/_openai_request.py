"""What is asked of a chat-completions server: messages, tools and sampling as a request's body."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sandmle.core.errors import UsageError
from sandmle.core.policy import Message, ToolCall, ToolSpec
from sandmle.policies.settings import ModelSettings

_RESERVED = {
    "messages": "the scaffold writes them",
    "model": "use --model",
    "n": "use -G for more episodes",
    "stream": "use --stream",
    "tools": "the scaffold names them",
    "api_key": "put it into the environment variable that --api-key-env names",
}
"""Fields that options may not set, and what to do instead."""

REPLACEABLE: dict[str, str | None] = {
    "parallel_tool_calls": None,
    "seed": None,
    "stream_options": None,
    "max_tokens": "max_completion_tokens",
}
"""Fields that a server may refuse without changing what is sampled, and their other name."""


def check_options(options: dict[str, Any]) -> None:
    """Refuse options that are not the user's to set in a request.

    Raises:
        UsageError: If there is one; the message says what to use.
    """
    for name in options:
        if name in _RESERVED:
            raise UsageError(f"--model-option {name} cannot be set; {_RESERVED[name]}")


def request_body(
    settings: ModelSettings,
    messages: Sequence[Message],
    *,
    tools: Sequence[ToolSpec],
    seed: int,
    refused: Collection[str] = (),
) -> dict[str, Any]:
    """Return the body of one call.

    Sampling is always named: without it some servers take defaults from the checkpoint.

    Args:
        settings: Model and sampling; its options come last, and None takes a field out.
        messages: The conversation.
        tools: Tools for native calls.
        seed: The call's seed, in [0, 2**31).
        refused: Those of `REPLACEABLE` that the server does not take.
    """
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": [message_json(message) for message in messages],
        "temperature": settings.temperature,
        "top_p": settings.top_p,
        "max_tokens": settings.max_new_tokens,
        "seed": seed,
        "stream": settings.stream,
    }
    if settings.stream:
        body["stream_options"] = {"include_usage": True}
    if tools:
        body["tools"] = [_tool_json(tool) for tool in tools]
        body["parallel_tool_calls"] = False
    if settings.token_ids:
        body |= {"logprobs": True, "return_token_ids": True}
    for name in refused:
        value = body.pop(name, None)
        other = REPLACEABLE[name]
        if other is not None and value is not None:
            body[other] = value
    return {name: value for name, value in (body | settings.options).items() if value is not None}


def message_json(message: Message) -> dict[str, Any]:
    """Return a message as the server reads it."""
    value: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_call_id is not None:
        value["tool_call_id"] = message.tool_call_id
    if message.tool_calls:
        value["content"] = message.content or None
        value["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call)},
            }
            for call in message.tool_calls
        ]
    return value


def _arguments(call: ToolCall) -> str:
    """Return a call's arguments as a JSON object, whatever the model wrote.

    Servers parse the arguments of earlier calls to fill chat templates and refuse the request
    where that fails: a model's mistake would look like the server's.
    """
    try:
        if isinstance(json.loads(call.arguments), dict):
            return call.arguments
    except (ValueError, RecursionError):
        pass
    return json.dumps({"unreadable": call.arguments})


def _tool_json(tool: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": tool.model_dump()}
