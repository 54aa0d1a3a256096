"""Policies for tests of whatever plays episodes: they repeat, hang, fail, or note what they saw."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sandmle.core.errors import PolicyError
from sandmle.core.policy import Completion, Message, Policy, ToolSpec


class RepeatingPolicy:
    """Says the same turns over and over and never ends by itself.

    Args:
        turns: What it says in a round; a text is a turn without native calls.
    """

    def __init__(self, turns: Sequence[str | Completion]) -> None:
        self.name = "repeating"
        self._turns = [Completion(text=t) if isinstance(t, str) else t for t in turns]
        self._said = 0

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Return the next turn of the round."""
        self._said += 1
        return self._turns[(self._said - 1) % len(self._turns)]


class HangingPolicy:
    """Never answers, like a server that is stuck."""

    name = "hanging"

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Wait until cancelled."""
        await asyncio.Event().wait()
        raise PolicyError("the wait for nothing has ended")


class FailingPolicy:
    """Raises an error at every turn.

    Args:
        error: The error; a foreign one shows that the boundary holds.
    """

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Raise the error."""
        raise self._error


class RecordingPolicy:
    """Another policy, with a copy of every conversation that it was shown.

    Args:
        inner: What speaks.
    """

    def __init__(self, inner: Policy) -> None:
        self.name = inner.name
        self.seen: list[tuple[Message, ...]] = []
        """The messages of each call of `act`."""
        self._inner = inner

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Note the messages and let the other policy speak."""
        self.seen.append(tuple(messages))
        return await self._inner.act(messages, tools=tools)
