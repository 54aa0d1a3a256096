"""Small grey pictures of individuals that differ by their spots: who is it?

Hidden rule: each individual is a constellation of spots, seen shifted, turned and in changing
light. In training, light goes with the individual, for its pictures are from one occasion.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.image_retrieval import retrieval_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects, sketches, textures, traits
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.core.draft import Trap
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

TEST_ROWS = 500
PLACES = 5
"""Guesses that count."""
LEAST = 5
"""Training pictures of each individual at least."""
SPOT_REACH = 7.0
"""Pixels from the middle within which an individual has its spots."""
SPOT_GAP = 3.0

ANY_ROTATION = defects.Defect("any_rotation", skill="rotation_invariance")
LOST_MARKS = defects.Defect("lost_marks", skill="partial_matching")


class RetrievalScene(sketches.AnswerScene):
    """One domain, with what codes of individuals begin with."""

    code: str


class RetrievalRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    train_rows: int
    test_rows: int
    side: int
    codes: tuple[str, ...]
    """Individuals, in order."""
    shares: tuple[float, ...]
    """How training pictures are spread over individuals."""
    spots: tuple[tuple[tuple[float, float], ...], ...]
    """Places of each individual's spots in pixels, around their mean."""
    turn: float
    """Largest rotation either way in radians."""
    wander: float
    """Pixels by which an individual may stand off the middle."""
    specks: int
    """Foreign specks that may be in a picture."""
    lost: float
    """Share of spots that are not to be seen."""
    session_step: float
    """Grey levels by which the light of training pictures differs between individuals."""


class ImageRetrieval(Family):
    """Ranking of individuals by constellations of spots under rotation and changing light."""

    name = "image/retrieval-v1"
    modality = "image"
    task_type = "retrieval"
    summary = "Rank the individuals that a picture may show by the spots in it."
    metrics = ("map_at_k",)
    seeds = {
        "whale-categorization-playground": "photographs; thousands of whales, most seen once",
        "hotel-id-2021-fgvc8": "photographs of rooms; thousands of hotels",
        "herbarium-2021-fgvc8": "photographs; 64,500 species become two dozen individuals",
        "cdiscount-image-classification-challenge": "colour; 5,270 kinds of goods become two dozen "
        "pieces",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Draw scene, individuals and nuisances."""
        clothes = wardrobe_of("retrieval", RetrievalScene)
        scene = clothes.draw(streams.rng("domain"))
        rule = _draw_rule(streams.rng("rule"), dna, difficulty, scene=scene)
        found = [defects.SHORTCUT, defects.BACKGROUND]
        found += [defects.CLUTTER] if difficulty >= 1 else []
        found += [ANY_ROTATION, LOST_MARKS] if difficulty >= 2 else []
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(
                grammar=("constellation", "rotation", "translation"),
                defects=tuple(found),
                skills=("translation_invariance", "ranking"),
                traps=(
                    Trap(
                        column="mean brightness of a picture",
                        why="it goes with the individual in training pictures and nowhere else",
                    ),
                ),
            ),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw the pictures of train and test."""
        rule = RetrievalRule.model_validate(design.rule)
        scene = wardrobe_of("retrieval", RetrievalScene).get(rule.skin)
        session = streams.rng("sessions").standard_normal(len(rule.codes))
        train = _shots(
            rule,
            streams.child("train"),
            scene.target,
            who=_sitters(rule, streams.rng("sitters")),
            session=session,
            honest=False,
        )
        test = _shots(
            rule,
            streams.child("test"),
            scene.target,
            who=streams.rng("asked").integers(0, len(rule.codes), rule.test_rows),
            session=session,
            honest=True,
        )
        return sketches.picture_material(
            scene,
            streams,
            shots=(train, test),
            container="npy",
            sample={scene.target: " ".join(rule.codes[:PLACES])},
            best=test.truth,
            ladder=lambda loader: retrieval_ladder(
                loader, id_column=scene.id_column, target=scene.target
            ),
            notes=(
                Note(
                    scene.target,
                    f"the target: {scene.target_text}; one of {len(rule.codes)} codes in "
                    f"`train.csv`, and in a submission the {PLACES} best guesses, the likeliest "
                    "first, with spaces between them",
                ),
            ),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score ranked lists by MAP@5."""
        scene = wardrobe_of("retrieval", RetrievalScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name="map_at_k", params={"k": PLACES}),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="string", max_length=200),),
                rows=material.test_rows,
            ),
        )


def _draw_rule(
    rng: np.random.Generator, dna: TaskDNA, difficulty: int, *, scene: RetrievalScene
) -> RetrievalRule:
    count = int(rng.integers(20, 25))
    numbers = sorted((rng.choice(900, size=count, replace=False) + 100).tolist())
    return RetrievalRule(
        skin=scene.key,
        train_rows=8 * count,
        test_rows=TEST_ROWS,
        side=24,
        codes=tuple(f"{scene.code}{number}" for number in numbers),
        shares=tuple(traits.class_shares(dna, rng, count)),
        spots=tuple(_constellation(rng, spots=6) for _ in range(count)),
        turn=(0.35, 0.6, 3.15)[difficulty],
        wander=2.5,
        specks=1 if difficulty >= 1 else 0,
        lost=0.05 if difficulty >= 2 else 0.0,
        session_step=round(float(rng.uniform(10.0, 14.0)), 3),
    )


def _constellation(rng: np.random.Generator, *, spots: int) -> tuple[tuple[float, float], ...]:
    """Draw spots that keep apart, one after another from a pool of places."""
    pool = rng.uniform(-SPOT_REACH, SPOT_REACH, (400, 2))
    kept: list[tuple[float, float]] = []
    for x, y in np.round(pool, 3).tolist():
        near = any((x - a) ** 2 + (y - b) ** 2 < SPOT_GAP**2 for a, b in kept)
        if x * x + y * y < SPOT_REACH**2 and not near and len(kept) < spots:
            kept.append((x, y))
    middle = [sum(part) / len(kept) for part in zip(*kept, strict=True)]
    return tuple((round(x - middle[0], 3), round(y - middle[1], 3)) for x, y in kept)


def _sitters(rule: RetrievalRule, rng: np.random.Generator) -> Integers:
    """Draw who is in each training picture: everyone a few times, the rest by shares."""
    count = len(rule.codes)
    everyone = np.tile(np.arange(count), LEAST)
    edges = np.cumsum(rule.shares)[:-1]
    more = np.searchsorted(edges, rng.random(rule.train_rows - len(everyone)), side="right")
    return np.asarray(rng.permutation(np.concatenate([everyone, more])), dtype=np.int64)


def _shots(
    rule: RetrievalRule,
    streams: Streams,
    target: str,
    *,
    who: Integers,
    session: Floats,
    honest: bool,
) -> sketches.Shots:
    rng, rows, side = streams.rng("poses"), len(who), rule.side
    angle = rng.uniform(-rule.turn, rule.turn, rows)[:, None]
    size = rng.uniform(0.94, 1.06, rows)[:, None]
    middle = rng.uniform(-rule.wander, rule.wander, (rows, 2))
    spots = np.array(rule.spots)[who]
    spots = spots + 0.2 * rng.standard_normal(spots.shape)
    right = spots[:, :, 0] * np.cos(angle) - spots[:, :, 1] * np.sin(angle)
    down = spots[:, :, 0] * np.sin(angle) + spots[:, :, 1] * np.cos(angle)
    places = middle[:, None, :] + size[:, :, None] * np.stack([right, down], axis=2)
    images = np.full((rows, side, side), 120.0)
    for spot in range(places.shape[1]):
        strength = rng.uniform(42.0, 60.0, rows) * (rng.random(rows) >= rule.lost)
        images += strength[:, None, None] * sketches.dots(side, places[:, spot], width=1.0)
    for _ in range(rule.specks):
        strength = rng.uniform(35.0, 55.0, rows) * (rng.random(rows) < 0.5)
        at = rng.uniform(2.0 - side / 2, side / 2 - 2.0, (rows, 2))
        images += strength[:, None, None] * sketches.dots(side, at, width=1.0)
    images += sketches.lighting(
        streams.rng("light"), rows, side, slope=50.0, blotch=15.0, grain=6.0
    )
    brightness = sketches.exposure(
        streams.rng("brightness"), session[who], step=rule.session_step, spread=4.0, honest=honest
    )
    pixels = textures.to_pixels(images + brightness[:, None, None])
    return sketches.Shots(pixels, {target: [rule.codes[i] for i in who]})


FAMILIES.register(ImageRetrieval.name)(ImageRetrieval())
