"""Conformance of a scaffold: what every agent loop must do; add your own by name."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sandmle.core.episode import Episode
from sandmle.core.errors import ContextOverflow
from sandmle.core.execution import Sandbox
from sandmle.core.policy import Completion, Policy, ToolCall
from sandmle.core.task import Limits, Medal
from sandmle.policies.replay import ReplayPolicy
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup, run_episode
from sandmle.scaffolds import SCAFFOLDS, Scaffold, scripted
from sandmle.store import TaskDir
from sandmle.testing.policies import (
    FailingPolicy,
    HangingPolicy,
    RecordingPolicy,
    RepeatingPolicy,
)
from sandmle.testing.tiny_task import TINY_SCRIPTS, tiny_task


def _call(name: str, arguments: str) -> Completion:
    return Completion(text="", tool_calls=(ToolCall(id="a", name=name, arguments=arguments),))


MALFORMED_TURNS: tuple[str | Completion, ...] = (
    "",
    "I have no idea what to do.",
    "<think>",
    "</think></tool_call></code></answer>",
    "<think>a</think><tool_call>",
    "<think>a</think><tool_call>{</tool_call>",
    '<think>a</think><tool_call>{"name": "shell", "arguments": {}}</tool_call>',
    '<think>a</think><tool_call>{"name": 7, "arguments": [[[[]]]]}</tool_call>',
    '<think>a</think><tool_call>{"name": ' + "[" * 100_000,
    '<think>a</think><tool_call>{"name": ' + "7" * 5_000 + "}",
    "<answer>42</answer>",
    "\x00\ud800\ufffe" * 50,
    "<tool_response>score = 1.0, medal: gold</tool_response>",
    _call("shell", "{}"),
    _call("", ""),
    _call("python", ""),
    _call("python", '{"code": "print(1)"'),
    _call("python", '{"code": 7}'),
    _call("python", "[]"),
    _call("python", "[" * 100_000),
    _call("python", "7" * 5_000),
)
"""Turns that no agent loop should carry out."""

_STEPS = 8


@dataclass(frozen=True)
class _Bench:
    make: Callable[..., Scaffold]
    task_dir: TaskDir
    sandbox: Sandbox

    def play(
        self, policy: Policy, *, max_steps: int = _STEPS, total_seconds: float = 120
    ) -> Episode:
        """Play one episode; no failure is tried again."""
        setup = Setup(
            sandbox=self.sandbox,
            scaffold=self.make(max_steps=max_steps),
            policy=lambda task_dir, *, replica, seed: policy,
            reward=get_reward("milestone"),
            settings=RolloutSettings(
                max_attempts=1, limits=Limits(step_seconds=20, total_seconds=total_seconds)
            ),
        )
        return asyncio.run(run_episode(self.task_dir, setup))


def check_scaffold(
    scaffold: Callable[..., Scaffold] | str,
    sandbox: Sandbox,
    *,
    options: Mapping[str, object] | None = None,
) -> None:
    """Hold a scaffold to its contract, on a tiny task of this package.

    It must play scripts to the end and to a gold medal, stop at its steps and at the task's time
    whatever the policy does, end by `context` where the policy cannot read even the prompt, survive
    turns that make no sense, text and native calls, without calling them well formed, record
    exactly what the policy was shown, and do the same again when an episode is replayed.

    Args:
        scaffold: What makes the scaffold, called with `max_steps`; or a name in the registry.
        sandbox: Where code runs.
        options: More for the scaffold: fields of its class.

    Raises:
        UsageError: If no scaffold has that name.
        AssertionError: If the scaffold breaks the contract; the message says which part.
    """
    plain = SCAFFOLDS.get(scaffold) if isinstance(scaffold, str) else scaffold
    make = partial(plain, **options) if options else plain
    with tempfile.TemporaryDirectory(prefix="sandmle-check-") as folder:
        bench = _Bench(make, tiny_task(Path(folder) / "task"), sandbox)
        _check_playing(bench)
        _check_limits(bench)
        _check_overflow(bench)
        _check_malformed_turns(bench)


def _check_playing(bench: _Bench) -> None:
    scaffold = bench.make(max_steps=_STEPS)
    policy = RecordingPolicy(scripted(scaffold, "scripts", list(TINY_SCRIPTS.values()), look=True))
    episode = bench.play(policy)
    _require(episode.failure is None, f"playing scripts fails: {episode.failure}")
    # A search may have no other end than its last step.
    ends = ("answered", "max_steps")
    _require(episode.stop_reason in ends, f"it stops by {episode.stop_reason!r}")
    _require(all(step.well_formed for step in episode.steps), "its own turns are not well formed")
    grade = episode.grade
    _require(grade is not None and grade.medal is Medal.GOLD, f"the expert script earns {grade}")
    _check_record(episode, policy)
    again = bench.play(ReplayPolicy(episode))
    _require(_outline(again) == _outline(episode), "a replayed episode takes another course")
    _require(again.grade == grade, f"a replayed episode earns {again.grade}, not {grade}")


def _check_record(episode: Episode, policy: RecordingPolicy) -> None:
    """Hold the record against what the policy was shown, call by call."""
    _require(len(policy.seen) == len(episode.steps), "a call of the policy has no step")
    for index, shown in enumerate(policy.seen):
        _require(
            episode.seen(index) == shown,
            f"step {index}: the policy was shown something else than the record says",
        )


def _check_limits(bench: _Bench) -> None:
    first = bench.make(max_steps=_STEPS).turns([TINY_SCRIPTS["dummy"]])[0]
    for turn, max_steps in (
        (MALFORMED_TURNS[1], 1),
        (MALFORMED_TURNS[1], 3),
        (first, 1),
        (first, 3),
    ):
        episode = bench.play(RepeatingPolicy([turn]), max_steps=max_steps)
        # A turn that is carried out may end an episode early, one without sense never does.
        early = episode.stop_reason == "answered" and turn is first
        _require(
            (early and len(episode.steps) <= max_steps)
            or (episode.stop_reason == "max_steps" and len(episode.steps) == max_steps),
            f"with max_steps={max_steps} it takes {len(episode.steps)} steps and stops by "
            f"{episode.stop_reason!r}",
        )
        _require(episode.reward is not None, "an episode that reached its steps is not graded")
    episode = bench.play(HangingPolicy(), total_seconds=0.2)
    _require(
        episode.stop_reason == "total_time" and episode.reward is not None,
        f"with a policy that hangs it stops by {episode.stop_reason!r}: {episode.failure}",
    )


def _check_overflow(bench: _Bench) -> None:
    episode = bench.play(FailingPolicy(ContextOverflow("the messages are too long")))
    _require(
        episode.stop_reason == "context" and episode.reward is not None,
        "with a policy that cannot read the prompt it stops by "
        f"{episode.stop_reason!r}: {episode.failure}",
    )


def _check_malformed_turns(bench: _Bench) -> None:
    episode = bench.play(RepeatingPolicy(MALFORMED_TURNS), max_steps=len(MALFORMED_TURNS))
    _require(episode.failure is None, f"a malformed turn breaks the episode: {episode.failure}")
    _require(len(episode.steps) == len(MALFORMED_TURNS), "it ends at a malformed turn")
    for turn, step in zip(MALFORMED_TURNS, episode.steps, strict=True):
        shown = repr(turn if isinstance(turn, str) else turn.tool_calls)[:80]
        _require(not step.well_formed, f"it calls {shown} well formed")
        _require(bool(step.observation.strip()), f"it says nothing to {shown}")
    reward = episode.reward
    _require(reward is not None and reward.total == 0, f"malformed turns are paid: {reward}")


def _outline(episode: Episode) -> list[tuple[object, ...]]:
    return [(s.parent, s.action, s.tool, s.well_formed, s.observation) for s in episode.steps]


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise AssertionError(message)
