"""Agent loops, one file each: they write prompts, read turns and call the environment's tools.

Nothing here sees how a submission is graded.
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature

from pydantic import TypeAdapter, ValidationError

from sandmle.core.errors import UsageError, unknown
from sandmle.core.registry import Registry
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Scaffold, Trace

SCAFFOLDS: Registry[type[Scaffold]] = Registry("scaffold", "sandmle.scaffolds")

__all__ = ["SCAFFOLDS", "Scaffold", "Trace", "make_scaffold", "scripted"]


def make_scaffold(name: str, *, max_steps: int = DEFAULT_MAX_STEPS, **options: object) -> Scaffold:
    """Make the scaffold called `name`.

    Args:
        name: Name in the registry.
        max_steps: How often the policy is asked at most.
        options: Fields of the scaffold's class.

    Raises:
        UsageError: If there is none, it may not take a single step, or has no such option.
    """
    if max_steps < 1:
        raise UsageError(f"max_steps is {max_steps}; an episode has at least one step")
    make = SCAFFOLDS.get(name)
    known = [key for key in signature(make).parameters if key not in ("max_steps", "name")]
    for option in options:
        if option not in known:
            raise unknown(f"option of the scaffold {name!r} called", option, known or ["none"])
    try:
        return TypeAdapter(make).validate_python({"max_steps": max_steps, **options})
    except ValidationError as exc:
        first = exc.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "its options"
        raise UsageError(
            f"scaffold {name!r}, {where} = {first['input']!r}: {first['msg']}"
        ) from None


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
