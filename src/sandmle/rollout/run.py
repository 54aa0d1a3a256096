"""One episode: a policy in a scaffold on a task, graded and paid, or masked where it was not to be.

An infrastructure failure starts the episode again from nothing. When that has been tried often
enough the episode is recorded without a reward: it says nothing about the agent.
"""

from __future__ import annotations

import asyncio
import itertools
import platform
import time
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import Field

from sandmle.core.episode import Episode, Failure, StopReason
from sandmle.core.errors import (
    GraderError,
    InfraError,
    PolicyError,
    SandboxError,
    SandmleError,
    boundary,
)
from sandmle.core.execution import Sandbox
from sandmle.core.grade import Grade
from sandmle.core.policy import Policy
from sandmle.core.record import Record
from sandmle.core.reward import Reward, RewardFunction
from sandmle.core.seeding import derive_seed
from sandmle.core.task import FeedbackMode, Limits
from sandmle.env import Environment, SubmissionRule
from sandmle.grading import GRADER_VERSION
from sandmle.scaffolds import Scaffold, Trace
from sandmle.store import TaskDir
from sandmle.version import __version__


class RolloutSettings(Record):
    """How episodes are played."""

    group_size: int = Field(default=4, ge=1)
    """Episodes of each task (paper: 4)."""
    concurrency: int = Field(default=4, ge=1)
    """Episodes that go on at once. The sandbox has a limit of its own for code runs."""
    seed: int = Field(default=0, ge=0)
    """Root of all episodes' seeds."""
    feedback: FeedbackMode = "public"
    """How much the score tool tells."""
    counts: SubmissionRule = "last"
    """Which submission is graded."""
    stateful: bool = False
    """Whether variables live on from run to run of an episode."""
    limits: Limits | None = None
    """Replace the tasks' own limits."""
    max_attempts: int = Field(default=3, ge=1)
    """How often an episode is started at most before it is masked."""
    retry_seconds: float = Field(default=0.5, ge=0)
    """Wait before the second attempt; doubles with each further one."""


class PolicyFactory(Protocol):
    """Makes a fresh policy for each attempt at an episode."""

    def __call__(self, task_dir: TaskDir, *, replica: int, seed: int) -> Policy:
        """Make a policy.

        Args:
            task_dir: The task; a scripted policy takes its script from the ladder.
            replica: Which episode of the task it is, from 0.
            seed: The episode's seed.

        Raises:
            PolicyError: If the model or its server failed.
        """
        ...


@dataclass(frozen=True)
class Setup:
    """Everything that plays and pays episodes."""

    sandbox: Sandbox
    scaffold: Scaffold
    policy: PolicyFactory
    reward: RewardFunction
    settings: RolloutSettings = field(default_factory=RolloutSettings)


@dataclass
class _Attempt:
    """What is known of an attempt even where it fails."""

    policy: str = ""
    trace: Trace = field(default_factory=Trace)
    began: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Outcome:
    stop_reason: StopReason
    grade: Grade | None = None
    reward: Reward | None = None
    failure: Failure | None = None


def episode_seed(root: int, task_id: str, replica: int) -> int:
    """Return the seed of one episode, in [0, 2**63): model servers take no larger ones."""
    return derive_seed(root, "episode", task_id, replica) >> 65


async def run_episode(task_dir: TaskDir, setup: Setup, *, replica: int = 0) -> Episode:
    """Play one episode until it is graded or has to be masked.

    Nothing that happens within the episode is raised: a failure that is not the agent's becomes
    `Episode.failure` with no reward.

    Args:
        task_dir: The task.
        setup: What plays and pays it.
        replica: Which episode of the task it is; gives the seed.

    Raises:
        UsageError: If `task.json` cannot be read, so that there is no task to speak of.
    """
    task_id = task_dir.task.id
    settings = setup.settings
    seed = episode_seed(settings.seed, task_id, replica)
    for number in itertools.count(1):
        attempt = _Attempt()
        try:
            with boundary(InfraError, f"play task {task_id}"):
                outcome = await _play(task_dir, setup, attempt, replica=replica, seed=seed)
        except SandmleError as exc:
            # Only infrastructure comes back by itself; a damaged task stays damaged.
            if isinstance(exc, InfraError) and number < settings.max_attempts:
                await asyncio.sleep(settings.retry_seconds * 2 ** (number - 1))
                continue
            outcome = _Outcome("infrastructure", failure=_failure(exc))
        break
    return Episode(
        task_id=task_id,
        scaffold=setup.scaffold.name,
        policy=attempt.policy,
        replica=replica,
        seed=seed,
        prompt=attempt.trace.prompt,
        steps=tuple(attempt.trace.steps),
        stop_reason=outcome.stop_reason,
        grade=outcome.grade,
        reward=outcome.reward,
        failure=outcome.failure,
        attempts=number,
        seconds=time.monotonic() - attempt.began,
        versions={
            "sandmle": __version__,
            "grader": str(GRADER_VERSION),
            "python": platform.python_version(),
            "sandbox": setup.sandbox.name,
            "feedback": settings.feedback,
            "counts": settings.counts,
            "stateful": str(settings.stateful).lower(),
        },
    )


async def _play(
    task_dir: TaskDir, setup: Setup, attempt: _Attempt, *, replica: int, seed: int
) -> _Outcome:
    settings = setup.settings
    policy = setup.policy(task_dir, replica=replica, seed=seed)
    attempt.policy = policy.name
    async with Environment(
        task_dir,
        setup.sandbox,
        feedback=settings.feedback,
        counts=settings.counts,
        limits=settings.limits,
        stateful=settings.stateful,
    ) as env:
        stop_reason = await setup.scaffold.run(env, policy, trace=attempt.trace)
        grade = await env.finish()
    reward = setup.reward(grade, [step.well_formed for step in attempt.trace.steps])
    return _Outcome(stop_reason, grade, reward)


def _failure(exc: SandmleError) -> Failure:
    name: Literal["sandbox", "grader", "policy", "other"] = "other"
    if isinstance(exc, SandboxError):
        name = "sandbox"
    elif isinstance(exc, GraderError):
        name = "grader"
    elif isinstance(exc, PolicyError):
        name = "policy"
    return Failure(error=type(exc).__name__, boundary=name, message=str(exc))
