"""What speaks for the agent: messages in, one completion out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import Field

from sandmle.core.record import Record


class Message(Record):
    """One message of the conversation that a policy sees."""

    role: Literal["system", "user", "assistant"]
    content: str


class Tokens(Record):
    """Tokens as they were sampled; never made by tokenising text again."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]


class Usage(Record):
    """What one completion cost."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Completion(Record):
    """One turn of a policy."""

    text: str
    usage: Usage = Field(default_factory=Usage)
    tokens: Tokens | None = None


class Policy(Protocol):
    """A model, or what stands for one. An instance plays one episode."""

    name: str

    async def act(self, messages: Sequence[Message]) -> Completion:
        """Return the next assistant turn.

        Raises:
            PolicyError: If the model or its server failed; never the agent's fault.
        """
        ...
