"""`metrics.jsonl`: one line for every step and every evaluation of a training run.

A line counts once its newline is on disk. What lies behind the last newline is a write that was
cut short: readers pass over it, the next line that is written puts it aside in `NAME.torn`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from sandmle.core.errors import UsageError
from sandmle.core.record import Record
from sandmle.evaluation import MedalTable
from sandmle.store.atomic import write_file
from sandmle.store.episodes import add_lines


class StepMetrics(Record):
    """One step: its episodes, its updates, and where its time went."""

    kind: Literal["step"] = "step"
    step: int
    """From 1."""
    seconds: float
    """Wall time of the run until now, earlier calls included."""
    reward: float | None
    """Mean of the paid episodes; None where none was."""
    valid: float
    above_median: float
    bronze: float
    """Share of episodes whose best medal is bronze; so with silver and gold."""
    silver: float
    gold: float
    any_medal: float
    masked: float
    """Share of episodes that are left out of the loss."""
    signal: float
    """Share of groups whose episodes were paid differently."""
    turns: float
    """Of an episode, in the mean."""
    tokens: int
    """That the model sampled, of all episodes."""
    well_formed: float
    """Share of turns in the required form."""
    loss: float
    grad_norm: float
    entropy: float
    """Of the model's own tokens, in nats, in the mean."""
    ratio: float = 1.0
    """Mean importance ratio of the model's own tokens."""
    clipped: float
    """Share of them at which the loss was clipped."""
    model_seconds: float
    """Wall time of sampling; the five parts add up to the step's wall time."""
    sandbox_seconds: float
    grading_seconds: float
    update_seconds: float
    other_seconds: float
    shares: dict[str, float] = Field(default_factory=dict)
    """What was drawn; see `TaskSampler.shares`."""

    @property
    def step_seconds(self) -> float:
        """Wall time of the step."""
        return (
            self.model_seconds
            + self.sandbox_seconds
            + self.grading_seconds
            + self.update_seconds
            + self.other_seconds
        )


class EvaluationMetrics(Record):
    """Held-out tasks, played with the weights after a step."""

    kind: Literal["evaluation"] = "evaluation"
    name: str
    step: int
    """0: before the first."""
    table: MedalTable


Metrics = StepMetrics | EvaluationMetrics
_LINE: TypeAdapter[Metrics] = TypeAdapter(Annotated[Metrics, Field(discriminator="kind")])


class MetricsLog:
    """The file, line by line; one process writes it, anybody may read it meanwhile.

    Args:
        path: Where it is; it need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Metrics]:
        """Read the lines in the order in which they were written.

        Raises:
            UsageError: If a whole line cannot be read.
        """
        for number, line in enumerate(self._lines(), start=1):
            yield self._parsed(line, number)

    def steps(self) -> list[StepMetrics]:
        """Return the steps."""
        return [line for line in self if isinstance(line, StepMetrics)]

    def evaluations(self) -> list[EvaluationMetrics]:
        """Return the evaluations."""
        return [line for line in self if isinstance(line, EvaluationMetrics)]

    def append(self, metrics: Metrics) -> bool:
        """Write a line; when this returns it is on disk.

        Returns:
            Whether it was written: an evaluation that is there already stays as it is.

        Raises:
            UsageError: If the step is there already, or the disk takes no more; the file is as it
                was.
        """
        if _key(metrics) in {_key(line) for line in self}:
            if isinstance(metrics, EvaluationMetrics):
                return False
            raise UsageError(
                f"{self.path} holds step {metrics.step} already; two runs cannot share a folder: "
                "give another --out"
            )
        with _room(self.path):
            self._set_torn_line_aside()
            add_lines(self.path, [metrics.model_dump_json().encode() + b"\n"])
        return True

    def keep_until(self, step: int, *, aside: Path) -> int:
        """Move what comes after a step to another file: it comes again from its checkpoint.

        Killed at any moment, it has lost no line, and the same call finishes the rest.

        Args:
            step: The last step that stays.
            aside: The file to add the lines to.

        Returns:
            How many lines were moved.

        Raises:
            UsageError: If a line cannot be read, or the disk takes no more.
        """
        lines = self._lines()
        goes = [metrics.step > step for metrics in self]
        later = [line + b"\n" for line, gone in zip(lines, goes, strict=True) if gone]
        kept = [line + b"\n" for line, gone in zip(lines, goes, strict=True) if not gone]
        if later:
            with _room(self.path):
                aside.parent.mkdir(parents=True, exist_ok=True)
                add_lines(aside, later)
                self._set_torn_line_aside()
                write_file(self.path, b"".join(kept))
        return len(later)

    def _lines(self) -> list[bytes]:
        return self.path.read_bytes().split(b"\n")[:-1] if self.path.is_file() else []

    def _set_torn_line_aside(self) -> None:
        torn = self.path.read_bytes().rpartition(b"\n")[2] if self.path.is_file() else b""
        if torn:
            add_lines(self.path.with_name(f"{self.path.name}.torn"), [torn + b"\n"])

    def _parsed(self, line: bytes, number: int) -> Metrics:
        try:
            return _LINE.validate_json(line)
        except ValidationError as exc:
            first = exc.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the whole line"
            raise UsageError(
                f"{self.path}, line {number} cannot be read ({where}: {first['msg']}); it was "
                "changed, or written by another version: take the line out, or start another run"
            ) from exc


@contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise UsageError(
            f"{path} cannot be written ({exc.strerror}); make room and run the same command "
            "again: it goes on from the last checkpoint"
        ) from exc


def _key(metrics: Metrics) -> tuple[str, int]:
    return (metrics.name if isinstance(metrics, EvaluationMetrics) else "", metrics.step)
