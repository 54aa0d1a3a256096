"""A policy that says again what another one said in a recorded episode."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.episode import Episode
from sandmle.core.errors import PolicyError
from sandmle.core.policy import Completion, Message, ToolSpec


class ReplayPolicy:
    """Repeats the actions of an episode in the order in which they were recorded.

    The observations may differ from the recorded ones: running code again takes other times. Where
    the episode is to end as it did, the scaffold needs the same limits.

    Args:
        episode: The record.
    """

    def __init__(self, episode: Episode) -> None:
        self.name = f"replay:{episode.policy}"
        self._steps = episode.steps
        self._said = 0

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Return the next recorded action, with its recorded usage and tokens.

        Raises:
            PolicyError: If the record has no further step.
        """
        if self._said >= len(self._steps):
            raise PolicyError(
                f"the recorded episode has {len(self._steps)} steps and the conversation goes on "
                f"after {len(messages)} messages; replay it with the scaffold and limits it had"
            )
        step = self._steps[self._said]
        self._said += 1
        return Completion(
            text=step.action, tool_calls=step.tool_calls, usage=step.usage, tokens=step.tokens
        )
