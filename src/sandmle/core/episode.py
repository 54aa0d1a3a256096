"""The record of one attempt at one task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sandmle.core.execution import Execution
from sandmle.core.grade import Grade
from sandmle.core.policy import Message, Tokens, Usage
from sandmle.core.record import Record
from sandmle.core.reward import Reward

StopReason = Literal["answered", "max_steps", "total_time", "infrastructure"]


class Step(Record):
    """One turn of the agent and what came back."""

    parent: int | None
    """Index of the step that this one continues; None at a root."""
    action: str
    """The turn as the policy wrote it."""
    tool: str | None
    """Tool that was called: `python`, `score`, `answer`; None where the turn had no valid call."""
    observation: str
    well_formed: bool
    """Whether the turn had the required form; set by the host from the parse alone."""
    execution: Execution | None = None
    grade: Grade | None = None
    """What the score tool measured; on the split that it may see, never on the graded one."""
    usage: Usage = Field(default_factory=Usage)
    policy_seconds: float = 0.0
    tool_seconds: float = 0.0
    tokens: Tokens | None = None


class Failure(Record):
    """Why an episode says nothing about the agent."""

    error: str
    """Name of the error's class."""
    boundary: Literal["sandbox", "grader", "policy", "other"]
    message: str


class Episode(Record):
    """One attempt at one task: steps, grade and reward, or the failure that masks it."""

    task_id: str
    scaffold: str
    policy: str
    replica: int
    """Which attempt at the task this is, from 0; `task_id` and `replica` name the episode."""
    seed: int
    prompt: tuple[Message, ...]
    """What the agent was told before its first step."""
    steps: tuple[Step, ...]
    stop_reason: StopReason
    grade: Grade | None = None
    reward: Reward | None = None
    """None where the episode is masked from the loss."""
    failure: Failure | None = None
    attempts: int = 1
    """How often it was started until it ended without an infrastructure failure."""
    seconds: float = 0.0
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def masked(self) -> bool:
        """Whether training must leave this episode out."""
        return self.reward is None

    def branches(self) -> Iterator[tuple[Step, ...]]:
        """Yield each path from a root to a leaf: the trajectories for training."""
        parents = {step.parent for step in self.steps}
        for index in range(len(self.steps)):
            if index not in parents:
                yield self._path(index)

    def _path(self, leaf: int) -> tuple[Step, ...]:
        path = []
        at: int | None = leaf
        while at is not None:
            path.append(self.steps[at])
            at = self.steps[at].parent
        return tuple(reversed(path))

    def to_record(self) -> str:
        """Return the episode as one line of JSON, without the newline."""
        return self.model_dump_json()
