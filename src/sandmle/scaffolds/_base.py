"""What every scaffold is, and what all of them share: the record of a run and asking the policy."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Protocol

from sandmle.core.episode import Step, StopReason
from sandmle.core.errors import PolicyError, boundary
from sandmle.core.policy import Completion, Message, Policy
from sandmle.env import Environment

DEFAULT_MAX_STEPS = 15
"""Model calls of one episode in training (paper, appendix on training)."""


@dataclass
class Trace:
    """What has happened so far; filled while a scaffold runs, so that a failure loses nothing."""

    prompt: tuple[Message, ...] = ()
    """The messages before the first step."""
    steps: list[Step] = field(default_factory=list)


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
    ) -> tuple[str, ...]:
        """Write the turns with which a policy plays scripts, then scores and answers.

        Args:
            scripts: Programs, run one after the other, each followed by a call of the score tool.
            look: Look at the input files first.
            repair: Run the first script with a mistake before running it as it is.
        """
        ...


async def ask(policy: Policy, messages: Sequence[Message], env: Environment) -> Asked | None:
    """Return the policy's next turn, or None where the episode's time ends before it comes.

    Raises:
        PolicyError: If the policy failed.
    """
    left = env.seconds_left
    if left <= 0:
        return None
    began = time.monotonic()
    try:
        async with asyncio.timeout(left):
            with boundary(PolicyError, f"get a turn from {policy.name}"):
                completion = await policy.act(messages)
    except TimeoutError:
        return None
    # Half a surrogate pair can neither be written to a file nor sent to a model.
    text = completion.text.encode(errors="replace").decode()
    return Asked(completion.model_copy(update={"text": text}), time.monotonic() - began)


@dataclass(frozen=True)
class Asked:
    """A turn and how long it took."""

    completion: Completion
    seconds: float


def prompt_file(name: str, **values: object) -> str:
    """Return the text of `prompts/NAME.md` with its `$` fields filled in."""
    path = Path(__file__).with_name("prompts") / f"{name}.md"
    return Template(path.read_text(encoding="utf-8")).substitute(values).strip()
