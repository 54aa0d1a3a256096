"""Putting the pieces of a streamed answer together, into what an answer in one piece looks like."""

from __future__ import annotations

from typing import Any

from sandmle.core.policy import Usage
from sandmle.policies._openai_answer import read_usage
from sandmle.policies._openai_errors import AttemptFailed
from sandmle.policies.settings import ModelSettings

_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


class StreamedAnswer:
    """Collects the chunks of one answer.

    Args:
        settings: Prices, for what a cut answer has cost.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._top: dict[str, Any] = {}
        self._message: dict[str, Any] = {}
        self._calls: dict[int, dict[str, Any]] = {}
        self._token_ids: list[Any] | None = None
        self._logprobs: list[Any] | None = None
        self._finish: str | None = None

    def add(self, chunk: dict[str, Any]) -> None:
        """Take one more chunk."""
        for name in ("usage", "prompt_token_ids"):
            if chunk.get(name) is not None:
                self._top[name] = chunk[name]
        for choice in _dicts(chunk.get("choices")):
            self._add_choice(choice)

    @property
    def usage(self) -> Usage:
        """What the server has counted so far."""
        return read_usage(self._top.get("usage"), self._settings)

    def whole(self) -> dict[str, Any]:
        """Return the answer.

        Raises:
            AttemptFailed: If the stream ended before the turn did.
        """
        if self._finish is None:
            raise AttemptFailed("the stream was cut: it ended without a finish_reason", self.usage)
        message = dict(self._message)
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        choice = {
            "message": message,
            "finish_reason": self._finish,
            "token_ids": self._token_ids,
            "logprobs": {"content": self._logprobs},
        }
        return {**self._top, "choices": [choice]}

    def _add_choice(self, choice: dict[str, Any]) -> None:
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        for name in _TEXTS:
            if isinstance(delta.get(name), str):
                self._message[name] = self._message.get(name, "") + delta[name]
        for call in _dicts(delta.get("tool_calls")):
            self._add_call(call)
        if isinstance(choice.get("token_ids"), list):
            self._token_ids = self._token_ids or []
            self._token_ids += choice["token_ids"]
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self._logprobs = self._logprobs or []
            self._logprobs += logprobs["content"]
        if choice.get("finish_reason") is not None:
            self._finish = choice["finish_reason"]

    def _add_call(self, piece: dict[str, Any]) -> None:
        index = piece.get("index")
        index = index if isinstance(index, int) else len(self._calls)
        call = self._calls.setdefault(index, {"function": {"name": "", "arguments": ""}})
        call["id"] = call.get("id") or piece.get("id")
        for function in _dicts([piece.get("function")]):
            for name in ("name", "arguments"):
                if isinstance(function.get(name), str):
                    call["function"][name] += function[name]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
