"""Regression where test rows come from other conditions, with wild training targets.

Hidden rule: value = additive terms + slopes that change along the columns whose distribution moves;
a fine sensor saturates where a rough one does not, and a column gives training targets away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_shift import shift_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import CLIPPED, OUTLIERS, SHIFTED_TEST, TRAIN_ONLY_LEAK
from sandmle.authors.toolkit.domains import Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

SHIFT_SPREAD = 0.8
"""Spread of a moving column within each file; its spread is 1 where nothing moves."""

Floats = NDArray[np.float64]


class ShiftScene(Scene):
    """A domain in which conditions have changed."""

    rows: str
    quantity: Field
    """The target."""
    exported: tuple[str, str]
    """What training and test rows are."""
    fields: tuple[Field, ...]
    sensors: tuple[Field, Field]
    """A fine and a rough reading of one quantity."""
    afterthought: Field
    """Filled in up to the export, when the outcome of training rows was known."""


class ShiftRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    """Over the latents of the fields, then the one behind both sensors."""
    shift: tuple[float, ...]
    """How far each latent's mean lies below zero in training and above it in test."""
    centre: float
    scale: float
    noise_sd: float
    outlier_share: float
    rough_sd: float
    clip_at: float | None
    """Latent value at which the fine sensor saturates."""
    leak_sd: float | None
    """Noise of the giveaway in training, in units of the target's spread."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    flat: tuple[int, ...]
    """Latents that are spread evenly."""
    side: SideTable


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, measured and expected values."""

    table: dict[str, Any]
    value: Floats
    expected: Floats


class TabularShift(Family):
    """Predict a quantity where conditions are not those of the training rows."""

    name = "tabular/shift-v1"
    modality = "tabular"
    task_type = "regression"
    summary = "A quantity under covariate shift: slopes change on the way, wild training targets."
    metrics = ("mae", "rmse")
    seeds = {
        "smartphone-decimeter-2022": "raw signals and positions; other cities stay",
        "ventilator-pressure-prediction": "time within a breath; each breath becomes one row",
        "predict-volcanic-eruptions-ingv-oe": "the waveforms; what is summed up of them stays",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, rule and defects."""
        rng = streams.rng("rule")
        clothes = wardrobe_of("shift", ShiftScene)
        scene = clothes.draw(rng)
        rule = _draw_rule(rng, scene, difficulty, metric=self.choose_metric(dna, rng))
        trap = Trap(column=scene.afterthought.name, why="follows the outcome in training alone")
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=(*grammar(rule.terms), "local_slopes"),
                defects=(SHIFTED_TEST, OUTLIERS, CLIPPED, TRAIN_ONLY_LEAK)[: 2 + difficulty],
                skills=("interactions", "extrapolation"),
                traps=(trap,) if rule.leak_sd is not None else (),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw rows of both conditions, spoil them, and write files, ladder and oracle."""
        rule = ShiftRule.model_validate(design.rule)
        scene = wardrobe_of("shift", ShiftScene).get(rule.skin)
        target = scene.quantity.name
        train = _draw_rows(rule, scene, streams.child("train"), rule.train_rows, side=-1.0)
        test = _draw_rows(rule, scene, streams.child("test"), rule.test_rows, side=1.0)
        wild = _with_wild_values(rule, scene, streams.rng("wild"), train.value)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        typical = float(np.round(np.median(wild), scene.quantity.decimals))
        return row_material(
            Rows(ids[: rule.train_rows], {target: wild}, train.table),
            Rows(ids[rule.train_rows :], {target: test.value}, test.table),
            sample={target: typical},
            best={target: test.expected},
            ladder=shift_ladder(scene, leak=rule.leak_sd is not None, side=rule.side.names),
            words=Words(
                id_column=scene.id_column,
                id_text=scene.id_text,
                train=scene.exported[0],
                test=f"{scene.exported[1]}; their `{target}` was checked afterwards",
                sample="a valid submission with one value everywhere",
                columns=_notes(rule, scene),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score the quantity."""
        scene = wardrobe_of("shift", ShiftScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.quantity.name, kind="number"),),
                rows=material.test_rows,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, scene: ShiftScene, difficulty: int, *, metric: str
) -> ShiftRule:
    count = len(scene.fields) + 1
    loadings = col.draw_bundle(rng, count)
    flat = col.draw_flat(rng, count)
    moving = [int(i) for i in rng.permutation(count - 1)[: 1 + difficulty // 2]]
    terms = _draw_terms(rng, count, moving, difficulty)
    shift = [0.0] * count
    for place in moving:
        shift[place] = round(float(rng.uniform(0.65, 0.8)), 5)
    known = total(terms, _moved(col.probe(loadings, flat=flat), np.array(shift), side=1.0))
    names = [field.name for field in (*scene.fields, *scene.sensors)]
    if difficulty >= 2:
        names.append(scene.afterthought.name)
    side = draw_side(
        rng,
        scene.domain,
        taken=[*names, scene.quantity.name, scene.afterthought.name],
        latents=count,
    )
    names += side.names
    return ShiftRule(
        skin=scene.key,
        metric=metric,
        train_rows=int(rng.integers(180, 201)),
        test_rows=1_000,
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        terms=terms,
        shift=tuple(shift),
        centre=round(float(np.median(known)), 5),
        scale=round(float(1.0 / np.std(known)), 5),
        noise_sd=round(float(rng.uniform(0.18, 0.25)), 5),
        outlier_share=round(float(rng.uniform(0.07, 0.11)), 5),
        rough_sd=round(float(rng.uniform(0.3, 0.4)), 5),
        clip_at=round(float(rng.uniform(0.5, 0.7)), 5) if difficulty >= 1 else None,
        leak_sd=round(float(rng.uniform(0.35, 0.5)), 5) if difficulty >= 2 else None,
        writing=col.draw_writing(rng, (*scene.fields, *scene.sensors, scene.afterthought)),
        flat=flat,
        side=side,
    )


def _draw_terms(
    rng: np.random.Generator, count: int, moving: list[int], difficulty: int
) -> tuple[Term, ...]:
    """Draw a steady effect of each latent, and slopes that change along the moving ones.

    A steady slope has the sign of its change: where nothing moves yet, it is nearly flat.
    """
    still = [i for i in range(count) if i not in moving]
    steady = dict(zip(still, weights(rng, len(still), low=0.3, high=0.5), strict=True))
    steady.update(zip(moving, weights(rng, len(moving), low=0.1, high=0.15), strict=True))
    terms = [Term(kind="linear", of=(i,), weight=steady[i]) for i in range(count)]
    changed = [int(i) for i in rng.permutation(still[:-1])][: 2 + min(difficulty, 1)]
    for place, other in enumerate(changed):
        size = float(rng.uniform(0.42, 0.52)) * np.sign(steady[other])
        along = moving[place % len(moving)]
        terms.append(Term(kind="product", of=(along, other), weight=round(float(size), 5)))
    return tuple(terms)


def _moved(z: Floats, shift: Floats, *, side: float) -> Floats:
    """Move the latents that differ between the files to one side, shape (n, k)."""
    moves = shift > 0
    return rounded(np.where(moves, SHIFT_SPREAD * z + side * shift, z))


def _draw_rows(
    rule: ShiftRule, scene: ShiftScene, streams: Streams, rows: int, *, side: float
) -> _Rows:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings, flat=rule.flat)
    z = _moved(z, np.array(rule.shift), side=side)
    known = rounded(rule.scale * (total(rule.terms, z) - rule.centre))
    noise = rule.noise_sd * streams.rng("noise").standard_normal(rows)
    plain = (*scene.fields, *scene.sensors, scene.afterthought)
    *fields, fine, rough, afterthought = col.as_written(plain, rule.writing).values()
    table: dict[str, Any] = {
        field.name: _cells(field, z[:, place]) for place, field in enumerate(fields)
    }
    table |= rule.side.cells(streams.child("side"), z)
    seen = z[:, -1] if rule.clip_at is None else np.minimum(z[:, -1], rule.clip_at)
    table[fine.name] = _cells(fine, seen)
    unsure = z[:, -1] + rule.rough_sd * streams.rng("rough").standard_normal(rows)
    table[rough.name] = _cells(rough, rounded(unsure / np.sqrt(1 + rule.rough_sd**2)))
    if rule.leak_sd is not None:
        hint = known + noise + rule.leak_sd * streams.rng("hint").standard_normal(rows)
        if side > 0:
            hint = streams.rng("other").permutation(hint)
        table[afterthought.name] = _cells(afterthought, rounded(hint))
    return _Rows(
        table={name: table[name] for name in rule.order},
        value=_in_units(scene, known + noise),
        expected=rounded(scene.quantity.centre + scene.quantity.spread * known),
    )


def _in_units(scene: ShiftScene, value: Floats) -> Floats:
    field = scene.quantity
    return np.round(rounded(field.centre + field.spread * value), field.decimals)


def _with_wild_values(
    rule: ShiftRule, scene: ShiftScene, rng: np.random.Generator, value: Floats
) -> Floats:
    """Replace some values by ones that lie far away, mostly on one side."""
    wrong = defects.missing_at_random(rng, len(value), share=rule.outlier_share)
    far = rng.uniform(3.5, 6.5, size=len(value)) * np.where(rng.random(len(value)) < 0.8, 1, -1)
    return np.where(wrong, _in_units(scene, far), value)


def _cells(field: Field, latent: Floats) -> list[str | None]:
    return col.as_cells(col.render(field, latent), decimals=field.decimals)


def _notes(rule: ShiftRule, scene: ShiftScene) -> tuple[Note, ...]:
    plain = (*scene.fields, *scene.sensors, scene.afterthought)
    texts = {name: field.text for name, field in col.as_written(plain, rule.writing).items()}
    texts |= rule.side.texts
    target = scene.quantity
    return (
        *(Note(name, texts[name]) for name in rule.order),
        Note(target.name, f"the target: {target.text}; only in `train.csv`"),
    )


FAMILIES.register(TabularShift.name)(TabularShift())
