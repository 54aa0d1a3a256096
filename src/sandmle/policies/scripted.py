"""A policy that plays turns written beforehand; needs no model, no key and no GPU."""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.core.errors import PolicyError
from sandmle.core.policy import Completion, Message, ToolSpec


class ScriptedPolicy:
    """Says its turns one after the other, whatever it is answered.

    The turns come in the format of the scaffold that it plays for: `Scaffold.turns` writes them.

    Args:
        name: Name in the episode's record: "scripted:expert".
        turns: What to say, turn by turn; the last one should end the episode. A text is a turn
            without native calls.
    """

    def __init__(self, name: str, turns: Sequence[str | Completion]) -> None:
        self.name = name
        self._turns = [Completion(text=t) if isinstance(t, str) else t for t in turns]
        self._said = 0

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Return the next turn.

        Raises:
            PolicyError: If every turn has been said.
        """
        if self._said >= len(self._turns):
            raise PolicyError(
                f"{self.name} has {len(self._turns)} turns and was asked for one more after "
                f"{len(messages)} messages; end them with an answer"
            )
        self._said += 1
        return self._turns[self._said - 1]
