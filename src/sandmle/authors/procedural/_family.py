"""What a task family is: the paper's four roles in one class, without any model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from sandmle.authors.roles import Design, Evaluation, Material, Team
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.scenes import S, Wardrobe
from sandmle.authors.toolkit.wording import describe
from sandmle.core.draft import TaskDraft, Trap
from sandmle.core.errors import UsageError
from sandmle.core.seeding import Streams
from sandmle.core.task import Modality
from sandmle.seeds.dna import TaskDNA

METRICS_OF = {
    "accuracy": ("accuracy", "balanced_accuracy", "exact_match"),
    "angular": ("angular_error",),
    "auc": ("roc_auc", "roc_auc_columnwise", "roc_auc_macro", "average_precision"),
    "dice": ("dice",),
    "dice_hausdorff": ("dice",),
    "edit_distance": ("levenshtein", "exact_match"),
    "error_rate": ("error_rate", "accuracy"),
    "f1": ("f1_macro", "f1", "f1_micro"),
    "f_beta": ("fbeta", "f1"),
    "haversine": ("rmse", "mae", "mcrmse"),
    "iou": ("dice",),
    "jaccard": ("jaccard",),
    "kappa": ("qwk",),
    "kl_divergence": ("log_loss",),
    "laplace_ll": ("pinball", "mae"),
    "log_loss": ("log_loss",),
    "log_mae": ("mae", "rmsle"),
    "lrap": ("roc_auc_columnwise", "f1_micro"),
    "mae": ("mae",),
    "map": ("box_map",),
    "map_at_k": ("map_at_k",),
    "mcc": ("mcc",),
    "pearson": ("pearson", "spearman"),
    "r2": ("r2",),
    "rank_corr": ("ndcg_at_k", "spearman", "pearson"),
    "rmse": ("rmse", "mcrmse"),
    "rmsle": ("rmsle",),
}
"""The catalogue's metric families as metrics of this project, nearest first."""
FAITHFUL = 0.75
"""Share of the tasks that keep the metric of their DNA; the others are for variety."""


@dataclass(frozen=True)
class Profile:
    """What a hidden rule is made of, and what it asks of an engineer; private, for reports."""

    grammar: tuple[str, ...]
    """Operations of the rule."""
    defects: tuple[Defect, ...]
    """What stands between data and rule; each brings its skill."""
    skills: tuple[str, ...] = ()
    """Other skills that the task asks for."""
    traps: tuple[Trap, ...] = ()
    """Columns or cues to stay away from."""


class Family(ABC):
    """One kind of task: a grammar of hidden rules, defects, a renderer and a ladder.

    A file in this package with a registered subclass is a new family. Its methods are the four
    roles of the paper; the same streams must give the same bytes on every machine: draw only from
    the named streams, round floats before they are used for labels or written
    (`toolkit.csvtext.rounded`), and sort whatever has no order.

    `rule` holds `train_rows` and `test_rows`, and `develop` makes tasks of any size out of them.
    """

    name: ClassVar[str]
    """`MODALITY/WORD-vN`; a change that affects data or scores raises N."""
    modality: ClassVar[Modality]
    task_type: ClassVar[str]
    summary: ClassVar[str]
    """One sentence for the catalogue of families."""
    levels: ClassVar[int] = 3
    """Difficulty goes from 0 to levels - 1: more defects, traps, interactions; not more noise."""
    metrics: ClassVar[tuple[str, ...]]
    """What its tasks can be scored by, the usual one first."""
    seeds: ClassVar[Mapping[str, str]]
    """Seed competitions that it stands for, and what the micro task leaves out of each."""

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

    def choose_metric(self, dna: TaskDNA, rng: np.random.Generator) -> str:
        """Return the metric that is nearest to the DNA's, mostly; else any of the family's."""
        near = [name for name in METRICS_OF.get(dna.metric_family, ()) if name in self.metrics]
        if near and rng.random() < FAITHFUL:
            return near[0]
        return self.metrics[int(rng.integers(len(self.metrics)))]

    def tell(
        self,
        clothes: Wardrobe[S],
        scene: S,
        rng: np.random.Generator,
        *,
        rule: Mapping[str, Any],
        difficulty: int,
        profile: Profile,
    ) -> Design:
        """Put a rule into the words of a scene.

        Args:
            clothes: The family's scenes.
            scene: The one to use.
            rng: Draws title and story.
            rule: Every parameter of the hidden rule and its defects.
            difficulty: Level.
            profile: What the rule is made of.
        """
        title, story = clothes.tell(scene, rng)
        answers = [defect.skill for defect in profile.defects]
        return Design(
            family=self.name,
            modality=self.modality,
            task_type=self.task_type,
            title=title,
            domain=scene.domain,
            difficulty=difficulty,
            story=story,
            rule=rule,
            grammar=profile.grammar,
            defects=tuple(defect.name for defect in profile.defects),
            skills=tuple(dict.fromkeys([*answers, *profile.skills])),
            traps=profile.traps,
        )

    def resized(self, design: Design, *, train: float = 1.0, test: float = 1.0) -> Design:
        """Return the design of a task with the same hidden rule and another number of samples.

        Args:
            design: A design of this family.
            train: Training samples for each one.
            test: Test samples for each one.
        """
        if (train, test) == (1.0, 1.0):
            return design
        rows = {
            "train_rows": round(design.rule["train_rows"] * train),
            "test_rows": round(design.rule["test_rows"] * test),
        }
        return replace(design, rule={**design.rule, **rows})

    def draft(
        self,
        dna: TaskDNA,
        seed: int,
        *,
        difficulty: int,
        train: float = 1.0,
        test: float = 1.0,
    ) -> TaskDraft:
        """Make one draft.

        Args:
            dna: What it should look like.
            seed: Root of all its randomness; whoever knows it can rebuild the answers.
            difficulty: From 0 to `levels - 1`.
            train: Training samples for each one that a task has, to measure what size costs.
            test: Test samples for each one that a task has.

        Raises:
            UsageError: If the family has no such level.
        """
        if not 0 <= difficulty < self.levels:
            raise UsageError(
                f"family {self.name!r} has difficulty 0 to {self.levels - 1}, not {difficulty}"
            )
        recipe: dict[str, Any] = {
            "author": "procedural",
            "family": self.name,
            "dna": dna.model_dump(mode="json"),
            "seed": str(seed),
            "difficulty": difficulty,
        }
        if (train, test) != (1.0, 1.0):
            recipe["sizes"] = [train, test]
        team = Team(strategist=self, developer=self, engineer=self, writer=self)
        return team.draft(
            dna,
            Streams(seed),
            difficulty=difficulty,
            author="procedural",
            recipe=recipe,
            revise=lambda design: self.resized(design, train=train, test=test),
        )
