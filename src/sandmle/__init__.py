"""sandmle: verifiable micro-scale MLE tasks, a true sandbox and dense rewards for RL of agents.

Names are resolved when they are first used, so importing the package loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from sandmle.version import __version__

_HOMES = {
    "Artefacts": "sandmle.store.artefacts",
    "Audit": "sandmle.core.execution",
    "Budget": "sandmle.rollout",
    "Comparison": "sandmle.evaluation",
    "Completion": "sandmle.core.policy",
    "ContextOverflow": "sandmle.core.errors",
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
    "LocalExecutor": "sandmle.rollout",
    "Medal": "sandmle.core.task",
    "MedalTable": "sandmle.evaluation",
    "Message": "sandmle.core.policy",
    "Mix": "sandmle.generate",
    "ModelSettings": "sandmle.policies",
    "Plan": "sandmle.generate",
    "PolicyError": "sandmle.core.errors",
    "PolicyRefused": "sandmle.core.errors",
    "RayExecutor": "sandmle.rollout.ray_executor",
    "RayOptions": "sandmle.rollout.ray_executor",
    "Reward": "sandmle.core.reward",
    "RolloutSettings": "sandmle.rollout",
    "RunDir": "sandmle.rollout.run_dir",
    "RunSettings": "sandmle.rollout",
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
    "compare_runs": "sandmle.evaluation",
    "derive_seed": "sandmle.core.seeding",
    "generate_tasks": "sandmle.generate",
    "get_metric": "sandmle.metrics",
    "get_reward": "sandmle.rewards",
    "get_seed": "sandmle.seeds",
    "human_rank": "sandmle.grading.human_rank",
    "leaderboard_bars": "sandmle.grading.medals",
    "make_sandbox": "sandmle.sandbox",
    "make_scaffold": "sandmle.scaffolds",
    "medal_table": "sandmle.evaluation",
    "open_setup": "sandmle.rollout",
    "read_run": "sandmle.evaluation",
    "run_episode": "sandmle.rollout",
    "run_groups": "sandmle.rollout",
    "runs_table": "sandmle.evaluation",
    "seed_ids": "sandmle.seeds",
    "split_of": "sandmle.seeds",
    "table_draft": "sandmle.authors.table",
    "tally": "sandmle.evaluation",
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
