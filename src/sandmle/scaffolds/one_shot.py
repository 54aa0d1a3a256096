"""`one_shot`: one program, one run, done; what pass@1 of code models measures (arXiv 2107.03374).

A turn without a program is told so and asked again within `max_steps`; with `max_steps=1` there is
no second chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from sandmle.core.episode import StopReason
from sandmle.core.policy import Completion, Message, Policy
from sandmle.env import Environment, Observation
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, add_step, prompt_file
from sandmle.scaffolds.attempt import Attempt, ask_with_less, attempt, form_remark
from sandmle.scaffolds.briefing import files_text, program_system
from sandmle.scaffolds.program import program_turns, read_program

NAME = "one_shot"


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class OneShot:
    """One program, one run."""

    max_steps: int = DEFAULT_MAX_STEPS
    name: str = NAME

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Ask for a program and run it; see `Scaffold.run`."""
        prompt = single_prompt(env, max_steps=self.max_steps, rules="one_shot_rules")
        tried = await try_once(env, policy, trace=trace, prompt=prompt, max_steps=self.max_steps)
        return tried if isinstance(tried, str) else "answered"

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write the last script as a turn: there is one run, so none to look or repair with."""
        return tuple(
            Completion(text=text) for text in program_turns(scripts[-1:], look=False, repair=False)
        )


def single_prompt(env: Environment, *, max_steps: int, rules: str) -> tuple[Message, ...]:
    """Return the prompt that asks for one program, by the rules of a prompt file."""
    user = prompt_file(
        "react_task", description=env.task.description.strip(), files=files_text(env.task)
    )
    return (
        Message(role="system", content=program_system(env, max_steps=max_steps, rules=rules)),
        Message(role="user", content=user),
    )


async def try_once(
    env: Environment,
    policy: Policy,
    *,
    trace: Trace,
    prompt: Sequence[Message],
    max_steps: int,
    validated: bool = False,
) -> Attempt | StopReason:
    """Ask until a turn has a program, and run it; the first turn is a root.

    Args:
        env: Where it runs.
        policy: Who is asked.
        trace: Where turns are recorded.
        prompt: What is asked.
        max_steps: How often.
        validated: Whether the program must print its validation value.

    Raises:
        InfraError: If policy, sandbox or grader failed.
    """
    messages = list(prompt)
    parent: int | None = None
    for _ in range(max_steps):
        asked = await ask_with_less(
            policy,
            partial(_shown, tuple(messages), prompt),
            env=env,
            trace=trace,
            shares=(1.0, 0.0),
        )
        if isinstance(asked, str):
            return asked
        turn = read_program(asked.completion.text)
        remark = form_remark(turn.remark, ran=turn.code is not None)
        if turn.code is not None:
            tried = await attempt(env, turn.code, validated=validated)
            said = (tried.observation.text, tried.problem, remark)
            add_step(
                trace, asked, tried.observation, parent=parent, tool="python",
                answer="\n\n".join(filter(None, said)), well_formed=turn.well_formed,
            )  # fmt: skip
            return tried
        parent = add_step(
            trace, asked, Observation(""), parent=parent, tool=None, answer=remark,
            well_formed=False,
        )  # fmt: skip
        messages += trace.steps[-1].messages
    return "max_steps"


def _shown(
    messages: Sequence[Message], prompt: Sequence[Message], share: float
) -> Sequence[Message]:
    """Return the whole conversation or, where it does not fit, what began it."""
    return messages if share else prompt
