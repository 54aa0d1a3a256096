"""Binary classification under ROC AUC on groups that training never saw, with a train-only leak.

Hidden rule: logit = additive terms + products of latents *within* a group; each group has its own
offset and scale for each column, and a column written after the outcome gives it away in training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_groups import groups_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Field, Place, Skin, wardrobe
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.sidecolumns import SideTable, draw_side
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_GROUPS = 40
TEST_ROWS_PER_GROUP = 70
SENTINEL = -99.0
MISSING = 0.08
"""Share of missing cells in a column that has any."""

GROUP_SCALES = Defect("group_scales", skill="group_scaling")


class GroupsRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    train_groups: int
    train_rows: int
    """Groups have equally many rows; the first ones may have one more."""
    test_groups: int
    test_rows: int
    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    order: tuple[str, ...]
    """Columns in the order of the file."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    slope: float
    """Logit per unit of the summed terms."""
    intercept: float
    offset_sd: float
    """Spread of a group's offsets, in units of the spread within groups."""
    scale_sd: float
    """Spread of the log of a group's scales."""
    drift_sd: float
    """Spread of a group's drift per standard deviation of its clock, in units as above."""
    leak: str
    leak_shift: float
    """How far the outcome moves the leaking latent on training rows."""
    coded: tuple[str, ...]
    """Columns where some cells hold a sentinel code."""
    numbered: bool
    """Whether groups are told by bare numbers."""
    categories: tuple[str, ...]
    """Columns of labels, which say nothing."""
    writing: dict[str, col.Writing]
    """How finely numeric columns are written: see `columns.draw_writing`."""
    flat: tuple[int, ...]
    """Latents that are spread evenly."""
    side: SideTable


@dataclass(frozen=True)
class _Rows:
    """Rows of one role: the columns of the file, the labels and their true chances."""

    table: dict[str, Any]
    label: NDArray[np.int64]
    chance: NDArray[np.float64]


class TabularGroups(Family):
    """Predict a yes or no at sites that no training row comes from."""

    name = "tabular/groups-v2"
    modality = "tabular"
    task_type = "binary_classification"
    summary = "ROC AUC on unseen groups with offsets and scales; one column leaks in training."
    metrics = ("roc_auc",)
    seeds = {
        "spaceship-titanic": "passenger groups become sites that training never saw",
        "playground-series-s3e18": "the second target; molecular descriptors become readings",
        "rsna-breast-cancer-detection": "the mammograms; hospitals and machines stay as groups",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose skin, rule, defects and the leaking column."""
        rng = streams.rng("rule")
        clothes = wardrobe("groups")
        skin = clothes.draw(rng)
        rule = _draw_rule(rng, skin, difficulty)
        return self.tell(
            clothes,
            skin,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def resized(self, design: Design, *, train: float = 1.0, test: float = 1.0) -> Design:
        """Return the same rule with more or fewer groups of the same size.

        Args:
            design: A design of this family.
            train: Training groups for each one.
            test: Test groups for each one.
        """
        larger = super().resized(design, train=train, test=test)
        groups = {
            "train_groups": round(design.rule["train_groups"] * train),
            "test_groups": round(design.rule["test_groups"] * test),
        }
        return replace(larger, rule={**larger.rule, **groups})

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw groups and rows, spoil them, and write files, answers, ladder and oracle."""
        rule = GroupsRule.model_validate(design.rule)
        skin = wardrobe("groups").get(rule.skin)
        place = _place(skin)
        order = streams.rng("roles").permutation(rule.train_groups + rule.test_groups)
        prefix = "" if rule.numbered else place.prefix
        codes = [f"{prefix}{101 + int(number)}" for number in order]
        known, asked = codes[: rule.train_groups], codes[rule.train_groups :]
        train = _draw_rows(rule, skin, streams.child("train"), known, leaking=True)
        test = _draw_rows(rule, skin, streams.child("test"), asked, leaking=False)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=skin.id_prefix)
        groups = (place.name, test.table[place.name])
        return row_material(
            Rows(ids[: rule.train_rows], {skin.target: train.label}, train.table),
            Rows(ids[rule.train_rows :], {skin.target: test.label}, test.table, groups),
            sample={skin.target: 0.5},
            best={skin.target: test.chance},
            ladder=groups_ladder(skin, leak=rule.leak),
            words=Words(
                id_column=skin.id_column,
                id_text=skin.id_text,
                train=skin.exported[0],
                test=skin.exported[1],
                sample="a valid submission that gives every row one half",
                columns=_column_notes(rule, skin),
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score by ROC AUC; submissions are chances."""
        skin = wardrobe("groups").get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name="roc_auc"),
            submission=SubmissionSchema(
                id_column=skin.id_column,
                targets=(Column(name=skin.target, kind="number", low=0.0, high=1.0),),
                rows=material.test_rows,
                group_column=_place(skin).name,
            ),
        )


def _profile(rule: GroupsRule) -> Profile:
    found = [defects.TRAIN_ONLY_LEAK, defects.UNSEEN_GROUPS, defects.GROUP_OFFSETS]
    found += [GROUP_SCALES, defects.SENTINEL_CODES] if rule.scale_sd else []
    found += [defects.DRIFT] if rule.drift_sd else []
    return Profile(
        grammar=(*grammar(rule.terms), "group_offset"),
        defects=tuple(found),
        skills=("interactions",),
        traps=(Trap(column=rule.leak, why="written after the outcome on training rows only"),),
    )


def _place(skin: Skin) -> Place:
    if skin.place is None:
        raise ValueError(f"skin {skin.key!r} has no place; rows of this family belong to groups")
    return skin.place


def _draw_rule(rng: np.random.Generator, skin: Skin, difficulty: int) -> GroupsRule:
    count = 6
    picked = sorted(rng.choice(len(skin.fields), size=count, replace=False))
    fields = tuple(skin.fields[int(index)].name for index in picked)
    loadings = col.draw_bundle(rng, count)
    flat = col.draw_flat(rng, count)
    terms = _draw_terms(rng, count, difficulty)
    leak = skin.afterthoughts[int(rng.integers(len(skin.afterthoughts)))].name
    probe = total(terms, col.probe(loadings, flat=flat))
    place = _place(skin)
    categories = tuple(c.name for c in skin.categories if rng.random() < 0.5)
    names = [*fields, leak, place.name, place.clock.name, *categories]
    side = draw_side(rng, skin.domain, taken=[*names, skin.target], latents=count)
    names += side.names
    slope = rng.uniform(2.6, 3.2) / np.std(probe)
    groups = int(rng.integers(8, 11))
    return GroupsRule(
        skin=skin.key,
        train_groups=groups,
        train_rows=int(rng.integers(176, 201)) // groups * groups,
        test_groups=TEST_GROUPS,
        test_rows=TEST_GROUPS * TEST_ROWS_PER_GROUP,
        fields=fields,
        order=tuple(names[int(i)] for i in rng.permutation(len(names))),
        loadings=tuple(tuple(row) for row in loadings),
        terms=terms,
        slope=round(float(slope), 5),
        intercept=round(float(-slope * np.median(probe) - rng.uniform(0.0, 0.8)), 5),
        offset_sd=round(float(rng.uniform(1.3, 1.8)), 5),
        scale_sd=0.45 if difficulty >= 1 else 0.0,
        drift_sd=0.9 if difficulty >= 2 else 0.0,
        leak=leak,
        leak_shift=round(float(rng.uniform(1.0, 1.3)), 5),
        coded=tuple(sorted(fields[int(i)] for i in rng.permutation(count)[:2]))
        if difficulty >= 1
        else (),
        numbered=bool(rng.random() < 0.5),
        categories=categories,
        writing=col.draw_writing(
            rng, [*(skin.fields[int(i)] for i in picked), place.clock], reach=6.0
        ),
        flat=flat,
        side=side,
    )


def _draw_terms(rng: np.random.Generator, count: int, difficulty: int) -> tuple[Term, ...]:
    """Draw linear effects of all but one latent, and products that take over with difficulty."""
    places = [int(i) for i in rng.permutation(count)]
    linear = weights(rng, count - 1, low=0.3, high=0.7)
    terms = [Term(kind="linear", of=(i,), weight=w) for i, w in zip(places, linear, strict=False)]
    pairs = [(places[0], places[1]), (places[2], places[3]), (places[4], places[5])]
    size = (0.8, 0.9, 1.0)[difficulty] / np.sqrt(1 + difficulty)
    products = weights(rng, 1 + difficulty, low=size, high=size)
    terms += [
        Term(kind="product", of=p, weight=w)
        for p, w in zip(pairs[: 1 + difficulty], products, strict=True)
    ]
    return tuple(terms)


def _draw_rows(
    rule: GroupsRule, skin: Skin, streams: Streams, names: list[str], *, leaking: bool
) -> _Rows:
    rows = rule.train_rows if leaking else rule.test_rows
    group = streams.rng("order").permutation(np.arange(rows) % len(names))
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings, flat=rule.flat)
    clock = rounded(np.clip(streams.rng("clock").standard_normal(rows), -2.5, 2.5))
    chance = rounded(1.0 / (1.0 + np.exp(-(rule.intercept + rule.slope * total(rule.terms, z)))))
    label = (streams.rng("outcomes").random(rows) < chance).astype(np.int64)
    seen = _as_sites_see_it(rule, streams.rng("sites"), z, group, clock)
    place = _place(skin)
    table: dict[str, Any] = {
        place.name: [names[int(code)] for code in group],
    }
    for category in skin.categories:
        if category.name not in rule.categories:
            continue
        code = streams.rng("labels", category.name).integers(0, len(category.values), size=rows)
        table[category.name] = [category.values[int(value)] for value in code]
    by_name = col.as_written((*skin.fields, *skin.afterthoughts, place.clock), rule.writing)
    table[place.clock.name] = _cells(by_name[place.clock.name], clock)
    # what side columns lean on is as the site sees it: they must not undo its offsets
    table |= rule.side.cells(
        streams.child("side"), rounded(seen / np.sqrt(1.0 + rule.offset_sd**2))
    )
    for index, name in enumerate(rule.fields):
        values = col.render(by_name[name], seen[:, index])
        if name in rule.coded:
            gone = defects.missing_at_random(streams.rng("missing", name), rows, share=MISSING)
            values = defects.blanked(values, gone, code=SENTINEL)
        table[name] = col.as_cells(values, decimals=by_name[name].decimals)
    table[rule.leak] = _cells(
        by_name[rule.leak], _leak(rule, streams.rng("leak"), label, leaking=leaking)
    )
    return _Rows({name: table[name] for name in rule.order}, label, chance)


def _as_sites_see_it(
    rule: GroupsRule,
    rng: np.random.Generator,
    z: NDArray[np.float64],
    group: NDArray[np.int64],
    clock: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Apply each group's offset, scale and drift to the latents, shape (n, k)."""
    shape = (int(group.max()) + 1, z.shape[1])
    # sites differ in the same way as rows do: what goes together within goes together between them
    offset = rule.offset_sd * col.latents(rng, shape[0], loadings=rule.loadings)
    scale = np.exp(rule.scale_sd * np.clip(rng.standard_normal(shape), -2.0, 2.0))
    drift = rule.drift_sd * rng.standard_normal(shape)
    moved = scale[group] * (z + drift[group] * clock[:, None]) + offset[group]
    return rounded(moved)


def _leak(
    rule: GroupsRule, rng: np.random.Generator, label: NDArray[np.int64], *, leaking: bool
) -> NDArray[np.float64]:
    """Let the outcome move the column in training; elsewhere an unrelated outcome does.

    So its distribution is the same in both files, and only its meaning is lost.
    """
    outcome = label if leaking else rng.permutation(label)
    return rounded(rule.leak_shift * (2.0 * outcome - 1.0) + rng.standard_normal(len(label)))


def _cells(field: Field, latent: NDArray[np.float64]) -> list[Any]:
    return col.as_cells(col.render(field, latent), decimals=field.decimals)


def _column_notes(rule: GroupsRule, skin: Skin) -> tuple[Note, ...]:
    place = _place(skin)
    plain = (*skin.fields, *skin.afterthoughts, place.clock)
    texts = {name: field.text for name, field in col.as_written(plain, rule.writing).items()}
    texts |= rule.side.texts
    for name in rule.coded:
        texts[name] += f"; {SENTINEL:g} where it is missing"
    texts.update({category.name: category.text for category in skin.categories})
    texts[place.name] = f"{place.text}; none is in both files"
    return (
        *(Note(name, texts[name]) for name in rule.order),
        Note(skin.target, f"the target: {skin.target_text}; only in `train.csv`"),
    )


FAMILIES.register(TabularGroups.name)(TabularGroups())
