"""Regression on a table, a small picture and a note, each of which tells a part of the number.

Hidden rule: y = weighted columns + label effect + spots in the picture + words of the note, where
"not" turns words around; on the highest level the picture also changes what the note is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.multimodal_listing import listing_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit import defects, sketches, textures
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.authors.toolkit.domains import Category, Field
from sandmle.authors.toolkit.notes import NEGATION, NEGATION_SCOPE, Notes, Vocabulary, draw_notes
from sandmle.authors.toolkit.pictures import Container, Packed, draw_container, pack
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.terms import weights
from sandmle.authors.toolkit.traits import side
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

TEST_ROWS = 500
SIDES = (22, 24, 26)
MOST_SPOTS = 8
SENTENCES = ((2, 2), (1, 3), (3, 1), (3, 2), (2, 3))
"""How many words the sentences of a note have."""
PROBE_ROWS = 2_000
SHARES = {"table": 0.5, "picture": 0.6, "note": 0.62}
"""Standard deviations of the three parts; the fourth, if any, is `CROSSED`."""
CROSSED = 0.5


class ListingScene(Scene):
    """Something that has figures, a picture with spots, and a note."""

    rows: str
    """What the samples are, as a plural."""
    target: str
    target_text: str
    centre: float
    spread: float
    decimals: int
    picture: str
    """What one picture is called and shows, as a noun."""
    note: str
    """Column of the texts."""
    note_text: str
    openers: tuple[str, ...]
    good: tuple[str, ...]
    bad: tuple[str, ...]
    category: Category
    fields: tuple[Field, ...]


class ListingRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    metric: str
    train_rows: int
    test_rows: int
    side: int
    container: Container
    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    loadings: tuple[tuple[float, ...], ...]
    field_weights: tuple[float, ...]
    label_effects: tuple[float, ...]
    spot_weight: float
    """Per spot over or under the mean number."""
    word_weights: tuple[float, ...]
    """Of good words, then bad ones, where they are affirmed; denied, they count the other way."""
    crossed: float
    """Weight of the picture's part times the note's."""
    noise_sd: float
    gaps: tuple[str, ...]
    """Columns with empty cells."""
    scoped: bool
    """Whether "not" may hold for several words."""
    slope: float
    """Grey levels by which the lighting changes across a picture."""
    scratches: int
    """Strokes across each picture; they are no spots."""


@dataclass(frozen=True)
class _Drawn:
    """Samples of one role."""

    table: dict[str, Any]
    pixels: NDArray[np.uint8]
    y: NDArray[np.float64]
    expected: NDArray[np.float64]


class MultimodalListing(Family):
    """Predict a number from what a table, a picture and a note say about the same thing."""

    name = "multimodal/listing-v1"
    modality = "multimodal"
    task_type = "regression"
    summary = "Add up a table, a count of spots in a picture and a note whose words may be denied."
    metrics = ("rmse", "mae")
    seeds = {
        "petfinder-pawpularity-score": "photographs of pets; a picture is a few spots to count",
        "osic-pulmonary-fibrosis-progression": "the course over weeks; scans become small pictures",
        "h-and-m-personalized-fashion-recommendations": "customers and ranking; one figure an item",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw what each modality is worth, the defects and a domain."""
        clothes = wardrobe_of("listing", ListingScene)
        rng = streams.rng("rule")
        scene = clothes.draw(rng)
        rule = _draw_rule(
            rng,
            scene,
            difficulty,
            metric=self.choose_metric(dna, streams.rng("metric")),
            side=side(dna, SIDES),
            container=draw_container(streams.rng("container")),
        )
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=_profile(rule),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw figures, pictures and notes, and write files, answers, ladder and oracle."""
        rule = ListingRule.model_validate(design.rule)
        scene = wardrobe_of("listing", ListingScene).get(rule.skin)
        rows = rule.train_rows
        train = _draw_rows(rule, scene, streams.child("train"), rows)
        test = _draw_rows(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rows + rule.test_rows, prefix=scene.id_prefix)
        packed = pack(
            train.pixels,
            test.pixels,
            ids=(ids[:rows], ids[rows:]),
            id_column=scene.id_column,
            container=rule.container,
            what=scene.picture,
        )
        return row_material(
            Rows(ids[:rows], {scene.target: train.y}, train.table),
            Rows(ids[rows:], {scene.target: test.y}, test.table),
            sample={scene.target: round(scene.centre, scene.decimals)},
            best={scene.target: test.expected},
            ladder=listing_ladder(
                id_column=scene.id_column,
                target=scene.target,
                note=scene.note,
                loader=packed.loader,
                metric=rule.metric,
            ),
            words=_words(rule, scene, packed),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score by RMSE or MAE."""
        scene = wardrobe_of("listing", ListingScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name=design.rule["metric"]),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="number"),),
                rows=material.test_rows,
            ),
        )


def _profile(rule: ListingRule) -> Profile:
    found = [defects.MISSING_AT_RANDOM, defects.NOISE, NEGATION]
    found += [NEGATION_SCOPE, defects.BACKGROUND] if rule.scoped else []
    found += [defects.CLUTTER] if rule.scratches else []
    crossed = ("interaction",) if rule.crossed else ()
    return Profile(
        grammar=("additive", "label_effect", "count", "signed_words", *crossed),
        defects=tuple(found),
        skills=("object_counting", "late_fusion", *(f"cross_modal_{name}" for name in crossed)),
    )


def _draw_rule(
    rng: np.random.Generator,
    scene: ListingScene,
    difficulty: int,
    *,
    metric: str,
    side: int,
    container: Container,
) -> ListingRule:
    count = 4
    picked = sorted(rng.choice(len(scene.fields), size=count, replace=False))
    fields = tuple(scene.fields[int(index)].name for index in picked)
    loadings = col.draw_loadings(rng, count)
    linear = np.array(weights(rng, count, low=0.4, high=1.0))
    effects = 0.5 * rng.standard_normal(len(scene.category.values))
    table = (col.probe(loadings) * linear).sum(axis=1).var() + effects.var()
    scale = SHARES["table"] / np.sqrt(table)
    share = 0.85 if difficulty == 2 else 1.0
    worth = rng.uniform(0.6, 1.4, size=len(scene.good) + len(scene.bad))
    worth[len(scene.good) :] *= -1.0
    said = _write_notes(rng, scene, PROBE_ROWS, scoped=difficulty > 0).said
    worth *= SHARES["note"] / (said * worth).sum(axis=1).std()
    spots = SHARES["picture"] / np.std(np.arange(1, MOST_SPOTS + 1)) * rng.choice([-1.0, 1.0])
    return ListingRule(
        skin=scene.key,
        metric=metric,
        train_rows=int(rng.integers(17, 21)) * 10,
        test_rows=TEST_ROWS,
        side=side,
        container=container,
        fields=fields,
        loadings=tuple(tuple(row) for row in loadings),
        field_weights=tuple(rounded(share * scale * linear).tolist()),
        label_effects=tuple(rounded(share * scale * effects).tolist()),
        spot_weight=round(float(share * spots), 5),
        word_weights=tuple(rounded(share * worth).tolist()),
        crossed=round(float(CROSSED * rng.choice([-1.0, 1.0])), 5) if difficulty == 2 else 0.0,
        noise_sd=round(float(rng.uniform(0.2, 0.25)), 5),
        gaps=tuple(fields[int(i)] for i in sorted(rng.choice(count, size=2, replace=False))),
        scoped=difficulty > 0,
        slope=60.0 if difficulty > 0 else 0.0,
        scratches=1 if difficulty == 2 else 0,
    )


def _write_notes(
    rng: np.random.Generator, scene: ListingScene, rows: int, *, scoped: bool
) -> Notes:
    """Write notes, most of them mixed."""
    return draw_notes(
        rng,
        rng.uniform(0.15, 0.85, size=rows),
        words=Vocabulary(good=scene.good, bad=scene.bad, openers=scene.openers),
        sentences=SENTENCES,
        negated=0.6,
        scoped=scoped,
    )


def _draw_rows(rule: ListingRule, scene: ListingScene, streams: Streams, rows: int) -> _Drawn:
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    label = streams.rng("labels").integers(0, len(rule.label_effects), size=rows)
    spots = streams.rng("spots").integers(1, MOST_SPOTS + 1, size=rows)
    notes = _write_notes(streams.rng("notes"), scene, rows, scoped=rule.scoped)
    table = (z * np.array(rule.field_weights)).sum(axis=1) + np.array(rule.label_effects)[label]
    picture = rule.spot_weight * (spots - (MOST_SPOTS + 1) / 2)
    note = (notes.said * np.array(rule.word_weights)).sum(axis=1)
    crossed = rule.crossed * picture * note / (SHARES["picture"] * SHARES["note"])
    value = table + picture + note + crossed
    noise = rule.noise_sd * streams.rng("noise").standard_normal(rows)
    columns: dict[str, Any] = {}
    by_name = {field.name: field for field in scene.fields}
    for index, name in enumerate(rule.fields):
        shown = col.render(by_name[name], z[:, index])
        if name in rule.gaps:
            gone = defects.missing_at_random(streams.rng("gaps", name), rows, share=0.1)
            shown = defects.blanked(shown, gone)
        columns[name] = col.as_cells(shown, decimals=by_name[name].decimals)
    columns[scene.category.name] = [scene.category.values[int(code)] for code in label]
    columns[scene.note] = notes.texts
    return _Drawn(
        table=columns,
        pixels=_pictures(rule, streams.child("pictures"), spots),
        y=np.round(rounded(scene.centre + scene.spread * (value + noise)), scene.decimals),
        expected=rounded(scene.centre + scene.spread * value),
    )


def _pictures(rule: ListingRule, streams: Streams, spots: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Draw pictures with so many spots, whose mean brightness tells nothing of their number."""
    rng, rows = streams.rng("spots"), len(spots)
    places = sketches.cells(rng, rows, slots=MOST_SPOTS, side=rule.side, cell=rule.side // 4)
    images = np.zeros((rows, rule.side, rule.side))
    gain = rng.uniform(45.0, 80.0, rows)
    for slot in range(MOST_SPOTS):
        width = rng.uniform(1.0, 1.3, rows) * rule.side / 28
        height = gain * rng.uniform(0.8, 1.2, rows) * (spots > slot)
        images += height[:, None, None] * sketches.dots(rule.side, places[:, slot], width=width)
    rng = streams.rng("nuisance")
    images += sketches.lighting(rng, rows, rule.side, slope=rule.slope, blotch=0.0, grain=11.0)
    if rule.scratches:
        marks = textures.strokes(rng, rows, rule.side, per_image=rule.scratches)
        images += 60.0 * marks
    images -= images.mean(axis=(1, 2), keepdims=True)
    ground = streams.rng("ground").uniform(85.0, 125.0, rows)
    return textures.to_pixels(images + ground[:, None, None])


def _words(rule: ListingRule, scene: ListingScene, packed: Packed) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    texts.update({name: f"{texts[name]}; may be empty" for name in rule.gaps})
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"{scene.rows} with their `{scene.target}`",
        test=f"{scene.rows} whose `{scene.target}` is to be predicted",
        sample="a valid submission with the same number everywhere",
        columns=(
            *(Note(name, texts[name]) for name in rule.fields),
            Note(scene.category.name, scene.category.text),
            Note(scene.note, scene.note_text),
            Note(scene.target, f"the target: {scene.target_text}; only in `train.csv`"),
        ),
        files=packed.notes,
        attached=packed.files,
    )


FAMILIES.register(MultimodalListing.name)(MultimodalListing())
