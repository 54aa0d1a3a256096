"""`openai`: any server that speaks OpenAI's chat completions, as vLLM, SGLang and llama.cpp do.

Failed attempts are tried again here, and nowhere below: see `docs/policies.md` for which.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sandmle.core.errors import PolicyError, PolicyRefused
from sandmle.core.lost_time import report_lost
from sandmle.core.policy import Completion, Message, ToolSpec, Usage
from sandmle.core.seeding import derive_seed
from sandmle.policies import MODELS
from sandmle.policies._openai_answer import read_answer
from sandmle.policies._openai_client import Connection, ServerRefused
from sandmle.policies._openai_errors import AttemptFailed, FieldRefused
from sandmle.policies._openai_request import REPLACEABLE, check_options, request_body
from sandmle.policies.settings import ModelSettings

MAX_WAIT_SECONDS = 60.0
"""Longest wait between two attempts, also where a server's Retry-After asks for more."""


@MODELS.register("openai")
class OpenAIModel:
    """A model behind a server; see `Model`. All its policies share one pool of connections.

    Args:
        settings: Model, server and sampling.

    Raises:
        UsageError: If the client library or the key is missing, or an option cannot be set.
    """

    def __init__(self, settings: ModelSettings) -> None:
        check_options(settings.options)
        self.name = f"openai:{settings.model}"
        self._settings = settings
        self._connection = Connection(settings)
        self._refused: set[str] = set()
        """Fields that the server was found not to take."""
        self._answered = False

    def policy(self, *, seed: int) -> OpenAIPolicy:
        """Return a policy for one episode; see `Model.policy`."""
        return OpenAIPolicy(self, seed=seed)

    async def close(self) -> None:
        """Close the connections; calling it twice is fine."""
        await self._connection.close()

    async def complete(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec], number: int, seed: int
    ) -> Completion:
        """Return the next turn of a conversation.

        Args:
            messages: The conversation.
            tools: Tools for native calls.
            number: Number of the call within its episode, from 0.
            seed: The episode's seed.

        Raises:
            ContextOverflow: If the messages are longer than the model can read.
            PolicyRefused: If the server takes no request of this kind, or could never be reached.
            PolicyError: If every attempt failed, or the server does not take this conversation.
        """
        attempt, wasted = 1, Usage()
        while True:
            body = request_body(
                self._settings,
                messages,
                tools=tools,
                # Some servers read seeds as 32-bit integers.
                seed=derive_seed(seed, "call", number) >> 97,
                refused=self._refused,
            )
            began = time.monotonic()
            try:
                completion = await self._attempt(body, number)
            except FieldRefused as refused:
                self._refused.add(refused.field)
                continue
            except AttemptFailed as failed:
                wasted += failed.usage
                if attempt == self._settings.max_attempts:
                    raise self._given_up(failed, attempt) from None
                wait = self._wait(failed, attempt, derive_seed(seed, "wait", number, attempt))
                report_lost(time.monotonic() - began + wait)
                await asyncio.sleep(wait)
                attempt += 1
                continue
            self._answered = True
            return completion.model_copy(update={"usage": wasted + completion.usage})

    async def _attempt(self, body: dict[str, Any], number: int) -> Completion:
        settings = self._settings
        try:
            answer = await self._connection.ask(body)
        except ServerRefused as exc:
            raise exc.refusal.error(
                server=self._connection.address,
                model=settings.model,
                api_key_env=settings.api_key_env,
                fields=[f for f in REPLACEABLE if f in body and f not in settings.options],
                answered=self._answered,
            ) from None
        return read_answer(answer, settings, number=number)

    def _given_up(self, failed: AttemptFailed, attempts: int) -> PolicyError:
        text = f"{attempts} attempts failed, the last one: {failed}"
        if failed.unreachable and not self._answered:
            return PolicyRefused(f"{text}; start the server, or check --base-url")
        return PolicyError(text)

    def _wait(self, failed: AttemptFailed, attempt: int, draw: int) -> float:
        """Return the seconds before the next attempt; `draw` of 128 bits spreads episodes out."""
        share = draw / 2**128
        longest = min(MAX_WAIT_SECONDS, self._settings.retry_seconds * 2.0 ** (attempt - 1))
        if failed.retry_after is None:
            return longest * (0.5 + 0.5 * share)
        return min(MAX_WAIT_SECONDS, failed.retry_after + self._settings.retry_seconds * share)


class OpenAIPolicy:
    """Speaks for the model in one episode.

    Args:
        model: The model.
        seed: The episode's seed; each call gets one of its own.
    """

    def __init__(self, model: OpenAIModel, *, seed: int) -> None:
        self.name = model.name
        self._model = model
        self._seed = seed
        self._calls = 0

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Return the next turn; see `Policy.act` and `OpenAIModel.complete`."""
        number = self._calls
        self._calls += 1
        return await self._model.complete(messages, tools=tools, number=number, seed=self._seed)
