"""What speaks for the agent: one file per kind of policy, found by name."""

from __future__ import annotations

from collections.abc import Callable

from sandmle.core.policy import Policy
from sandmle.core.registry import Registry

POLICIES: Registry[Callable[..., Policy]] = Registry("policy", "sandmle.policies")

__all__ = ["POLICIES"]
