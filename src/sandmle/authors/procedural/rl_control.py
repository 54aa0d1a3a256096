"""Offline control: a table of settings for each of many plants that no log is from.

Hidden rule: every plant is a finite decision process; two readings move by nonlinear dynamics that
depend on the plant's data sheet, and a step's score on where it lands.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.rl_control import control_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.plants import SHEET, Dynamics, Plants, draw_dynamics, plants, processes
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec
from sandmle.metrics import get_metric
from sandmle.seeds.dna import TaskDNA

UNSEEN_SITES = Defect("unseen_sites", skill="contextual_dynamics")
GAPS = Defect("gaps_in_log", skill="gap_handling")
LATE_SCORES = Defect("late_scores", skill="log_alignment")
STEPS = 14
DISCOUNT = 0.9
CELL = 1_200
"""Characters of an answer's cell at most."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class ControlScene(Scene):
    """A kind of plant with two gauges, three settings and a data sheet."""

    site: str
    site_prefix: str
    x: str
    x_text: str
    y: str
    y_text: str
    action: str
    action_text: str
    actions: tuple[str, str, str]
    reward: str
    reward_text: str
    fields: tuple[Field, ...]


class ControlRule(Rule):
    """The hidden rule of one task, with its defects."""

    order: tuple[int, ...]
    """Which field of the sheet stands for which latent of the dynamics."""
    dynamics: Dynamics
    slack: float
    """Spread of the scores in the log around their mean."""
    gaps: float
    """Share of the log's lines that are missing."""
    late: bool
    """Whether the log holds each score one line late."""


class RlControl(SkinnedFamily[ControlScene, ControlRule]):
    """Write a table of settings for plants that nobody has run."""

    name = "rl/control-v1"
    modality = "rl"
    task_type = "offline_rl"
    summary = "Plan for unseen plants from logs of others; scored by exact normalised return."
    metrics = ("policy_return",)
    skins = "control"
    scene_type = ControlScene
    rule_type = ControlRule
    group_column = "plant"
    seeds = {
        "ventilator-pressure-prediction": "pressure curves; a breath becomes one step of a plan",
        "smartphone-decimeter-2022": "satellite signals; a track becomes a course of two gauges",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: ControlScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> ControlRule:
        """Choose scene, dynamics and what is wrong with the log."""
        dynamics = draw_dynamics(rng, side=6)
        return ControlRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(160, 196)),
            test_rows=100 * dynamics.cells,
            order=tuple(int(i) for i in rng.permutation(len(scene.fields))[:SHEET]),
            dynamics=dynamics,
            slack=round(float(rng.uniform(0.15, 0.25)), 5),
            gaps=0.15 if difficulty >= 1 else 0.0,
            late=difficulty >= 2,
        )

    def profile(self, rule: ControlRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=("interaction", "periodic", "saturation", "sign_change", "stochastic_dynamics"),
            defects=(UNSEEN_SITES, GAPS, LATE_SCORES)[: difficulty + 1],
            skills=("model_based_planning", "nonlinear_dynamics"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Build plants, run the training ones, and write the others' processes as answers."""
        rule, scene = self.worn(design)
        side, cells = rule.dynamics.side, rule.dynamics.cells
        sites = max(2, rule.test_rows // cells)
        sheets, train = _built(rule, scene, streams.rng("train"), rule.train_rows)
        asked, test = _built(rule, scene, streams.rng("test"), sites)
        runs = row_ids(streams.rng("runs"), rule.train_rows)
        names = row_ids(streams.rng("sites"), sites, prefix=scene.site_prefix)
        ids = row_ids(streams.rng("ids"), sites * cells, prefix=scene.id_prefix)
        log = _log(rule, scene, streams.child("log"), runs, train)
        texts = processes(names, test)
        order = streams.rng("order").permutation(sites * cells)
        site, place = order // cells, order % cells
        group = [names[int(i)] for i in site]
        seen: dict[str, Any] = {scene.site: group}
        seen |= {name: [column[int(i)] for i in site] for name, column in asked.items()}
        seen |= {scene.x: place // side, scene.y: place % side}
        answers = np.array([texts[int(i)] for i in order], dtype=object)
        best = get_metric(MetricSpec(name=rule.metric, params=_params(scene))).perfect(answers)
        material = row_material(
            Rows(runs, {}, sheets),
            Rows(ids, {scene.action: answers}, seen, groups=(self.group_column, group)),
            sample={scene.action: scene.actions[1]},
            best={scene.action: best},
            ladder=control_ladder(
                names={
                    "ID": scene.id_column,
                    "SITE": scene.site,
                    "X": scene.x,
                    "Y": scene.y,
                    "ACTION": scene.action,
                    "REWARD": scene.reward,
                },
                actions=scene.actions,
                sheet=[field.name for field in scene.fields],
                side=side,
                discount=DISCOUNT,
            ),
            words=_words(rule, scene, log),
            rng=streams.rng("split"),
        )
        # a training sample is a run, and no row of a table
        runs_csv = material.public["train.csv"].replace(scene.id_column.encode(), b"run", 1)
        return replace(material, public={**material.public, "train.csv": runs_csv})

    def targets(self, rule: ControlRule, scene: ControlScene) -> tuple[Column, ...]:
        """Ask for one setting per plant and cell."""
        return (Column(name=scene.action, kind="string", max_length=CELL),)

    def metric_params(
        self, rule: ControlRule, scene: ControlScene, material: Material
    ) -> dict[str, Any]:
        """Name the settings, and how much later scores count."""
        return _params(scene)


def _params(scene: ControlScene) -> dict[str, Any]:
    return {"actions": list(scene.actions), "discount": DISCOUNT}


def _built(
    rule: ControlRule, scene: ControlScene, rng: np.random.Generator, count: int
) -> tuple[dict[str, list[str | None]], Plants]:
    """Draw plants; return their data sheets by column, and what they do."""
    z = rounded(np.clip(rng.standard_normal((count, SHEET)), -2.0, 2.0))
    sheet: dict[str, list[str | None]] = {field.name: [] for field in scene.fields}
    for latent, index in enumerate(rule.order):
        field = scene.fields[index]
        sheet[field.name] = col.as_cells(col.render(field, z[:, latent]), decimals=field.decimals)
    return sheet, plants(rule.dynamics, z)


def _log(
    rule: ControlRule, scene: ControlScene, streams: Streams, runs: list[str], known: Plants
) -> bytes:
    """Let people run the plants: mostly habit, now and then another setting."""
    count, cells = known.landing.shape[:2]
    place = streams.rng("start").integers(0, cells, count)
    habit = streams.rng("habit").integers(0, 3, (count, cells))
    luck = streams.rng("luck").random((STEPS, count))
    other = streams.rng("other").integers(0, 3, (STEPS, count))
    follow = streams.rng("follow").random((STEPS, count)) < 0.5
    noise = rounded(rule.slack * streams.rng("noise").standard_normal((STEPS, count)))
    plant = np.arange(count)
    places, acts, scores = [], [], []
    for step in range(STEPS):
        action = np.where(follow[step], habit[plant, place], other[step])
        law = np.round(known.chance[plant, place, action].cumsum(axis=1), 9)
        landed = np.minimum((luck[step][:, None] >= law).sum(axis=1), cells - 1)
        places.append(place)
        acts.append(action)
        scores.append(known.landing[plant, landed, action] + noise[step])
        place = landed
    score = np.stack(scores, axis=1)
    if rule.late:
        score = np.hstack([np.full((count, 1), np.nan), score[:, :-1]])
    kept = (streams.rng("gaps").random((count, STEPS)) >= rule.gaps).ravel()
    where, act = np.stack(places, axis=1).ravel(), np.stack(acts, axis=1).ravel()
    columns: dict[str, Any] = {
        "run": np.repeat(runs, STEPS),
        "step": np.tile(np.arange(1, STEPS + 1), count),
        scene.x: where // rule.dynamics.side,
        scene.y: where % rule.dynamics.side,
        scene.action: np.array(scene.actions)[act],
        scene.reward: np.array(col.as_cells(rounded(score).ravel(), decimals=2), dtype=object),
    }
    return csv_bytes({name: np.asarray(column)[kept] for name, column in columns.items()})


def _words(rule: ControlRule, scene: ControlScene, log: bytes) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    top = rule.dynamics.side - 1
    listed = ", ".join(f"`{name}`" for name in scene.actions)
    noun = scene.site.replace("_", " ")
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"one line per run in the log, with the data sheet of the {noun} that was run",
        test=f"the empty tables: for each {noun} every pair of readings, with the data sheet",
        sample=f"a valid submission that says `{scene.actions[1]}` everywhere",
        columns=(
            Note(
                "run",
                f"number of a run in `train.csv` and `log.csv`; every run is of another {noun}",
            ),
            *(Note(field.name, texts[field.name]) for field in scene.fields),
            Note(scene.site, f"the {noun} that a row of `test.csv` is for"),
            Note("step", "in `log.csv`: step of the run"),
            Note(scene.x, f"{scene.x_text}, 0 to {top}; in `log.csv` before the step"),
            Note(scene.y, f"{scene.y_text}, 0 to {top}; in `log.csv` before the step"),
            Note(scene.reward, f"in `log.csv`: {scene.reward_text}; more is better"),
            Note(
                scene.action,
                f"{scene.action_text}: one of {listed}; in `log.csv` the one that was chosen, in a "
                "submission the one for this pair of readings. Your table is followed from every "
                f"pair of readings on, and the expected scores are added up, each step counting "
                f"{DISCOUNT:g} times the one before; every {noun} is a group and counts alike",
            ),
        ),
        files=(Note("log.csv", f"runs of up to {STEPS} steps each"),),
        attached={"log.csv": log},
    )


FAMILIES.register(RlControl.name)(RlControl())
