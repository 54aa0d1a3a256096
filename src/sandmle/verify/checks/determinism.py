"""Check 1: another process builds the very same draft."""

from __future__ import annotations

from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context


class Determinism(Check):
    """The content hash is that of a second build, by a process with other hashes and threads."""

    name = "determinism"
    number = 1
    reasons = ("determinism.differs",)
    summary = "a second process with another hash seed and thread count builds the same content"

    def find(self, context: Context) -> Fault | None:
        """Compare hashes; where the author cannot build a draft twice there is nothing to do."""
        if context.rebuild_hash is None:
            return None
        ours, theirs = context.draft.content_hash(), context.rebuild_hash()
        if ours == theirs:
            return None
        return Fault(
            "determinism.differs",
            f"content {ours[:12]} here, {theirs[:12]} in a second process with another hash seed",
        )


CHECKS.register(Determinism.name)(Determinism())
