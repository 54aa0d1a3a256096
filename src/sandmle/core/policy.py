"""What speaks for the agent: messages in, one completion out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from pydantic import Field

from sandmle.core.record import Record


class ToolSpec(Record):
    """A tool as a server's native tool calling is told of it."""

    name: str
    description: str
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON schema of the arguments."""


class ToolCall(Record):
    """A native tool call as the model wrote it."""

    id: str
    name: str
    arguments: str
    """JSON, not yet parsed: a model may write anything."""


class Message(Record):
    """One message of the conversation that a policy sees."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Native calls of an `assistant` message."""
    tool_call_id: str | None = None
    """For a `tool` message: the call that it answers."""


class Tokens(Record):
    """Tokens as they were sampled; never made by tokenising text again."""

    prompt_ids: tuple[int, ...]
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    """Natural logarithms, one for each of `ids`."""


class Usage(Record):
    """What one completion cost, failed attempts at it included where a server counted them."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    """Those of the prompt that the server had read before."""
    dollars: float = 0.0
    """Price in US dollars, where it is known."""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            dollars=self.dollars + other.dollars,
        )


class Completion(Record):
    """One turn of a policy."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    """Native calls; empty where the model wrote text only."""
    truncated: bool = False
    """Whether the model was stopped at its limit of new tokens."""
    usage: Usage = Field(default_factory=Usage)
    tokens: Tokens | None = None


class Policy(Protocol):
    """A model, or what stands for one. An instance plays one episode."""

    name: str

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Return the next assistant turn.

        Args:
            messages: The conversation so far.
            tools: Tools that may be called natively; none where a scaffold's calls are text.

        Raises:
            ContextOverflow: If the messages are longer than the model can read; nothing was said.
            PolicyError: If the model or its server failed; never the agent's fault.
        """
        ...


class Model(Protocol):
    """What the policies of many episodes share: a connection pool, weights."""

    name: str
    """As it stands in episodes' records: `openai:Qwen/Qwen3-8B`."""

    def policy(self, *, seed: int) -> Policy:
        """Return a fresh policy for one episode.

        Args:
            seed: The episode's seed, in [0, 2**63).
        """
        ...

    async def close(self) -> None:
        """Release connections and memory; calling it twice is fine."""
        ...
