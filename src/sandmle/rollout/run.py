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

from sandmle.core.episode import Episode, Failure, MaskReason, StopReason, Timings
from sandmle.core.errors import (
    GraderError,
    InfraError,
    PolicyError,
    PolicyRefused,
    SandboxError,
    SandmleError,
    boundary,
)
from sandmle.core.execution import Sandbox
from sandmle.core.grade import Grade
from sandmle.core.policy import Policy
from sandmle.core.reward import Reward, RewardFunction
from sandmle.core.seeding import derive_seed
from sandmle.env import Environment
from sandmle.grading import GRADER_VERSION
from sandmle.rollout.executor import Played
from sandmle.rollout.masking import settle
from sandmle.rollout.settings import RolloutSettings
from sandmle.scaffolds import Scaffold, Trace
from sandmle.store import TaskDir
from sandmle.store.artefacts import sha256_of
from sandmle.version import __version__


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
    model_slots: asyncio.Semaphore | None = field(init=False)
    """Places at the model, one pool for all episodes."""

    def __post_init__(self) -> None:
        slots = self.settings.model_slots
        # frozen: everything else is what the caller gave
        object.__setattr__(self, "model_slots", asyncio.Semaphore(slots) if slots else None)


@dataclass
class _Attempt:
    """What is known of an attempt even where it fails."""

    trace: Trace
    policy: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    spent: Timings = field(default_factory=Timings)
    began: float = field(default_factory=time.monotonic)

    def keep(self, data: bytes) -> str:
        """Keep bytes that the record names by their hash, which is returned."""
        digest = sha256_of(data)
        self.contents[digest] = data
        return digest

    def timings(self, seconds: float) -> Timings:
        """Split `seconds` of wall time; what nothing accounts for is `other`."""
        spent = self.spent.model_copy(update={"model": self.trace.model_seconds})
        known = spent.model + spent.sandbox + spent.grading + spent.queue
        return spent.model_copy(update={"other": max(0.0, seconds - known)})


@dataclass(frozen=True)
class _Outcome:
    stop_reason: StopReason
    grade: Grade | None = None
    reward: Reward | None = None
    mask_reason: MaskReason | None = None
    submission: str | None = None
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
        PolicyRefused: If no call of the model can succeed, whatever the episode.
    """
    return (await play_episode(task_dir, setup, replica=replica)).episode


async def play_episode(task_dir: TaskDir, setup: Setup, *, replica: int) -> Played:
    """Play one episode and return it with its programs and submissions; see `run_episode`."""
    task_id = task_dir.task.id
    settings = setup.settings
    seed = episode_seed(settings.seed, task_id, replica)
    for number in itertools.count(1):
        attempt = _Attempt(Trace(model_slots=setup.model_slots, seed=seed))
        try:
            with boundary(InfraError, f"play task {task_id}"):
                outcome = await _play(task_dir, setup, attempt, replica=replica, seed=seed)
        except PolicyRefused:
            raise
        except SandmleError as exc:
            # Only infrastructure comes back by itself; a damaged task stays damaged.
            if isinstance(exc, InfraError) and number < settings.max_attempts:
                await asyncio.sleep(settings.retry_seconds * 2 ** (number - 1))
                continue
            outcome = _Outcome(
                "infrastructure", mask_reason="infrastructure", failure=_failure(exc)
            )
        break
    seconds = time.monotonic() - attempt.began
    episode = Episode(
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
        mask_reason=outcome.mask_reason,
        failure=outcome.failure,
        submission=outcome.submission,
        attempts=number,
        seconds=seconds,
        timings=attempt.timings(seconds),
        versions={
            "sandmle": __version__,
            "grader": str(GRADER_VERSION),
            "python": platform.python_version(),
            "sandbox": setup.sandbox.name,
            "feedback": settings.feedback,
            "counts": settings.counts,
            "stateful": str(settings.stateful).lower(),
            "time_outs": settings.time_outs,
        },
    )
    return Played(episode, attempt.contents)


async def _play(
    task_dir: TaskDir, setup: Setup, attempt: _Attempt, *, replica: int, seed: int
) -> _Outcome:
    settings = setup.settings
    policy = setup.policy(task_dir, replica=replica, seed=seed)
    attempt.policy = policy.name
    env = Environment(
        task_dir,
        setup.sandbox,
        feedback=settings.feedback,
        counts=settings.counts,
        limits=settings.limits,
        stateful=settings.stateful,
        keep=attempt.keep,
    )
    try:
        async with env:
            stop_reason = await setup.scaffold.run(env, policy, trace=attempt.trace)
            grade = await env.finish()
    finally:
        attempt.spent = env.timings
    steps = attempt.trace.steps
    reward, mask_reason = settle(
        setup.reward(grade, [step.well_formed for step in steps]),
        stop_reason,
        steps,
        settings=settings,
    )
    return _Outcome(stop_reason, grade, reward, mask_reason, env.final_submission)


def _failure(exc: SandmleError) -> Failure:
    name: Literal["sandbox", "grader", "policy", "other"] = "other"
    if isinstance(exc, SandboxError):
        name = "sandbox"
    elif isinstance(exc, GraderError):
        name = "grader"
    elif isinstance(exc, PolicyError):
        name = "policy"
    return Failure(error=type(exc).__name__, boundary=name, message=str(exc))
