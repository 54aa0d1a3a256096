"""Policies of a model: every episode gets one of its own over shared connections or weights."""

from __future__ import annotations

from dataclasses import dataclass

from sandmle.core.policy import Model, Policy
from sandmle.store import TaskDir


@dataclass(frozen=True)
class ModelPolicy:
    """Gives every episode a policy of one model; a `PolicyFactory`.

    Args:
        model: The model.
    """

    model: Model

    def __call__(self, task_dir: TaskDir, *, replica: int, seed: int) -> Policy:
        """Make the policy of one episode."""
        return self.model.policy(seed=seed)
