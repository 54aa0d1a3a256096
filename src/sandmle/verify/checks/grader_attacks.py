"""Check 8: the grader refuses what is malformed and accepts what is legitimate."""

from __future__ import annotations

from collections.abc import Iterator

from sandmle.core.errors import GraderError, InvalidSubmission
from sandmle.grading.malformed import legitimate_cases, malformed_cases
from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context


class GraderAttacks(Check):
    """Every malformed submission gets a reason, every legitimate one the same score."""

    name = "grader_attacks"
    number = 8
    stage = "bars"
    reasons = ("grader_attacks.accepted", "grader_attacks.refused", "grader_attacks.order")
    summary = (
        "at least 20 malformed submissions are refused with a reason, 5 legitimate ones are "
        "scored, whatever the order of their rows"
    )

    def find(self, context: Context) -> Fault | None:
        """Grade the matrix made of the reference submission."""
        return next(_faults(context), None)


def _faults(context: Context) -> Iterator[Fault]:
    valid = context.measurement.ladder.reference.data or b""
    schema, grader = context.draft.submission, context.grader
    for case in malformed_cases(valid, schema):
        try:
            score = grader.score(case.data)
        except InvalidSubmission:
            continue
        except GraderError as exc:
            yield Fault("grader_attacks.accepted", f"{case.name!r} breaks the grader: {exc}")
        else:
            yield Fault("grader_attacks.accepted", f"{case.name!r} is scored {score:g}")
    plain = grader.score(valid)
    for case in legitimate_cases(valid, schema):
        try:
            score = grader.score(case.data)
        except (InvalidSubmission, GraderError) as exc:
            yield Fault("grader_attacks.refused", f"{case.name!r} is refused: {exc}")
            continue
        if case.name != "constant" and abs(score - plain) > 1e-9 * max(1.0, abs(plain)):
            yield Fault("grader_attacks.order", f"{case.name!r} scores {score!r}, not {plain!r}")


CHECKS.register(GraderAttacks.name)(GraderAttacks())
