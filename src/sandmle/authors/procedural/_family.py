"""What a task family is: the paper's four roles in one class, without any model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from sandmle.authors.roles import Design, Evaluation, Material, Team
from sandmle.authors.toolkit.wording import describe
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.seeding import Streams
from sandmle.core.task import Modality
from sandmle.seeds.dna import TaskDNA


@dataclass(frozen=True)
class Fit:
    """Which DNA a family can stand for; the values are those of the seed catalogue."""

    modalities: frozenset[str]
    task_types: frozenset[str]
    metric_families: frozenset[str]

    def score(self, dna: TaskDNA) -> float:
        """Return how well the DNA fits, in [0, 1]; modality outweighs type and metric together."""
        return (
            0.6 * (dna.modality in self.modalities)
            + 0.25 * (dna.task_type in self.task_types)
            + 0.15 * (dna.metric_family in self.metric_families)
        )


class Family(ABC):
    """One kind of task: a grammar of hidden rules, defects, a renderer and a ladder.

    A file in this package with a registered subclass is a new family. Its methods are the four
    roles of the paper; the same streams must give the same bytes on every machine: draw only from
    the named streams, round floats before they are used for labels or written
    (`toolkit.csvtext.rounded`), and sort whatever has no order.
    """

    name: ClassVar[str]
    """`MODALITY/WORD-vN`; a change that affects data or scores raises N."""
    modality: ClassVar[Modality]
    task_type: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for the catalogue of families."""
    levels: ClassVar[int] = 3
    """Difficulty goes from 0 to levels - 1: more defects, traps, interactions; not more noise."""
    fit: ClassVar[Fit]

    @abstractmethod
    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Data Strategist: choose hidden rule, defects and domain; `rule` holds every parameter."""

    @abstractmethod
    def develop(self, design: Design, streams: Streams) -> Material:
        """ML Developer: sample, render, split, write the ladder and the reference."""

    @abstractmethod
    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """MLOps Engineer: metric and submission schema."""

    def describe(
        self, design: Design, material: Material, evaluation: Evaluation, streams: Streams
    ) -> str:
        """Technical Writer: see `toolkit.wording.describe`."""
        return describe(design, material, evaluation, streams.rng("wording"))

    def draft(self, dna: TaskDNA, seed: int, *, difficulty: int) -> TaskDraft:
        """Make one draft.

        Args:
            dna: What it should look like.
            seed: Root of all its randomness; whoever knows it can rebuild the answers.
            difficulty: From 0 to `levels - 1`.

        Raises:
            UsageError: If the family has no such level.
        """
        if not 0 <= difficulty < self.levels:
            raise UsageError(
                f"family {self.name!r} has difficulty 0 to {self.levels - 1}, not {difficulty}"
            )
        recipe = {
            "author": "procedural",
            "family": self.name,
            "dna": dna.model_dump(mode="json"),
            "seed": str(seed),
            "difficulty": difficulty,
        }
        team = Team(strategist=self, developer=self, engineer=self, writer=self)
        return team.draft(
            dna, Streams(seed), difficulty=difficulty, author="procedural", recipe=recipe
        )
