"""Offline contextual bandit: choose an action for each case from the log of an older rule.

Hidden rule: value = what a case is worth anyhow + what the action adds, where both hold products of
columns; the older rule gave actions by what cases are worth anyhow, so that means mislead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.rl_bandit import bandit_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

CONFOUNDED = Defect("confounded_log", skill="shared_control")
SENTINEL = -99.0
FIELDS = 6
CELL = 200
"""Characters of an answer's cell at most."""

Floats = NDArray[np.float64]


class BanditScene(Scene):
    """A domain in which one of four actions is taken for each case."""

    action: str
    action_text: str
    actions: tuple[str, ...]
    reward: Field
    chance: str
    """Column of the log with the older rule's chance of the action that it took."""
    chance_text: str
    fields: tuple[Field, ...]


class BanditRule(Rule):
    """The hidden rule of one task, with its defects."""

    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    loadings: tuple[tuple[float, ...], ...]
    base: tuple[Term, ...]
    """What a case is worth whatever is done."""
    offsets: tuple[float, ...]
    """What each action adds for every case."""
    effects: tuple[tuple[Term, ...], ...]
    """What else each action adds, by the case."""
    noise: float
    habits: tuple[float, ...]
    """By how much the older rule favours each action per unit of the base."""
    tastes: tuple[Term, ...]
    """One column that the older rule minds, for each action."""
    slips: float
    """Share of rewards that were written with the decimal point one place off."""
    coded: tuple[str, ...]
    """Columns where some cells hold a sentinel code."""


@dataclass(frozen=True)
class _Cases:
    table: dict[str, list[str | None]]
    value: Floats
    """Expected reward of each action in the reward's own unit, shape (n, actions)."""
    chance: Floats
    """Of each action under the older rule, shape (n, actions)."""


class RlBandit(SkinnedFamily[BanditScene, BanditRule]):
    """Choose what pays best for each case."""

    name = "rl/bandit-v1"
    modality = "rl"
    task_type = "offline_rl"
    summary = "Pick one of four actions per case from a confounded log; scored by true mean regret."
    metrics = ("regret",)
    skins = "bandit"
    scene_type = BanditScene
    rule_type = BanditRule
    seeds = {
        "h-and-m-personalized-fashion-recommendations": "the catalogue of articles and the photos",
        "lmsys-chatbot-arena": "prompts and replies as texts; a prompt is six readings",
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: BanditScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> BanditRule:
        """Choose scene, value of actions, the older rule, and defects."""
        count = len(scene.actions)
        picked = [int(i) for i in rng.permutation(len(scene.fields))[:FIELDS]]
        loadings = col.draw_loadings(rng, FIELDS)
        base = _draw_base(rng)
        z = col.probe(loadings)
        probe = total(base, z)
        scaled = tuple(
            term.model_copy(update={"weight": round(term.weight / float(probe.std()), 5)})
            for term in base
        )
        order = rng.permutation(np.linspace(-1.0, 1.0, count))
        effects = _draw_effects(rng, count, rng.permutation(FIELDS), difficulty)
        # products of dependent columns have means, which would make one action best nearly always
        offsets = [
            round(offset - float(total(effect, z).mean()), 5)
            for offset, effect in zip(_balanced(rng, count, size=0.1), effects, strict=True)
        ]
        return BanditRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(180, 201)),
            test_rows=3_000,
            fields=tuple(scene.fields[i].name for i in picked),
            loadings=tuple(tuple(row) for row in loadings),
            base=scaled,
            offsets=tuple(offsets),
            effects=effects,
            noise=round(float(rng.uniform(0.4, 0.5)), 5),
            habits=tuple(round(float(value) * 1.3, 5) for value in order),
            tastes=tuple(
                Term(kind="linear", of=(int(rng.integers(FIELDS)),), weight=w)
                for w in weights(rng, count, low=0.2, high=0.5)
            ),
            slips=(0.0, 0.035, 0.035)[difficulty],
            coded=tuple(scene.fields[i].name for i in picked[:2]) if difficulty == 2 else (),
        )

    def profile(self, rule: BanditRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        found = (CONFOUNDED, defects.OUTLIERS, defects.SENTINEL_CODES)[: difficulty + 1]
        terms = [*rule.base, *(term for effect in rule.effects for term in effect)]
        return Profile(
            grammar=grammar(terms),
            defects=found,
            skills=("effect_heterogeneity", "interactions", "shrinkage"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw cases, let the older rule act on the training ones, and write the files."""
        rule, scene = self.worn(design)
        train = _cases(rule, scene, streams.child("train"), rule.train_rows)
        test = _cases(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        cells = [" ".join(f"{value:.4f}" for value in row) for row in test.value]
        best = [scene.actions[int(i)] for i in test.value.argmax(axis=1)]
        return row_material(
            Rows(ids[: rule.train_rows], *_logged(rule, scene, streams, train)),
            Rows(ids[rule.train_rows :], {scene.action: cells}, test.table),
            sample={scene.action: _in_turn(scene, rule.test_rows)},
            best={scene.action: best},
            ladder=bandit_ladder(
                id_column=scene.id_column, action=scene.action, reward=scene.reward.name
            ),
            words=_words(rule, scene),
            rng=streams.rng("split"),
        )

    def targets(self, rule: BanditRule, scene: BanditScene) -> tuple[Column, ...]:
        """Ask for one action per case."""
        return (Column(name=scene.action, kind="string", max_length=CELL),)

    def metric_params(
        self, rule: BanditRule, scene: BanditScene, material: Material
    ) -> dict[str, Any]:
        """Name the actions."""
        return {"actions": list(scene.actions)}


def _draw_base(rng: np.random.Generator) -> tuple[Term, ...]:
    places = [int(i) for i in rng.permutation(FIELDS)]
    linear = weights(rng, 3, low=0.4, high=0.8)
    bends = weights(rng, 2, low=0.4, high=0.6)
    terms = [Term(kind="linear", of=(i,), weight=w) for i, w in zip(places, linear, strict=False)]
    terms.append(Term(kind="square", of=(places[3],), weight=bends[0]))
    terms.append(Term(kind="product", of=(places[0], places[4]), weight=bends[1]))
    return tuple(terms)


def _draw_effects(
    rng: np.random.Generator, count: int, places: NDArray[np.int64], difficulty: int
) -> tuple[tuple[Term, ...], ...]:
    """Draw for each action one or two linear parts, and products whose number grows."""
    kinds: list[tuple[str, tuple[int, ...], float]] = [
        ("linear", (int(places[2]),), 0.4),
        ("product", (int(places[0]), int(places[1])), 0.6),
    ]
    if difficulty >= 1:
        kinds.append(("linear", (int(places[3]),), 0.35))
    if difficulty >= 2:
        kinds.append(("product", (int(places[3]), int(places[4])), 0.5))
    parts = [_balanced(rng, count, size=size) for _, _, size in kinds]
    return tuple(
        tuple(
            Term.model_validate({"kind": kind, "of": of, "weight": part[action]})
            for (kind, of, _), part in zip(kinds, parts, strict=True)
        )
        for action in range(count)
    )


def _balanced(rng: np.random.Generator, count: int, *, size: float) -> tuple[float, ...]:
    """Draw weights of sum zero, spread evenly and dealt out at random."""
    raw = np.linspace(-1.0, 1.0, count) + rng.uniform(-0.2, 0.2, count)
    raw = rng.permutation(raw - raw.mean())
    return tuple(round(float(value), 5) for value in size * raw / raw.std())


def _cases(rule: BanditRule, scene: BanditScene, streams: Streams, rows: int) -> _Cases:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    base = total(rule.base, z)
    added = [
        offset + total(terms, z) for offset, terms in zip(rule.offsets, rule.effects, strict=True)
    ]
    value = rounded(np.stack([base + effect for effect in added], axis=1))
    wish = [
        habit * base + taste.value(z) for habit, taste in zip(rule.habits, rule.tastes, strict=True)
    ]
    chance = np.exp(np.clip(np.stack(wish, axis=1), -2.0, 2.0))
    chance = np.round(rounded(chance / chance.sum(axis=1, keepdims=True)), 4)
    by_name = {field.name: field for field in scene.fields}
    table: dict[str, list[str | None]] = {}
    for index, name in enumerate(rule.fields):
        values = col.render(by_name[name], z[:, index])
        if name in rule.coded:
            gone = defects.missing_at_random(streams.rng("missing", name), rows, share=0.08)
            values = defects.blanked(values, gone, code=SENTINEL)
        table[name] = col.as_cells(values, decimals=by_name[name].decimals)
    unit = scene.reward.centre + scene.reward.spread * value
    return _Cases(table, np.round(rounded(unit), 4), chance)


def _logged(
    rule: BanditRule, scene: BanditScene, streams: Streams, cases: _Cases
) -> tuple[dict[str, list[str]], dict[str, list[str | None]]]:
    """Let the older rule act; return the actions taken, and all else that the log holds."""
    rows = np.arange(len(cases.chance))
    edges = cases.chance.cumsum(axis=1)
    draw = streams.rng("actions").random(len(rows)) * edges[:, -1]
    taken = (draw[:, None] >= edges[:, :-1]).sum(axis=1)
    noise = streams.rng("noise").standard_normal(len(rows))
    reward = cases.value[rows, taken] + rule.noise * scene.reward.spread * noise
    slipped = streams.rng("slips").random(len(rows)) < rule.slips
    reward = np.where(slipped, 10.0 * reward, reward)
    seen = {
        **cases.table,
        scene.chance: col.as_cells(cases.chance[rows, taken], decimals=4),
        scene.reward.name: col.as_cells(
            np.round(rounded(reward), scene.reward.decimals), decimals=scene.reward.decimals
        ),
    }
    return {scene.action: [scene.actions[int(i)] for i in taken]}, seen


def _in_turn(scene: BanditScene, rows: int) -> list[str]:
    return [scene.actions[row % len(scene.actions)] for row in range(rows)]


def _words(rule: BanditRule, scene: BanditScene) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    for name in rule.coded:
        texts[name] += f"; {SENTINEL:g} where it is missing"
    listed = ", ".join(f"`{name}`" for name in scene.actions)
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train="the log: past cases, the action that was taken, and what came of it",
        test="new cases, for each of which you choose one action",
        sample="a valid submission that takes the actions in turn",
        columns=(
            *(Note(name, texts[name]) for name in rule.fields),
            Note(scene.chance, f"{scene.chance_text}; only in `train.csv`"),
            Note(scene.reward.name, f"{scene.reward.text}; more is better; only in `train.csv`"),
            Note(
                scene.action,
                f"{scene.action_text}: one of {listed}; in `train.csv` the one that was taken, in "
                "a submission the one that you choose",
            ),
        ),
    )


FAMILIES.register(RlBandit.name)(RlBandit())
