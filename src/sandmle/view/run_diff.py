"""Two runs side by side: the same episodes, paired by task and replica."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sandmle.core.episode import Episode
from sandmle.core.grade import Grade
from sandmle.core.record import Record


class Result(Record):
    """What an episode came to."""

    grade: Grade | None
    reward: float | None
    mask_reason: str | None

    @property
    def brief(self) -> str:
        """The result in a few words."""
        if self.grade is None:
            return f"masked: {self.mask_reason}"
        score = "invalid" if self.grade.score is None else f"{self.grade.score:.6g}"
        pay = "masked" if self.reward is None else f"reward {self.reward:.3f}"
        return f"{score}, {self.grade.medal.name.lower()}, {pay}"


class Difference(Record):
    """An episode that is in both runs and came to something else."""

    task_id: str
    replica: int
    a: Result
    b: Result

    @property
    def of_grades(self) -> bool:
        """Whether the grades differ, and not the pay alone."""
        return self.a.grade != self.b.grade


class RunDiff(Record):
    """How two runs differ."""

    paired: int
    only_in_a: list[tuple[str, int]]
    only_in_b: list[tuple[str, int]]
    differences: list[Difference]
    settings: dict[str, tuple[Any, Any]]
    """Settings with other values in A and in B."""

    @property
    def equal_grades(self) -> bool:
        """Whether both hold the same episodes with the same grades."""
        same = not self.only_in_a and not self.only_in_b
        return same and not any(found.of_grades for found in self.differences)


def run_diff(
    a: Iterable[Episode],
    b: Iterable[Episode],
    *,
    settings: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> RunDiff:
    """Compare two runs.

    Args:
        a: Episodes of the first run.
        b: Episodes of the second.
        settings: Of both, by name.
    """
    first, second = _results(a), _results(b)
    both = sorted(first.keys() & second.keys())
    before, after = settings
    return RunDiff(
        paired=len(both),
        only_in_a=sorted(first.keys() - second.keys()),
        only_in_b=sorted(second.keys() - first.keys()),
        differences=[
            Difference(task_id=key[0], replica=key[1], a=first[key], b=second[key])
            for key in both
            if first[key] != second[key]
        ],
        settings={
            name: (before.get(name), after.get(name))
            for name in sorted({*before, *after})
            if before.get(name) != after.get(name)
        },
    )


def _results(episodes: Iterable[Episode]) -> dict[tuple[str, int], Result]:
    return {
        (episode.task_id, episode.replica): Result(
            grade=episode.grade,
            reward=None if episode.reward is None else episode.reward.total,
            mask_reason=episode.mask_reason,
        )
        for episode in episodes
    }
