"""One program as an attempt: run, looked at, and remembered with the file that it wrote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sandmle.core.episode import StopReason
from sandmle.core.errors import ContextOverflow
from sandmle.core.policy import Message, Policy
from sandmle.env import Environment, Observation
from sandmle.scaffolds._base import Asked, Trace, ask
from sandmle.scaffolds.program import validation_value

SHARES = (1.0, 0.5, 0.25, 0.0)
"""Shares of the memory that a prompt is tried with, one after the other, until it fits."""


@dataclass(frozen=True)
class Attempt:
    """What one program came to."""

    observation: Observation
    """Of the run, and of the score tool where it was called."""
    problem: str | None
    """What is wrong with it, for the agent; None: nothing."""
    value: float | None = None
    """The validation value that it printed."""
    told: float | None = None
    """Its score, where the feedback mode tells the agent."""
    data: bytes | None = None
    """The submission that it wrote; None where there is none that may be handed in."""
    score_text: str | None = None
    """What the score tool said."""


async def attempt(env: Environment, code: str, *, validated: bool = True) -> Attempt:
    """Run a program with no `submission.csv` in place and look at what it left.

    Where the feedback mode tells whether a submission is valid, the score tool is asked, and an
    invalid one counts as none.

    Args:
        env: Where it runs.
        code: The program.
        validated: Whether it must print its validation value.

    Raises:
        InfraError: If sandbox or grader failed.
    """
    # Cleared first, so that a file of an earlier program never counts for this one.
    await env.write_submission(b"")
    ran = await env.python(code)
    if ran.execution is None or not ran.execution.ok:
        return Attempt(ran, "The program did not run to its end.")
    data = await env.read_submission()
    if data is None:
        return Attempt(ran, "The program wrote no submission.csv.")
    value = validation_value(ran.execution.stdout)
    tried = Attempt(ran, None, value, data=data)
    if env.feedback != "none":
        tried = await _scored(env, tried)
    if tried.problem is None and validated and value is None:
        problem = "The program printed no line `Validation NAME: VALUE`, so it cannot be compared."
        return replace(tried, problem=problem)
    return tried


async def _scored(env: Environment, tried: Attempt) -> Attempt:
    said = await env.score()
    observation = replace(
        tried.observation,
        grade=said.grade,
        submission=said.submission,
        seconds=tried.observation.seconds + said.seconds,
    )
    if said.grade is None or said.grade.score is None:
        reason = said.grade.reason if said.grade else said.text
        problem = f"The submission is not valid: {reason}."
        return replace(
            tried, observation=observation, problem=problem, data=None, score_text=said.text
        )
    told = said.grade.score if env.feedback in ("public", "milestone") else None
    return replace(tried, observation=observation, told=told, score_text=said.text)


def best(
    attempts: Sequence[Attempt],
    measure: Callable[[Attempt], float | None],
    *,
    higher_is_better: bool,
) -> Attempt | None:
    """Return the attempt to hand in: the best measured one, else the last that may be.

    Of equally good ones the first counts: nothing says that a later one is better.
    """
    usable = [tried for tried in attempts if tried.data is not None]
    sign = 1 if higher_is_better else -1
    found: Attempt | None = None
    most = float("-inf")
    for tried in usable:
        value = measure(tried)
        if value is not None and sign * value > most:
            found, most = tried, sign * value
    return found or (usable[-1] if usable else None)


async def hand_in(env: Environment, tried: Attempt | None) -> None:
    """Put an attempt's submission in place to be graded; without one all stays as it is.

    Raises:
        SandboxError: If the file could not be written.
    """
    if tried is not None and tried.data is not None:
        await env.write_submission(tried.data)


async def ask_with_less(
    policy: Policy,
    compose: Callable[[float], Sequence[Message]],
    *,
    env: Environment,
    trace: Trace,
    shares: Sequence[float] = SHARES,
) -> Asked | StopReason:
    """Ask the policy, with less and less memory where it cannot read more.

    The first prompt of an episode becomes `trace.prompt`.

    Args:
        policy: Who is asked.
        compose: Writes the messages with a share of the memory, in [0, 1].
        env: Knows the time that is left.
        trace: Where the episode is recorded.
        shares: The shares to try.

    Raises:
        PolicyError: If the policy failed.
    """
    for share in shares:
        messages = tuple(compose(share))
        if not trace.steps:
            trace.prompt = messages
        try:
            asked = await ask(policy, messages, env=env, trace=trace)
        except ContextOverflow:
            continue
        return "total_time" if asked is None else asked
    return "context"


def form_remark(remark: str | None, *, ran: bool) -> str:
    """Tell the agent what had not the required form; empty where all had."""
    if remark is None:
        return ""
    head = "" if ran else "Nothing was run. "
    return (
        f"{head}Your turn has not the required form: {remark}. Write your plan in a few sentences "
        "and then one program:\n```python\nprint(1)\n```"
    )
