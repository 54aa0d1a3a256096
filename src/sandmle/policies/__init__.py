"""What speaks for the agent. Backends of models are found by name, one file each."""

from __future__ import annotations

from collections.abc import Callable

from sandmle.core.policy import Model
from sandmle.core.registry import Registry
from sandmle.policies.settings import ModelSettings

MODELS: Registry[Callable[[ModelSettings], Model]] = Registry("model backend", "sandmle.policies")

__all__ = ["MODELS", "ModelSettings"]
