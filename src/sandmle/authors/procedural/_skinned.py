"""Families that keep all they decide in one record, drawn for one scene of one file of skins."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material
from sandmle.authors.toolkit.scenes import S, wardrobe_of
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA


class Rule(Record):
    """What every rule of such a family holds, before its own parameters."""

    skin: str
    """Key of the scene."""
    metric: str
    train_rows: int
    test_rows: int


R = TypeVar("R", bound=Rule)


class SkinnedFamily(Family, Generic[S, R]):
    """A family of which only rule, data and columns of a submission are its own."""

    skins: ClassVar[str]
    """Name of the file of scenes, without its ending."""
    scene_type: type[S]
    rule_type: type[R]
    scene_stream: ClassVar[str | None] = None
    """Stream that draws the scene; the metric then has its own. If None, the rule draws both."""
    group_column: ClassVar[str | None] = None
    """Column of the answers that says which rows belong together."""

    @abstractmethod
    def draw_rule(
        self, rng: np.random.Generator, scene: S, dna: TaskDNA, *, metric: str, difficulty: int
    ) -> R:
        """Draw every parameter of the hidden rule and its defects."""

    @abstractmethod
    def profile(self, rule: R, difficulty: int) -> Profile:
        """Say what a rule is made of."""

    @abstractmethod
    def targets(self, rule: R, scene: S) -> tuple[Column, ...]:
        """Return the columns of a submission after its id."""

    def metric_params(self, rule: R, scene: S, material: Material) -> Mapping[str, Any]:
        """Return the metric's parameters; it has none unless a family says so."""
        return {}

    def worn(self, design: Design) -> tuple[R, S]:
        """Read back the rule of a design and the scene that it is told in."""
        rule = self.rule_type.model_validate(design.rule)
        return rule, wardrobe_of(self.skins, self.scene_type).get(rule.skin)

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw a scene, a metric and the rule."""
        clothes = wardrobe_of(self.skins, self.scene_type)
        rng = streams.rng("rule")
        scene = clothes.draw(streams.rng(self.scene_stream) if self.scene_stream else rng)
        metric = self.choose_metric(dna, streams.rng("metric") if self.scene_stream else rng)
        rule = self.draw_rule(rng, scene, dna, metric=metric, difficulty=difficulty)
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=self.profile(rule, difficulty),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Put metric and columns together."""
        rule, scene = self.worn(design)
        params = dict(self.metric_params(rule, scene, material))
        return Evaluation(
            metric=MetricSpec(name=rule.metric, params=params),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=self.targets(rule, scene),
                rows=material.test_rows,
                group_column=self.group_column,
            ),
        )
