"""Policies that play recorded episodes again."""

from __future__ import annotations

from pathlib import Path

from sandmle.core.errors import UsageError
from sandmle.core.policy import Policy
from sandmle.policies.replay import ReplayPolicy
from sandmle.store import TaskDir
from sandmle.store.episodes import EpisodeLog


class RecordedPolicy:
    """Makes replay policies out of a log; a `PolicyFactory`.

    Args:
        path: An `episodes.jsonl`.

    Raises:
        UsageError: If there is no such file.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise UsageError(f"{path} is not a file; give the episodes.jsonl of a run")
        self._path = path
        self._episodes = {(e.task_id, e.replica): e for e in EpisodeLog(path)}

    def __call__(self, task_dir: TaskDir, *, replica: int, seed: int) -> Policy:
        """Make the policy that repeats this replica of the task.

        Raises:
            UsageError: If the log has no such episode.
        """
        task_id = task_dir.task.id
        episode = self._episodes.get((task_id, replica))
        if episode is None:
            raise UsageError(
                f"{self._path} has no episode {replica} of {task_id}; "
                "replay the same tasks with the same group size"
            )
        return ReplayPolicy(episode)
