"""What every scaffold is, and what all of them share: the record of a run and asking the policy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from string import Template
from typing import Protocol

from sandmle.core.episode import Step, StopReason
from sandmle.core.errors import PolicyError, boundary
from sandmle.core.lost_time import lost_time_to
from sandmle.core.policy import Completion, Message, Policy, ToolSpec
from sandmle.env import Environment, Observation

DEFAULT_MAX_STEPS = 15
"""Model calls of one episode in training (paper, appendix on training)."""


@dataclass
class Trace:
    """What has happened so far; filled while a scaffold runs, so that a failure loses nothing."""

    prompt: tuple[Message, ...] = ()
    """The messages before the first step."""
    steps: list[Step] = field(default_factory=list)
    model_slots: asyncio.Semaphore | None = None
    """Places at the model, shared by many episodes; None where there is no bound."""
    model_seconds: float = 0.0
    """Time spent in the policy's calls, those that failed included."""
    seed: int = 0
    """The episode's seed: all randomness of a scaffold comes from it."""


class Scaffold(Protocol):
    """An agent loop: how a policy's turns become tool calls, and what it is shown."""

    @property
    def name(self) -> str:
        """Name in the registry."""
        ...

    @property
    def max_steps(self) -> int:
        """How often the policy is asked at most."""
        ...

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Let the policy work until it answers or a limit ends it.

        Args:
            env: An open environment; the caller finishes it.
            policy: A fresh policy.
            trace: Filled step by step: actions as the policy wrote them, observations as it is
                shown them.

        Raises:
            InfraError: If policy, sandbox or grader failed; whatever an agent writes is none.
        """
        ...

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write the turns with which a policy plays scripts, then scores and answers.

        Args:
            scripts: Programs, run one after the other, each followed by a call of the score tool.
            look: Look at the input files first.
            repair: Run the first script with a mistake before running it as it is.
        """
        ...


async def ask(
    policy: Policy,
    messages: Sequence[Message],
    *,
    env: Environment,
    trace: Trace,
    tools: Sequence[ToolSpec] = (),
) -> Asked | None:
    """Return the policy's next turn, or None where the episode's time ends before it comes.

    Waiting for a place at the model does not count as the agent's time, nor do failed attempts of a
    policy that reports them as lost time.

    Raises:
        ContextOverflow: If the messages are longer than the policy can read.
        PolicyError: If the policy failed.
    """
    queued = time.monotonic()
    async with AsyncExitStack() as place:
        if trace.model_slots is not None:
            async with env.waiting():
                await place.enter_async_context(trace.model_slots)
        began = time.monotonic()
        left = env.seconds_left
        if left <= 0:
            return None
        try:
            async with asyncio.timeout(left) as limit:
                losses = lost_time_to(partial(_give_back, env, limit))
                with losses, boundary(PolicyError, f"get a turn from {policy.name}"):
                    completion = await policy.act(messages, tools=tools)
        except TimeoutError:
            return None
        finally:
            ended = time.monotonic()
            trace.model_seconds += ended - began
    # Half a surrogate pair can neither be written to a file nor sent to a model.
    text = completion.text.encode(errors="replace").decode()
    return Asked(
        completion.model_copy(update={"text": text}),
        tuple(messages),
        seconds=ended - began,
        queue_seconds=began - queued,
    )


def _give_back(env: Environment, limit: asyncio.Timeout, seconds: float) -> None:
    env.give_back(seconds)
    ends = limit.when()
    if ends is not None and not limit.expired():
        limit.reschedule(ends + seconds)


@dataclass(frozen=True)
class Asked:
    """A turn, what led to it, and how long it took."""

    completion: Completion
    messages: tuple[Message, ...]
    """What the policy was shown."""
    seconds: float
    queue_seconds: float


def add_step(
    trace: Trace,
    asked: Asked,
    observation: Observation,
    *,
    parent: int | None,
    tool: str | None,
    answer: str,
    well_formed: bool,
) -> int:
    """Record a turn and return its index; what the policy saw is kept where it is not derivable.

    Args:
        trace: Where it is recorded.
        asked: The turn.
        observation: What the tool answered.
        parent: Index of the step that this one continues.
        tool: The tool that was called.
        answer: The text that the policy is shown; empty where the turn ends the episode.
        well_formed: Whether the turn had the required form.
    """
    step = Step(
        parent=parent,
        action=asked.completion.text,
        tool_calls=asked.completion.tool_calls,
        tool=tool,
        observation=answer,
        well_formed=well_formed,
        execution=observation.execution,
        grade=observation.grade,
        script=observation.script,
        submission=observation.submission,
        usage=asked.completion.usage,
        policy_seconds=asked.seconds,
        tool_seconds=observation.seconds,
        queue_seconds=asked.queue_seconds,
        tokens=asked.completion.tokens,
    )
    if asked.messages != (*trace.prompt, *_messages_to(trace.steps, parent)):
        step = step.model_copy(update={"shown": asked.messages})
    trace.steps.append(step)
    return len(trace.steps) - 1


def _messages_to(steps: Sequence[Step], index: int | None) -> list[Message]:
    """Return the messages of the path that ends with step `index`."""
    path: list[Step] = []
    while index is not None:
        path.append(steps[index])
        index = steps[index].parent
    return [message for step in reversed(path) for message in step.messages]


def prompt_file(name: str, **values: object) -> str:
    """Return the text of `prompts/NAME.md` with its `$` fields filled in."""
    path = Path(__file__).with_name("prompts") / f"{name}.md"
    return Template(path.read_text(encoding="utf-8")).substitute(values).strip()
