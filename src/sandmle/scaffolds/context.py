"""What a policy is shown of a long conversation; nothing here reads what a tool's output says.

`shrunk` decides, in characters; `View` turns tokens into characters and asks the policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sandmle.core.episode import Step
from sandmle.core.errors import ContextOverflow
from sandmle.core.policy import Message, Policy, ToolSpec
from sandmle.env import Environment
from sandmle.scaffolds._base import Asked, Trace, ask

ContextRule = Literal["shorten", "paper"]
"""`shorten`: the oldest tool outputs are cut to head and tail, then the oldest turns are left out
with a note. `paper`: turns that failed are left out, then all but the prompt and the last."""

CHARACTERS_PER_TOKEN = 3.0
"""For conversations of which no token count is known yet."""

_HEAD = 500
_TAIL = 500
_MESSAGE_CHARACTERS = 16
"""What a chat template writes around a message, roughly."""

_AFTER_SHRINKING = 0.75
"""Share of the budget that is filled when it was exceeded: each change of what is shown costs the
server its cache and training a new sequence, so they should be few."""

_AFTER_OVERFLOW = (0.75, 0.5, 0.0)
"""Shares of what was shown that are tried after the model could not read it; 0: the least."""


@dataclass(frozen=True)
class Exchange:
    """A turn of the agent and what came back."""

    messages: tuple[Message, ...]
    failed: bool = False
    """Whether it came to nothing, by the host's facts; see `failed`."""


@dataclass(frozen=True)
class Conversation:
    """A prompt and the exchanges after it, as much of them as is shown."""

    prompt: tuple[Message, ...]
    exchanges: tuple[Exchange, ...] = ()
    omitted: int = 0
    """Exchanges left out of which the agent is told."""

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the policy is shown."""
        said = (message for exchange in self.exchanges for message in exchange.messages)
        return (*self._prompt_with_note(), *said)

    @property
    def characters(self) -> int:
        """Length of `messages`, tool calls and what stands around messages included."""
        return sum(map(characters, self.messages))

    def _prompt_with_note(self) -> tuple[Message, ...]:
        if not self.omitted:
            return self.prompt
        turns = "turn is" if self.omitted == 1 else f"{self.omitted} turns are"
        note = f"[Your first {turns} no longer shown; files that they wrote are still there.]"
        *others, last = self.prompt
        # Two user messages in a row are more than some chat templates take.
        if last.role == "user":
            said = last.model_copy(update={"content": f"{last.content}\n\n{note}"})
            return (*others, said)
        return (*self.prompt, Message(role="user", content=note))


def characters(message: Message) -> int:
    """Return the length of a message, calls and what stands around it included."""
    calls = sum(len(call.name) + len(call.arguments) for call in message.tool_calls)
    return len(message.content) + calls + _MESSAGE_CHARACTERS


def failed(step: Step) -> bool:
    """Return whether a turn came to nothing: no valid call, or code that did not end well."""
    if step.execution is not None:
        return not step.execution.ok
    return step.tool is None or step.tool == "python"


def shrunk(
    conversation: Conversation, limit: float, *, rule: ContextRule = "shorten"
) -> Conversation | None:
    """Return the conversation with no more left out than the rule does to come within a limit.

    The prompt and the last exchange are never touched, but for the note at the prompt's end that
    says how many exchanges are left out. What stays keeps its order. A conversation within the
    limit comes back as it is.

    Args:
        conversation: What was shown so far.
        limit: Most characters; see `Conversation.characters`.
        rule: What is left out first. `paper` is the rule of arXiv 2604.04872.

    Returns:
        The conversation to show; None where not even prompt and last exchange are within the limit.
    """
    ways = _candidates(conversation, rule)
    return next((shown for shown in ways if shown.characters <= limit), None)


def _candidates(conversation: Conversation, rule: ContextRule) -> Iterable[Conversation]:
    """Yield what may be shown, from everything to the least."""
    yield conversation
    if len(conversation.exchanges) > 1:
        yield from _shortened(conversation) if rule == "shorten" else _paper(conversation)
    # Where the note is what does not fit, it goes too.
    yield replace(conversation, exchanges=conversation.exchanges[-1:], omitted=0)


def _paper(conversation: Conversation) -> Iterable[Conversation]:
    *earlier, last = conversation.exchanges
    good = [exchange for exchange in earlier if not exchange.failed]
    yield replace(conversation, exchanges=(*good, last))


def _shortened(conversation: Conversation) -> Iterable[Conversation]:
    exchanges = list(conversation.exchanges)
    for index, exchange in enumerate(exchanges[:-1]):
        exchanges[index] = _with_cut_outputs(exchange)
        if exchanges[index] != exchange:
            yield replace(conversation, exchanges=tuple(exchanges))
    for dropped in range(1, len(exchanges)):
        yield replace(
            conversation,
            exchanges=tuple(exchanges[dropped:]),
            omitted=conversation.omitted + dropped,
        )


def _with_cut_outputs(exchange: Exchange) -> Exchange:
    said, *answers = exchange.messages
    # What the model wrote stays as it is: its own words are what it is trained on.
    cut = [answer.model_copy(update={"content": _cut(answer.content)}) for answer in answers]
    return replace(exchange, messages=(said, *cut))


def _cut(text: str) -> str:
    left_out = len(text) - _HEAD - _TAIL
    cut = f"{text[:_HEAD]}\n[{left_out:,} characters are no longer shown]\n{text[-_TAIL:]}"
    return cut if len(cut) < len(text) else text


class View:
    """A conversation with a policy that is kept within what the model can read.

    It holds what is shown, so what was left out once stays out and each turn continues the one
    before wherever it can.

    Args:
        prompt: The messages before the first turn.
        context_tokens: Most tokens of the messages that are shown; None: as many as the policy
            takes, which says by `ContextOverflow` when they are too many. Counted by the usage of
            the last turn, exact where the policy counts, and by characters for what came after.
        rule: What is left out first.
    """

    def __init__(
        self,
        prompt: Sequence[Message],
        *,
        context_tokens: int | None = None,
        rule: ContextRule = "shorten",
    ) -> None:
        self.shown = Conversation(tuple(prompt))
        self._context_tokens = context_tokens
        self._rule: ContextRule = rule
        self._characters_per_token = CHARACTERS_PER_TOKEN

    async def ask(
        self, policy: Policy, *, env: Environment, trace: Trace, tools: Sequence[ToolSpec] = ()
    ) -> Asked | Literal["total_time", "context"]:
        """Return the policy's next turn, or why the episode ends here.

        Raises:
            PolicyError: If the policy failed.
        """
        if not self._fit():
            return "context"
        before = self.shown.characters
        for share in (1.0, *_AFTER_OVERFLOW):
            if share < 1 and not self._shrink(before * share):
                continue
            try:
                asked = await ask(policy, self.shown.messages, env=env, trace=trace, tools=tools)
            except ContextOverflow:
                continue
            if asked is None:
                return "total_time"
            self._measure(asked)
            return asked
        return "context"

    def add(self, step: Step) -> None:
        """Continue the conversation with the turn that was just carried out."""
        exchange = Exchange(step.messages, failed=failed(step))
        self.shown = replace(self.shown, exchanges=(*self.shown.exchanges, exchange))

    def _fit(self) -> bool:
        """Come within the budget if there is one; return whether that worked."""
        if self._context_tokens is None:
            return True
        limit = self._context_tokens * self._characters_per_token
        if self.shown.characters <= limit:
            return True
        return self._shrink(limit * _AFTER_SHRINKING) or self._shrink(limit)

    def _shrink(self, limit: float) -> bool:
        """Show less: `limit` characters or, for 0, the least; return whether anything changed."""
        if limit == 0:
            limit = min(way.characters for way in _candidates(self.shown, self._rule))
        smaller = shrunk(self.shown, limit, rule=self._rule)
        if smaller is None or smaller == self.shown:
            return False
        self.shown = smaller
        return True

    def _measure(self, asked: Asked) -> None:
        usage = asked.completion.usage
        tokens = usage.prompt_tokens + usage.completion_tokens
        if usage.prompt_tokens > 0:
            said = Message(
                role="assistant",
                content=asked.completion.text,
                tool_calls=asked.completion.tool_calls,
            )
            self._characters_per_token = (self.shown.characters + characters(said)) / tokens
