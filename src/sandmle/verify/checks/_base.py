"""What a check is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from sandmle.verify.context import Context


@dataclass(frozen=True)
class Fault:
    """What a check found wrong."""

    reason: str
    """One of the check's reason codes."""
    detail: str
    """A sentence that names the file, the value and the bound."""
    hard: bool = True
    """False: recorded only, although the check is hard."""


class Check(ABC):
    """One fault that a draft may have, and how to find it; one file, one check."""

    name: ClassVar[str]
    """Name in the registry, the same as the module's; every reason code starts with it."""
    number: ClassVar[int]
    """Place among the checks of its stage."""
    stage: ClassVar[Literal["draft", "ladder", "bars"]] = "draft"
    """What it looks at: the draft alone, the measured ladder, or scores against placed bars.

    A stage runs where nothing hard failed in the ones before.
    """
    hard: ClassVar[bool] = True
    """Whether a fault rejects the draft; otherwise it is recorded."""
    reasons: ClassVar[tuple[str, ...]]
    """Every reason code that it can give."""
    summary: ClassVar[str]
    """One sentence for the documentation: what passes."""

    @abstractmethod
    def find(self, context: Context) -> Fault | None:
        """Return the first fault, or None."""
