"""Runs a draft's ladder in a sandbox and scores it on the rows that agents are graded on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sandmle.core.draft import Baseline, TaskDraft
from sandmle.core.errors import InvalidSubmission
from sandmle.core.execution import SUBMISSION, Execution, Sandbox, SandboxSession
from sandmle.core.verdict import RungScore
from sandmle.grading import MAX_SUBMISSION_BYTES, Grader
from sandmle.verify.board import Board, GradedRows, Predictions, build_board
from sandmle.verify.thresholds import significant

RICH_RUNS = 2
"""How many of the strongest rungs are trained on the rich data; the better one is the reference."""


@dataclass(frozen=True)
class Rung:
    """A submission that was measured."""

    name: str
    data: bytes | None
    """The file; None where there is none or it could not be read."""
    predictions: Predictions | None
    """Shape (n, t), rows as in the answers; None where the submission is invalid."""
    score: float | None
    """On the graded rows, in the metric's unit."""
    cpu_seconds: float = 0.0
    peak_mib: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class Ladder:
    """Every rung of a draft, the sample submission and the reference."""

    rungs: tuple[Rung, ...]
    sample: Rung
    reference: Rung
    reference_cpu_seconds: float
    """Processor time of the runs on rich data, which no other figure contains."""

    @property
    def failed(self) -> tuple[Rung, ...]:
        """What has no score."""
        return tuple(r for r in (*self.rungs, self.sample, self.reference) if r.score is None)

    def board(self, graded: GradedRows, rng: np.random.Generator) -> Board:
        """Score all of it again on resamples; see `build_board`.

        Raises:
            ValueError: If a rung has no score, or too few resamples have one.
        """
        if self.failed:
            raise ValueError(f"{self.failed[0].name} has no score: {self.failed[0].error}")
        return build_board(
            graded,
            [(rung.name, _present(rung)) for rung in self.rungs],
            sample=_present(self.sample),
            reference=_present(self.reference),
            rng=rng,
        )

    def scores(self, board: Board | None) -> tuple[RungScore, ...]:
        """Write the rungs for the report; gains need a board whose reference beats the dummy."""
        gains = {}
        if board is not None and board.span > 0:
            gains = dict(zip(board.names, board.gains_R, strict=True))
        return tuple(
            RungScore(
                name=rung.name,
                score=None if rung.score is None else significant(rung.score),
                gain=round(float(gains[rung.name]), 4) if rung.name in gains else None,
                cpu_seconds=round(rung.cpu_seconds, 4),
                error=rung.error,
            )
            for rung in self.rungs
        )


def run_ladder(draft: TaskDraft, sandbox: Sandbox, grader: Grader) -> Ladder:
    """Run every script of the ladder, and the reference.

    Raises:
        SandboxError: If the sandbox fails; a script that fails is a rung with an error.
    """
    rungs = run_rungs(draft, draft.ladder, sandbox, grader)
    sample = measure("sample_submission", draft.public.get("sample_submission.csv"), grader)
    if draft.reference.kind == "oracle":
        reference = measure("reference", draft.reference.submission, grader)
        return Ladder(rungs, sample, reference, 0.0)
    if draft.reference.kind == "best_pipeline":
        return Ladder(rungs, sample, _best(rungs, grader, count=1)[0], 0.0)
    strongest = {rung.name for rung in _best(rungs, grader, count=RICH_RUNS)}
    scripts = [baseline for baseline in draft.ladder if baseline.name in strongest]
    rich = run_rungs(
        replace(draft, public={**draft.public, **draft.reference.rich_public}),
        scripts,
        sandbox,
        grader,
    )
    cpu_seconds = sum(rung.cpu_seconds for rung in rich)
    return Ladder(rungs, sample, _best(rich, grader, count=1)[0], cpu_seconds)


def run_rungs(
    draft: TaskDraft, scripts: Sequence[Baseline], sandbox: Sandbox, grader: Grader
) -> tuple[Rung, ...]:
    """Run scripts one after another over the draft's public files and score what they write.

    They share one session, since to lay out hundreds of images for each would take longer than
    to run it; none sees the submission of the one before.
    """
    with sandbox.open(draft.public, draft.limits) as session:
        return tuple(_run_rung(baseline, session, grader) for baseline in scripts)


def _run_rung(baseline: Baseline, session: SandboxSession, grader: Grader) -> Rung:
    session.write(SUBMISSION, b"")
    execution = session.run(baseline.script)
    if not execution.ok:
        return _failed(baseline.name, execution, _why(execution))
    try:
        data = session.read(SUBMISSION, max_bytes=MAX_SUBMISSION_BYTES)
    except InvalidSubmission as exc:
        return _failed(baseline.name, execution, str(exc))
    return measure(
        baseline.name,
        data or None,
        grader,
        cpu_seconds=execution.cpu_seconds,
        peak_mib=execution.peak_mib,
    )


def measure(
    name: str,
    data: bytes | None,
    grader: Grader,
    *,
    cpu_seconds: float = 0.0,
    peak_mib: float = 0.0,
) -> Rung:
    """Read a submission and score it on the graded rows; an invalid one gets an error."""
    if data is None:
        return Rung(name, None, None, None, cpu_seconds, peak_mib, "there is no submission")
    try:
        predictions, score = grader.read(data), grader.score(data, "private")
    except InvalidSubmission as exc:
        return Rung(name, data, None, None, cpu_seconds, peak_mib, str(exc))
    return Rung(name, data, predictions, score, cpu_seconds, peak_mib)


def _best(rungs: Sequence[Rung], grader: Grader, *, count: int) -> list[Rung]:
    sign = 1 if grader.metric.higher_is_better else -1

    def quality(rung: Rung) -> float:
        return -np.inf if rung.score is None else sign * rung.score

    return sorted(rungs, key=quality, reverse=True)[:count]


def _failed(name: str, execution: Execution, error: str) -> Rung:
    return Rung(name, None, None, None, execution.cpu_seconds, execution.peak_mib, error)


def _why(execution: Execution) -> str:
    if execution.killed_by:
        return f"killed by the limit on {execution.killed_by}"
    last = execution.stderr.strip().splitlines()[-1:] or [f"exit code {execution.exit_code}"]
    return last[0][:300]


def _present(rung: Rung) -> Predictions:
    if rung.predictions is None:
        raise ValueError(f"{rung.name} has no predictions")
    return rung.predictions
