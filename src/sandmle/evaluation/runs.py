"""Runs as evaluations read them: a folder or a log, counted once, and what its tasks are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError, unknown
from sandmle.core.task import Task
from sandmle.evaluation.tally import Tally, counted_tasks, family_of, tally
from sandmle.rollout.run_dir import EPISODES, SETTINGS, RunDir, find_runs
from sandmle.store import TaskSet
from sandmle.store.episodes import EpisodeKey, EpisodeLog

_KEYS: dict[str, Callable[[Task], object]] = {
    "family": lambda task: task.family,
    "modality": lambda task: task.modality,
    "task_type": lambda task: task.task_type,
    "metric": lambda task: task.metric.name,
    "domain": lambda task: task.provenance.domain,
    "difficulty": lambda task: task.provenance.difficulty,
    "seed_task": lambda task: task.provenance.seed_task,
}
GROUP_KEYS = tuple(_KEYS)
"""What tasks can be grouped by."""
UNKNOWN = "unknown"
"""The group of tasks that do not say."""


@dataclass(frozen=True)
class CountedRun:
    """A run whose episodes were read."""

    path: Path
    counts: Tally

    def tasks(self) -> TaskSet:
        """Return the tasks that it played.

        Raises:
            UsageError: If its folder does not say, or they are not where they were.
        """
        return RunDir.open(self.path if self.path.is_dir() else self.path.parent).tasks()


def read_run(path: Path) -> CountedRun:
    """Read and count the episodes of a run.

    Args:
        path: A run's folder, or an `episodes.jsonl`.

    Raises:
        UsageError: If there is none, no episode of it counts, or it holds one twice.
    """
    log = EpisodeLog(_log_of(path))
    counts = tally(_each_once(log))
    if not counts:
        raise UsageError(f"{log.path} holds no episode yet; play some with `sandmle run`")
    if not counted_tasks(counts):
        masked = sum(task.masked for task in counts.values())
        raise UsageError(
            f"all {masked} episodes of {path} failed for infrastructure and say nothing about "
            f"the policy; `sandmle runs show {path}` says why, "
            f"`sandmle runs resume {path} --retry-failed` plays them again"
        )
    return CountedRun(path, counts)


def grouping(key: str, runs: Sequence[CountedRun]) -> Callable[[str], str]:
    """Return what gives a task id its group.

    The family is part of the id; every other key is looked up in the runs' task folders.

    Args:
        key: One of `GROUP_KEYS`.
        runs: The runs whose tasks are asked for.

    Raises:
        UsageError: If there is no such key, or a task is in none of the runs' folders.
    """
    if key not in _KEYS:
        raise unknown("key", key, GROUP_KEYS)
    if key == "family":
        return family_of
    groups: dict[str, str] = {}
    missing = {task for run in runs for task in run.counts}
    for run in runs:
        if missing & run.counts.keys():
            found = {task_dir.task.id: _group(task_dir.task, key) for task_dir in run.tasks()}
            groups |= found
            missing -= found.keys()
    if missing:
        raise UsageError(
            f"{len(missing)} tasks are not where their runs say (first: {min(missing)}), so "
            f"their {key} is not known; put them back, or use --by family"
        )
    return groups.__getitem__


def _group(task: Task, key: str) -> str:
    value = _KEYS[key](task)
    return UNKNOWN if value is None else str(value)


def _log_of(path: Path) -> Path:
    if path.is_file():
        return path
    if not path.is_dir():
        raise UsageError(f"{path} does not exist; give a run's folder or an {EPISODES}")
    log = path / EPISODES
    if log.is_file() or (path / SETTINGS).is_file():
        return log
    below = find_runs(path)
    hint = f"; did you mean {below[0].path}?" if below else "; `sandmle runs list` finds runs"
    raise UsageError(f"{path} holds no run (there is no {EPISODES} in it){hint}")


def _each_once(log: EpisodeLog) -> Iterable[Episode]:
    seen: set[EpisodeKey] = set()
    for episode in log:
        key = (episode.task_id, episode.replica)
        if key in seen:
            raise UsageError(
                f"{log.path} holds replica {key[1]} of task {key[0]} twice; give each run a log "
                "of its own"
            )
        seen.add(key)
        yield episode
