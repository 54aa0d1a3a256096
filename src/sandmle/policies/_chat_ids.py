"""From a conversation to the token ids that a model reads, turn after turn of one episode."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sandmle.core.errors import PolicyError, boundary
from sandmle.core.policy import Completion, Message, ToolSpec

_MARK = "turn-that-was-sampled"


class ChatIds:
    """The prompt ids of one episode's turns.

    Prefix property: where a conversation goes on after the turn that was sampled last, its ids are
    those of the last prompt, the sampled ids as they were, and the template's text of what is new.
    Nothing earlier is rendered or tokenised again, so one sequence holds the episode. A template
    that takes `<think>` out of earlier turns, as Qwen's does, does not get to do it then. Where the
    conversation was changed, by context management, or with `keep=False`, all of it is rendered.

    Args:
        tokenizer: Of transformers, with a chat template.
        keep: Whether sampled turns are kept as they were sampled.
        end_ids: Tokens that end a turn.
        template_options: More for the template: `{"enable_thinking": False}`.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        keep: bool,
        end_ids: frozenset[int],
        template_options: dict[str, Any],
    ) -> None:
        self._tokenizer = tokenizer
        self._keep = keep
        self._end_ids = end_ids
        self._options = template_options
        self._seen: tuple[Message, ...] = ()
        self._ids: tuple[int, ...] = ()

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> tuple[int, ...]:
        """Return the ids of a prompt that asks for the next turn.

        Raises:
            PolicyError: If the template refuses the messages.
        """
        new = tuple(messages)[len(self._seen) :]
        if self._keep and self._seen and new and tuple(messages[: len(self._seen)]) == self._seen:
            text = self._behind_mark(messages, tools, new=len(new))
            if text is not None:
                ids = self._encode(text)
                # The model and the template both write the turn's end.
                ended = self._ids[-1] in self._end_ids and ids[:1] == [self._ids[-1]]
                return (*self._ids, *ids[int(ended) :])
        return tuple(self._encode(self._render(messages, tools)))

    def sampled(
        self,
        messages: Sequence[Message],
        prompt: Sequence[int],
        *,
        completion: Completion,
        ids: Sequence[int],
    ) -> None:
        """Take note of a turn: what was read, what was said, and its ids."""
        said = Message(role="assistant", content=completion.text, tool_calls=completion.tool_calls)
        self._seen = (*messages, said)
        self._ids = (*prompt, *ids)

    def _behind_mark(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], *, new: int
    ) -> str | None:
        """Return what the template writes from the end of the sampled turn on."""
        at = len(messages) - new
        marked = Message(role="assistant", content=_MARK)
        text = self._render([*messages[: at - 1], marked, *messages[at:]], tools)
        _, mark, behind = text.rpartition(_MARK)
        return behind if mark else None

    def _render(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> str:
        with boundary(PolicyError, "write the messages with the model's chat template"):
            text: str = self._tokenizer.apply_chat_template(
                [_plain(message) for message in messages],
                tools=[_schema(tool) for tool in tools] or None,
                tokenize=False,
                add_generation_prompt=True,
                **self._options,
            )
        return text

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids


def _plain(message: Message) -> dict[str, Any]:
    plain: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        plain["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": _arguments(call.arguments)},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        plain["tool_call_id"] = message.tool_call_id
    return plain


def _arguments(written: str) -> dict[str, Any]:
    """Return arguments as templates expect them, an object, whatever the model wrote."""
    try:
        read = json.loads(written, strict=False)
    except (ValueError, RecursionError):
        read = None
    return read if isinstance(read, dict) else {"unreadable": written}


def _schema(tool: ToolSpec) -> dict[str, Any]:
    return {"type": "function", "function": tool.model_dump()}
