"""The record of one attempt at one task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sandmle.core.execution import Execution
from sandmle.core.grade import Grade
from sandmle.core.policy import Message, Tokens, ToolCall, Usage
from sandmle.core.record import Record
from sandmle.core.reward import Reward

StopReason = Literal["answered", "max_steps", "total_time", "context", "infrastructure"]
"""`context`: not even the prompt and the last exchange fit into what the model can read."""

MaskReason = Literal["infrastructure", "total_time", "tool_time"]
"""Why an episode has no reward. `tool_time`: too many of its code runs were stopped for time."""

ONE_CALL = "Not carried out: one call per turn."
"""What a native call is answered that is not the first of its turn."""


class Step(Record):
    """One turn of the agent and what came back."""

    parent: int | None
    """Index of the step that this one continues; None at a root."""
    action: str
    """The turn as the policy wrote it."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Its native calls; the first is the one that was carried out."""
    tool: str | None
    """Tool that was called: `python`, `score`, `answer`; None where the turn had no valid call."""
    observation: str
    """What came back, as the policy is shown it; empty where the turn ended the episode."""
    shown: tuple[Message, ...] | None = None
    """The messages that the policy saw before this turn, where they are others than the prompt
    followed by the turns that lead here; see `Episode.seen`."""
    well_formed: bool
    """Whether the turn had the required form; set by the host from the parse alone."""
    execution: Execution | None = None
    grade: Grade | None = None
    """What the score tool measured; on the split that it may see, never on the graded one."""
    script: str | None = None
    """SHA-256 of the program that was run, in the run's artefacts."""
    submission: str | None = None
    """SHA-256 of the submission that was measured, in the run's artefacts."""
    usage: Usage = Field(default_factory=Usage)
    policy_seconds: float = 0.0
    """Wall time of the model's call, without waiting for a free place."""
    tool_seconds: float = 0.0
    """Wall time of the tool's call, waiting included."""
    queue_seconds: float = 0.0
    """How long the model's call waited for a free place."""
    tokens: Tokens | None = None

    @property
    def messages(self) -> tuple[Message, ...]:
        """What the turn adds to a conversation: what was said and what came back."""
        said = Message(role="assistant", content=self.action, tool_calls=self.tool_calls)
        if not self.tool_calls:
            reply = Message(role="user", content=self.observation)
            return (said, reply) if self.observation else (said,)
        first, *others = self.tool_calls
        return (
            said,
            Message(role="tool", content=self.observation, tool_call_id=first.id),
            *(Message(role="tool", content=ONE_CALL, tool_call_id=call.id) for call in others),
        )


class Timings(Record):
    """Where the wall time of an episode's last attempt went, in seconds."""

    model: float = 0.0
    sandbox: float = 0.0
    """Code runs, and opening and closing the session."""
    grading: float = 0.0
    """Fetching and measuring submissions."""
    queue: float = 0.0
    """Waiting for a place at the model or in the sandbox."""
    other: float = 0.0
    """All the rest: prompts, parsing, records, and waiting for this process's own turn."""


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
    mask_reason: MaskReason | None = None
    """Why there is no reward; None where there is one."""
    failure: Failure | None = None
    submission: str | None = None
    """SHA-256 of the submission that was graded, in the run's artefacts."""
    attempts: int = 1
    """How often it was started until it ended without an infrastructure failure."""
    seconds: float = 0.0
    """Wall time of the last attempt."""
    timings: Timings = Field(default_factory=Timings)
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def masked(self) -> bool:
        """Whether training must leave this episode out."""
        return self.reward is None

    @property
    def usage(self) -> Usage:
        """Tokens and price of all steps together."""
        return sum((step.usage for step in self.steps), Usage())

    def seen(self, index: int) -> tuple[Message, ...]:
        """Return exactly the messages that the policy was shown before step `index`."""
        step = self.steps[index]
        if step.shown is not None:
            return step.shown
        if step.parent is None:
            return self.prompt
        path = self._path(step.parent)
        return (*self.prompt, *(message for before in path for message in before.messages))

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
