"""The paper's four roles as protocols, and what they hand to each other.

Data Strategist -> `Design` -> ML Developer -> `Material` -> MLOps Engineer -> `Evaluation`
-> Technical Writer -> description. Any role of any author may stand in for another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sandmle.core.draft import Baseline, Reference, TaskDraft, Trap
from sandmle.core.seeding import Streams
from sandmle.core.task import Limits, MetricSpec, Modality, Provenance, SubmissionSchema
from sandmle.seeds.dna import TaskDNA
from sandmle.version import __version__


@dataclass(frozen=True)
class Design:
    """What the Data Strategist decides: the hidden rule, its defects and its new domain."""

    family: str
    """Family with version, `tabular/price-v2`."""
    modality: Modality
    task_type: str
    title: str
    domain: str
    difficulty: int
    story: str
    """One or two paragraphs in the domain's words: who has the problem and what is predicted."""
    rule: Mapping[str, Any]
    """The hidden rule H with every parameter, and the defects with theirs; JSON, private."""
    grammar: tuple[str, ...] = ()
    """Operations of the rule: `additive`, `interaction`, `lag` ...; private."""
    defects: tuple[str, ...] = ()
    """What stands between the data and the rule, by name; private."""
    skills: tuple[str, ...] = ()
    """What an engineer must do; private."""
    traps: tuple[Trap, ...] = ()


@dataclass(frozen=True)
class Note:
    """One line of the task's documentation."""

    name: str
    """A file's path or a column's name, exactly as it is in the data."""
    text: str
    """What it is, in words of the domain, with its unit; never a word about the hidden rule."""


@dataclass(frozen=True)
class Material:
    """What the ML Developer builds: data, answers, the ladder and the reference."""

    train_rows: int
    """Labelled samples, 50 to 200."""
    test_rows: int
    """Rows of a submission."""
    public: Mapping[str, bytes]
    """Contents by path, `sample_submission.csv` included, description excluded."""
    answers: bytes
    ladder: tuple[Baseline, ...]
    reference: Reference
    files: tuple[Note, ...]
    """Every public file, or a folder (with a trailing slash) for all files in it."""
    columns: tuple[Note, ...]
    """Every column of train, test and any other public table."""


@dataclass(frozen=True)
class Evaluation:
    """What the MLOps Engineer fixes: metric and form of a submission."""

    metric: MetricSpec
    submission: SubmissionSchema
    limits: Limits = field(default_factory=Limits)


class DataStrategist(Protocol):
    """Turns DNA into a design."""

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose the rule, defects and domain.

        Raises:
            AuthorError: If the DNA does not suit this author.
        """
        ...


class MLDeveloper(Protocol):
    """Turns a design into data and baselines."""

    def develop(self, design: Design, streams: Streams) -> Material:
        """Build everything that is computed; the same streams give the same bytes."""
        ...


class MLOpsEngineer(Protocol):
    """Fixes how submissions are scored."""

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Choose the metric and describe the submission."""
        ...


class TechnicalWriter(Protocol):
    """Writes what the agent reads."""

    def describe(
        self, design: Design, material: Material, evaluation: Evaluation, streams: Streams
    ) -> str:
        """Write `description.md`; never a word about the hidden rule."""
        ...


@dataclass(frozen=True)
class Team:
    """Four roles that make drafts together."""

    strategist: DataStrategist
    developer: MLDeveloper
    engineer: MLOpsEngineer
    writer: TechnicalWriter

    def draft(
        self,
        dna: TaskDNA,
        streams: Streams,
        *,
        difficulty: int,
        author: str,
        recipe: Mapping[str, Any],
        revise: Callable[[Design], Design] = lambda design: design,
    ) -> TaskDraft:
        """Let the roles work one after another and put their parts together.

        Args:
            dna: What the task is to look like.
            streams: Randomness of the whole draft.
            difficulty: Level from 0.
            author: Name for the provenance.
            recipe: What rebuilds the same draft; kept private.
            revise: Changes the design before it is developed.
        """
        design = self.strategist.design(dna, streams.child("design"), difficulty=difficulty)
        design = revise(design)
        material = self.developer.develop(design, streams.child("develop"))
        evaluation = self.engineer.evaluate(design, material)
        description = self.writer.describe(design, material, evaluation, streams.child("describe"))
        return TaskDraft(
            family=design.family,
            title=design.title,
            description=description,
            modality=design.modality,
            task_type=design.task_type,
            metric=evaluation.metric,
            submission=evaluation.submission,
            train_rows=material.train_rows,
            public={**material.public, "description.md": description.encode()},
            answers=material.answers,
            ladder=material.ladder,
            reference=material.reference,
            rule=design.rule,
            grammar=design.grammar,
            defects=design.defects,
            skills=design.skills,
            traps=design.traps,
            limits=evaluation.limits,
            recipe=recipe,
            provenance=Provenance(
                author=author,
                seed_task=dna.seed_id,
                domain=design.domain,
                difficulty=design.difficulty,
                sandmle_version=__version__,
            ),
        )
