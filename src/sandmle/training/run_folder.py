"""The folder of a training run; the only file that knows what lies in it and how it is called.

RUN/recipe.json                  what is trained and how, with versions; never changed
RUN/metrics.jsonl                steps and evaluations
RUN/episodes/step-000012.jsonl   the episodes of a step
RUN/evaluations/NAME/step-000012 a run folder of held-out episodes
RUN/checkpoints/checkpoint-N     of transformers after N updates; `complete.json` is written last
RUN/sft/                         what supervised learning left, where the recipe has it
RUN/policy/                      the trained policy
RUN/curves.png, RUN/report.html  pictures of it
RUN/tensorboard/                 for TensorBoard, where the recipe asks for it
RUN/dropped/after-000010/        what was played after a checkpoint and came again on a resume
"""

from __future__ import annotations

import platform
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.rollout.run_dir import RunDir
from sandmle.store.atomic import new_folder, write_file
from sandmle.training._run_records import (
    Completed,
    Written,
    differences,
    is_whole,
    locked,
    read,
    sizes_on_disk,
)
from sandmle.training.metrics_log import EvaluationMetrics, MetricsLog, StepMetrics
from sandmle.training.recipe import Recipe

__all__ = ["Checkpoint", "Completed", "TrainingFolder", "Written"]

RECIPE, MARKER = "recipe.json", "complete.json"
_PARTS = frozenset(
    {
        RECIPE,
        "metrics.jsonl",
        "metrics.jsonl.torn",
        "episodes",
        "evaluations",
        "checkpoints",
        "policy",
        "curves.png",
        "report.html",
        "tensorboard",
        "wandb",
        "dropped",
        "sft",
    }
)
_LIBRARIES = ("sandmle", "torch", "transformers", "trl", "numpy")
_NAMED = 4
"""Differences of recipes that a message names."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that is whole."""

    path: Path
    done: Completed


@dataclass(frozen=True)
class TrainingFolder:
    """A training run's folder; nothing is read before it is asked for."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> TrainingFolder:
        """Take a folder that holds a training run.

        Raises:
            UsageError: If it holds none.
        """
        if not (path / RECIPE).is_file():
            raise UsageError(
                f"{path} holds no training run (there is no {RECIPE} in it); "
                "`sandmle train RECIPE --out FOLDER` makes one"
            )
        return cls(path)

    @classmethod
    @contextmanager
    def claim(cls, path: Path, recipe: Recipe) -> Iterator[TrainingFolder]:
        """Make a folder for a run, or take the one of the same recipe, as its only writer.

        Raises:
            UsageError: If it holds another run or something else, or is being written.
        """
        folder = cls(path)
        folder._check(recipe)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            raise UsageError(f"{path} cannot be made ({exc.strerror}); give another --out") from exc
        with locked(path):
            # again: another process may have made a run of it in between
            folder._check(recipe)
            if not (path / RECIPE).is_file():
                record = Written(recipe=recipe, versions=_versions(), id=secrets.token_hex(4))
                write_file(path / RECIPE, record.model_dump_json(indent=1).encode() + b"\n")
            yield folder

    @property
    def written(self) -> Written:
        """What was written down when the run began.

        Raises:
            UsageError: If it cannot be read, or has another version's format.
        """
        return read(self.path / RECIPE, Written)

    @property
    def recipe(self) -> Recipe:
        """What is trained and how.

        Raises:
            UsageError: As `written`.
        """
        return self.written.recipe

    @property
    def metrics(self) -> MetricsLog:
        """Its steps and evaluations."""
        return MetricsLog(self.path / "metrics.jsonl")

    @property
    def checkpoints(self) -> Path:
        """Where checkpoints lie."""
        return self.path / "checkpoints"

    @property
    def policy(self) -> Path:
        """Where the trained policy lies."""
        return self.path / "policy"

    @property
    def curves(self) -> Path:
        """The picture of its curves."""
        return self.path / "curves.png"

    @property
    def report(self) -> Path:
        """The page over all of it."""
        return self.path / "report.html"

    @property
    def tensorboard(self) -> Path:
        """Where events for TensorBoard lie."""
        return self.path / "tensorboard"

    def evaluation(self, name: str, step: int) -> RunDir:
        """Return the run folder of an evaluation."""
        return RunDir(self.path / "evaluations" / name / f"step-{step:06d}")

    def log(self, metrics: StepMetrics | EvaluationMetrics) -> bool:
        """Write down a step or an evaluation.

        Returns:
            Whether it was written: an evaluation that is there already stays as it is.

        Raises:
            UsageError: If the step is there already, or the disk takes no more.
        """
        return self.metrics.append(metrics)

    def keep_episodes(self, step: int, episodes: Sequence[Episode]) -> None:
        """Write down a step's episodes."""
        lines = "".join(episode.to_record() + "\n" for episode in episodes)
        write_file(self.path / "episodes" / f"step-{step:06d}.jsonl", lines.encode())

    def complete(self, updates: int, done: Completed) -> None:
        """Mark a checkpoint as whole, once everything else in it has reached the disk."""
        folder = self.checkpoints / f"checkpoint-{updates}"
        sizes = sizes_on_disk(folder, without=MARKER)
        marker = done.model_copy(update={"sizes": sizes})
        write_file(folder / MARKER, marker.model_dump_json().encode() + b"\n")

    def last_checkpoint(self) -> Checkpoint | None:
        """Return the newest whole checkpoint: one with a marker, and every file it names.

        Raises:
            UsageError: If it was written by another version of the format.
        """
        markers = self.checkpoints.glob(f"checkpoint-*/{MARKER}")
        found = [Checkpoint(path.parent, read(path, Completed)) for path in markers]
        whole = [one for one in found if is_whole(one.path, one.done.sizes)]
        return max(whole, key=lambda one: one.done.step, default=None)

    def go_back(self, step: int) -> None:
        """Move what was written after a step to `dropped`: it comes again from its checkpoint.

        Checkpoints that are not whole, or are later, are removed; everything else is kept.

        Raises:
            UsageError: If a line of the metrics cannot be read, or the disk takes no more.
        """
        grave = self.path / "dropped" / f"after-{step:06d}"
        self.metrics.keep_until(step, aside=grave / "metrics.jsonl")
        later = [p for p in self.path.glob("episodes/step-*.jsonl") if _number(p.stem) > step]
        later += [p for p in self.path.glob("evaluations/*/step-*") if _number(p.name) > step]
        for path in later:
            _move(path, grave / path.relative_to(self.path))
        for path in self.checkpoints.glob("checkpoint-*"):
            if not self._reaches(path, step):
                shutil.rmtree(path)

    def save_policy(self, write: Callable[[Path], None]) -> None:
        """Have the trained policy written into a folder that is there whole or not at all."""
        with new_folder(self.policy, force=True) as work:
            write(work)

    def _reaches(self, checkpoint: Path, step: int) -> bool:
        """Say whether a checkpoint is whole and not of a later step."""
        if not (checkpoint / MARKER).is_file():
            return False
        done = read(checkpoint / MARKER, Completed)
        return is_whole(checkpoint, done.sizes) and done.step <= step

    def _check(self, recipe: Recipe) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path} is a file; --out names a folder")
        if (self.path / RECIPE).is_file():
            changed = differences(self.recipe, recipe)
            if changed:
                more = f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else ""
                raise UsageError(
                    f"{self.path} holds a training run with other settings: "
                    f"{'; '.join(changed[:_NAMED])}{more}. Give the same recipe and settings to go "
                    "on with it, or another --out"
                )
        elif self.path.is_dir():
            entries = {entry.name for entry in self.path.iterdir()}
            strangers = sorted(name for name in entries if not name.startswith("."))
            if strangers:
                what = (
                    f"and no {RECIPE} that says what it is of"
                    if strangers[0] in _PARTS
                    else "which no training run made"
                )
                raise UsageError(
                    f"{self.path} holds {strangers[0]!r}, {what}; choose another --out"
                )


def _move(path: Path, to: Path) -> None:
    """Move a file or folder; beside one that was moved there before, it has a number added."""
    count = 1
    chosen = to
    while chosen.exists():
        count += 1
        chosen = to.with_name(f"{to.name}.{count}")
    chosen.parent.mkdir(parents=True, exist_ok=True)
    path.rename(chosen)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _number(name: str) -> int:
    return int(name.removeprefix("step-"))
