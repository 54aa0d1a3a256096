"""Everything that decides what a run's episodes are; kept in the run's folder as `run.json`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.core.task import FeedbackMode, Limits, Modality, Task
from sandmle.env import SubmissionRule
from sandmle.policies import ModelSettings
from sandmle.store import TaskSet

TimeOutRule = Literal["pay", "mask", "punish"]
"""What an episode earns that ran out of time, or whose code often did: what its submission is
worth; nothing, and it is masked from the loss (the paper's rule); or a reward of 0."""


class RolloutSettings(Record):
    """How episodes are played."""

    group_size: int = Field(default=4, ge=1)
    """Episodes of each task (paper: 4)."""
    concurrency: int = Field(default=4, ge=1)
    """Episodes that go on at once. The sandbox has a limit of its own for code runs."""
    model_slots: int | None = Field(default=None, ge=1)
    """Calls of the model at once; None: as many as there are episodes."""
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
    time_outs: TimeOutRule = "pay"
    tool_time_share: float = Field(default=0.2, ge=0, le=1)
    """For `mask` and `punish`: an episode counts as timed out when more than this share of its
    code runs was stopped for time (paper's release: 0.2)."""
    max_attempts: int = Field(default=3, ge=1)
    """How often an episode is started at most before it is masked."""
    retry_seconds: float = Field(default=0.5, ge=0)
    """Wait before the second attempt; doubles with each further one."""


class TaskChoice(Record):
    """Which tasks of a folder are played; each list empty: all."""

    modalities: tuple[Modality, ...] = ()
    families: tuple[str, ...] = ()
    without_families: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    without_domains: tuple[str, ...] = ()

    def takes(self, task: Task) -> bool:
        """Say whether a task is played."""
        domain = task.provenance.domain or ""
        return (
            (not self.modalities or task.modality in self.modalities)
            and (not self.families or task.family in self.families)
            and task.family not in self.without_families
            and (not self.domains or domain in self.domains)
            and domain not in self.without_domains
        )

    def of(self, tasks: TaskSet) -> TaskSet:
        """Return the tasks that are played.

        Raises:
            UsageError: If none is.
        """
        if self == TaskChoice():
            return tasks
        chosen = tasks.filter(self.takes)
        if not len(chosen):
            given = "; ".join(f"{name} {', '.join(value)}" for name, value in self if value)
            raise UsageError(f"none of the {len(tasks)} tasks is chosen by {given}; choose others")
        return chosen


class RunSettings(Record):
    """A run: tasks, agent, sandbox and pay. How many things go on at once is not part of it."""

    tasks: str = ""
    """The task or folder of tasks, as an absolute path."""
    split: str = "all"
    choice: TaskChoice = TaskChoice()
    scaffold: str = "react"
    scaffold_options: dict[str, Any] = Field(default_factory=dict)
    """More for the scaffold: fields of its class."""
    policy: str = "scripted"
    """`scripted`, `expert`, `replay`, or a model backend."""
    rung: str = "mixed"
    """For the scripted policy: a rung's name, `mixed` or `random`."""
    replay: str | None = None
    """For the replay policy: the log to repeat."""
    model: ModelSettings | None = None
    """For a model backend."""
    sandbox: str = "warm"
    python: str | None = None
    """Interpreter of the agents' code."""
    preload: tuple[str, ...] | None = None
    """What the sandbox's fork server imports; None for its own choice."""
    gpus: tuple[int, ...] = ()
    reward: str = "milestone"
    feedback: FeedbackMode = "public"
    counts: SubmissionRule = "last"
    stateful: bool = False
    time_outs: TimeOutRule = "pay"
    limits: Limits | None = None
    group_size: int = Field(default=4, ge=1)
    max_steps: int = Field(default=15, ge=1)
    seed: int = Field(default=0, ge=0)

    def rollout(self, *, concurrency: int = 4, model_slots: int | None = None) -> RolloutSettings:
        """Return how the run's episodes are played.

        Args:
            concurrency: Episodes at once.
            model_slots: Calls of the model at once; None: no bound of their own.
        """
        return RolloutSettings(
            group_size=self.group_size,
            concurrency=concurrency,
            model_slots=model_slots,
            seed=self.seed,
            feedback=self.feedback,
            counts=self.counts,
            stateful=self.stateful,
            limits=self.limits,
            time_outs=self.time_outs,
        )
