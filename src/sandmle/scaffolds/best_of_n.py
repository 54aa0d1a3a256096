"""`best_of_n`: n independent programs, the best of which is handed in.

Best by the score that the feedback mode tells the agent (`public`, `milestone`), else by the
validation value that each program prints, else the last one that wrote a submission. Sampling many
and choosing one by a score is folklore; arXiv 2407.21787 measures how it scales for code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandmle.core.episode import StopReason
from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, Policy
from sandmle.env import Environment
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace
from sandmle.scaffolds.attempt import Attempt, best, hand_in
from sandmle.scaffolds.one_shot import single_prompt, try_once
from sandmle.scaffolds.program import program_turns

NAME = "best_of_n"


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class BestOfN:
    """Independent tries, each a root of the episode's tree."""

    max_steps: int = DEFAULT_MAX_STEPS
    n: int = 4
    """Programs that are tried."""
    name: str = NAME

    def __post_init__(self) -> None:
        if self.n < 1:
            raise UsageError(f"n is {self.n}; best_of_n needs at least one program")

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Run n programs and put the best one's submission in place; see `Scaffold.run`."""
        prompt = single_prompt(env, max_steps=self.max_steps, rules="best_of_n_rules")
        attempts: list[Attempt] = []
        stop: StopReason = "max_steps"
        while len(attempts) < self.n:
            left = self.max_steps - len(trace.steps)
            tried = await try_once(
                env, policy, trace=trace, prompt=prompt, max_steps=left, validated=True
            )
            if isinstance(tried, str):
                stop = tried
                break
            attempts.append(tried)
        else:
            stop = "answered"
        told = env.feedback in ("public", "milestone")
        chosen = best(
            attempts,
            lambda tried: tried.told if told else tried.value,
            higher_is_better=env.task.thresholds.higher_is_better,
        )
        await hand_in(env, chosen)
        return stop

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write the last n scripts as turns; the last one fills up where there are fewer."""
        said = program_turns(scripts, look=look, repair=repair)[-self.n :]
        said += said[-1:] * (self.n - len(said))
        return tuple(Completion(text=text) for text in said)
