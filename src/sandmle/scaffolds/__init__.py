"""Agent loops, one file each: they write prompts, read turns and call the environment's tools.

Nothing here sees how a submission is graded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sandmle.core.errors import UsageError
from sandmle.core.registry import Registry
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Scaffold, Trace

SCAFFOLDS: Registry[Callable[..., Scaffold]] = Registry("scaffold", "sandmle.scaffolds")

__all__ = ["SCAFFOLDS", "Scaffold", "Trace", "make_scaffold", "scripted"]


def make_scaffold(name: str, *, max_steps: int = DEFAULT_MAX_STEPS) -> Scaffold:
    """Make the scaffold called `name`.

    Raises:
        UsageError: If there is none, or it may not take a single step.
    """
    if max_steps < 1:
        raise UsageError(f"max_steps is {max_steps}; an episode has at least one step")
    return SCAFFOLDS.get(name)(max_steps=max_steps)


def scripted(
    scaffold: Scaffold,
    name: str,
    scripts: Sequence[str],
    *,
    look: bool = False,
    repair: bool = False,
) -> ScriptedPolicy:
    """Make a policy that plays scripts in the format of a scaffold; see `Scaffold.turns`."""
    return ScriptedPolicy(name, scaffold.turns(scripts, look=look, repair=repair))
