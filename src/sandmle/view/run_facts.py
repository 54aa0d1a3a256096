"""What a run came to, in numbers; read once, an episode at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from pydantic import Field

from sandmle.core.episode import Episode, Timings
from sandmle.core.policy import Usage
from sandmle.core.record import Record
from sandmle.evaluation import family_of
from sandmle.view.attempts import attempts_by_kind, audits
from sandmle.view.flags import Flag, flags


class GroupFacts(Record):
    """Episodes of one task, one family, or all."""

    episodes: int
    masked: int
    medals: dict[str, int]
    """Episodes by medal: gold, silver, bronze, none; those that were graded."""
    above_median: int
    mean_reward: float | None
    """Over the episodes that are not masked."""


class FailureFacts(Record):
    """Episodes that failed at one boundary."""

    episodes: int
    error: str
    """Class of the last one's error."""
    message: str
    """What the last one said."""


class RunFacts(Record):
    """All that the records of a run say together."""

    total: GroupFacts
    families: dict[str, GroupFacts]
    tasks: dict[str, GroupFacts]
    stop_reasons: dict[str, int]
    masked: dict[str, int]
    """Masked episodes by reason."""
    failures: dict[str, FailureFacts]
    """By boundary: sandbox, grader, policy, other."""
    retried: int
    """Episodes that were started more than once."""
    seconds: float
    """Wall time of all episodes, one after the other."""
    timings: Timings
    """Where it went."""
    usage: Usage
    attempts: dict[str, int] | None
    """Attempts to leave the sandbox by kind; None where its backend does not count."""
    attempting: int
    """Episodes with any."""
    canary_episodes: int
    flags: list[Flag] = Field(default_factory=list)


@dataclass
class _Group:
    episodes: int = 0
    masked: int = 0
    above_median: int = 0
    rewards: float = 0.0
    medals: Counter[str] = field(default_factory=Counter)

    def add(self, episode: Episode) -> None:
        self.episodes += 1
        self.masked += episode.masked
        if episode.reward is not None:
            self.rewards += episode.reward.total
        if episode.grade is not None:
            self.medals[episode.grade.medal.name.lower()] += 1
            self.above_median += episode.grade.above_median

    def facts(self) -> GroupFacts:
        paid = self.episodes - self.masked
        return GroupFacts(
            episodes=self.episodes,
            masked=self.masked,
            medals={name: self.medals[name] for name in ("gold", "silver", "bronze", "none")},
            above_median=self.above_median,
            mean_reward=self.rewards / paid if paid else None,
        )


@dataclass
class _Count:
    total: _Group = field(default_factory=_Group)
    families: defaultdict[str, _Group] = field(default_factory=lambda: defaultdict(_Group))
    tasks: defaultdict[str, _Group] = field(default_factory=lambda: defaultdict(_Group))
    stops: Counter[str] = field(default_factory=Counter)
    masked: Counter[str] = field(default_factory=Counter)
    failures: dict[str, FailureFacts] = field(default_factory=dict)
    timings: Counter[str] = field(default_factory=Counter)
    usage: Usage = field(default_factory=Usage)
    attempts: Counter[str] = field(default_factory=Counter)
    counted: bool = False
    attempting: int = 0
    retried: int = 0
    seconds: float = 0.0
    canary_episodes: int = 0
    flags: list[Flag] = field(default_factory=list)

    def add(self, episode: Episode, canary_ids: frozenset[str]) -> None:
        family = family_of(episode.task_id)
        for group in (self.total, self.families[family], self.tasks[episode.task_id]):
            group.add(episode)
        self.stops[episode.stop_reason] += 1
        if episode.mask_reason is not None:
            self.masked[episode.mask_reason] += 1
        self._add_failure(episode)
        self._add_attempts(episode)
        self.timings.update(episode.timings.model_dump())
        self.usage += episode.usage
        self.retried += episode.attempts > 1
        self.seconds += episode.seconds
        self.canary_episodes += episode.task_id in canary_ids
        self.flags += flags(canary_ids, [episode])

    def _add_failure(self, episode: Episode) -> None:
        failure = episode.failure
        if failure is None:
            return
        before = self.failures.get(failure.boundary)
        self.failures[failure.boundary] = FailureFacts(
            episodes=1 + (before.episodes if before else 0),
            error=failure.error,
            message=failure.message,
        )

    def _add_attempts(self, episode: Episode) -> None:
        found = audits(episode)
        self.counted |= bool(found)
        self.attempting += any(audit.attempts for audit in found)
        self.attempts.update(attempts_by_kind(episode))


def run_facts(episodes: Iterable[Episode], *, canary_ids: frozenset[str]) -> RunFacts:
    """Count the episodes of a run.

    Args:
        episodes: Its episodes, in any order.
        canary_ids: Ids of the tasks that cannot be solved.
    """
    count = _Count()
    for episode in episodes:
        count.add(episode, canary_ids)
    return RunFacts(
        total=count.total.facts(),
        families={name: group.facts() for name, group in sorted(count.families.items())},
        tasks={name: group.facts() for name, group in sorted(count.tasks.items())},
        stop_reasons=dict(count.stops.most_common()),
        masked=dict(count.masked.most_common()),
        failures=count.failures,
        retried=count.retried,
        seconds=count.seconds,
        timings=Timings.model_validate(dict(count.timings)),
        usage=count.usage,
        attempts=dict(count.attempts.most_common()) if count.counted else None,
        attempting=count.attempting,
        canary_episodes=count.canary_episodes,
        flags=count.flags,
    )
