"""sandmle: verifiable micro-scale MLE tasks, a true sandbox and dense rewards for RL of agents.

Names are resolved when they are first used, so importing the package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sandmle.version import __version__

_HOMES = {
    "Audit": "sandmle.core.execution",
    "Completion": "sandmle.core.policy",
    "Environment": "sandmle.env",
    "Episode": "sandmle.core.episode",
    "EpisodeLog": "sandmle.store.episodes",
    "Execution": "sandmle.core.execution",
    "Grade": "sandmle.core.grade",
    "Grader": "sandmle.grading",
    "InfraError": "sandmle.core.errors",
    "InvalidSubmission": "sandmle.core.errors",
    "LadderPolicy": "sandmle.rollout.ladder_policy",
    "Limits": "sandmle.core.task",
    "Medal": "sandmle.core.task",
    "Message": "sandmle.core.policy",
    "Mix": "sandmle.generate",
    "Plan": "sandmle.generate",
    "Reward": "sandmle.core.reward",
    "RolloutSettings": "sandmle.rollout",
    "SandmleError": "sandmle.core.errors",
    "Setup": "sandmle.rollout",
    "Step": "sandmle.core.episode",
    "Task": "sandmle.core.task",
    "TaskDNA": "sandmle.seeds",
    "TaskDir": "sandmle.store",
    "TaskDraft": "sandmle.core.draft",
    "TaskSet": "sandmle.store",
    "Thresholds": "sandmle.core.task",
    "UsageError": "sandmle.core.errors",
    "VerifyReport": "sandmle.core.verdict",
    "derive_seed": "sandmle.core.seeding",
    "generate_tasks": "sandmle.generate",
    "get_metric": "sandmle.metrics",
    "get_reward": "sandmle.rewards",
    "get_seed": "sandmle.seeds",
    "human_rank": "sandmle.grading.human_rank",
    "leaderboard_bars": "sandmle.grading.medals",
    "make_sandbox": "sandmle.sandbox",
    "make_scaffold": "sandmle.scaffolds",
    "run_episode": "sandmle.rollout",
    "run_groups": "sandmle.rollout",
    "seed_ids": "sandmle.seeds",
    "split_of": "sandmle.seeds",
    "table_draft": "sandmle.authors.table",
    "verify_draft": "sandmle.verify",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 - the keys are strings
__all__.sort()


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sandmle' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
