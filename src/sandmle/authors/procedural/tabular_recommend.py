"""Recommendation: which items will each person take in the week after the log ends?

Hidden rule: people belong to tastes; the chance of an item is a softmax of a low-rank taste, its
popularity, its trend over time, whether the person had it before (some categories are taken again,
others never), and from level 2 whether its forerunner was taken lately.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.tabular_recommend import recommend_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Family, Profile
from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.columns import as_cells
from sandmle.authors.toolkit.csvtext import csv_bytes
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene, wardrobe_of
from sandmle.authors.toolkit.takings import DAYS, People, RecommendRule, live
from sandmle.core.seeding import Streams
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.seeds.dna import TaskDNA

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TASTES = 5
RANK = 3
_WITHDRAWN = Defect("withdrawn_items", skill="availability_filter")
_TREND = Defect("popularity_drift", skill="recency_weighting")
_BOTS = Defect("bulk_accounts", skill="robust_counting")
_DATES = Defect("mixed_date_formats", skill="date_parsing")


class RecommendScene(Scene):
    """Who takes what, and where it is written down."""

    people: str
    item: str
    item_prefix: str
    item_text: str
    items: str
    """Plural of the item."""
    items_file: str
    log_file: str
    log_text: str
    date: str
    channel: str
    channels: tuple[str, str]
    category: str
    categories: tuple[str, ...]
    price: str
    price_text: str
    gone: str
    segment: str
    segment_text: str
    segments: tuple[str, str, str, str]
    target: str
    target_text: str


class TabularRecommend(Family):
    """Short lists of items for people with a log of what they took."""

    name = "tabular/recommend-v1"
    modality = "tabular"
    task_type = "recommendation"
    summary = (
        "Recommend a ranked list of items from a log with tastes, trends, repeats and leavers."
    )
    metrics = ("map_at_k",)
    seeds = {
        "h-and-m-personalized-fashion-recommendations": "pictures, texts and millions of buyers",
        "facebook-recruiting-iii-keyword-extraction": "the questions' texts; tags become items",
    }

    def design(self, dna: TaskDNA, streams: Streams, *, difficulty: int) -> Design:
        """Choose scene, catalogue, tastes and defects."""
        clothes = wardrobe_of("recommend", RecommendScene)
        scene = clothes.draw(streams.rng("scene"))
        rule = _draw_rule(streams.rng("rule"), scene, difficulty)
        found = [_WITHDRAWN, _TREND]
        found += [defects.DUPLICATES, _BOTS] if difficulty >= 1 else []
        found += [_DATES] if difficulty >= 2 else []
        operations = ["low_rank", "popularity", "trend", "repeat"]
        skills = ["collaborative_filtering", "repeat_purchases"]
        if difficulty >= 2:
            operations.append("lag")
            skills.append("sequence_rules")
        return self.tell(
            clothes,
            scene,
            streams.rng("words"),
            rule=rule.model_dump(mode="json"),
            difficulty=difficulty,
            profile=Profile(tuple(operations), tuple(found), tuple(skills)),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Let people take items day by day, spoil the log, and write everything."""
        rule = RecommendRule.model_validate(design.rule)
        scene = wardrobe_of("recommend", RecommendScene).get(rule.skin)
        count = rule.train_rows + rule.test_rows
        people = live(rule, streams.child("people"), count)
        ids = row_ids(streams.rng("ids"), count + rule.bulk_accounts, prefix=scene.id_prefix)
        codes = row_ids(streams.rng("codes"), len(rule.category), prefix=scene.item_prefix)
        best = np.argsort(-people.chance, axis=1, kind="stable")[:, : rule.list_length]

        def lists(rows: Sequence[Sequence[int]] | Ints) -> list[str]:
            return [" ".join(codes[int(i)] for i in row) for row in rows]

        order = streams.rng("facts").permutation(count)
        following = lists(people.following)
        cut = rule.train_rows
        names = {"USER": scene.id_column, "ITEM": scene.item, "DATE": scene.date}
        names |= {"GONE": scene.gone, "CATEGORY": scene.category, "SEGMENT": scene.segment}
        names |= {"TARGET": scene.target, "ITEMS": scene.items_file, "LOG": scene.log_file}
        names |= {"PEOPLE": _facts(scene)}
        return row_material(
            Rows(ids[:cut], {scene.target: following[:cut]}),
            Rows(ids[cut:count], {scene.target: following[cut:]}),
            sample={scene.target: " ".join(codes[: rule.list_length])},
            best={scene.target: lists(best[cut:])},
            ladder=recommend_ladder({**names, "K": rule.list_length}),
            words=_words(
                rule,
                scene,
                {
                    _facts(scene): csv_bytes(
                        {
                            scene.id_column: [ids[int(i)] for i in order],
                            scene.segment: [scene.segments[int(people.segment[i])] for i in order],
                        }
                    ),
                    scene.items_file: _catalogue(rule, scene, streams.rng("prices"), codes),
                    scene.log_file: _log(rule, scene, streams.child("log"), people, ids, codes),
                },
            ),
            rng=streams.rng("split"),
        )

    def evaluate(self, design: Design, material: Material) -> Evaluation:
        """Score ranked lists by MAP@k."""
        scene = wardrobe_of("recommend", RecommendScene).get(design.rule["skin"])
        return Evaluation(
            metric=MetricSpec(name="map_at_k", params={"k": design.rule["list_length"]}),
            submission=SubmissionSchema(
                id_column=scene.id_column,
                targets=(Column(name=scene.target, kind="string", max_length=400),),
                rows=material.test_rows,
            ),
        )


def _draw_rule(rng: np.random.Generator, scene: RecommendScene, difficulty: int) -> RecommendRule:
    count = int(rng.integers(56, 73))
    kinds = len(scene.categories)
    category = rng.permutation(np.arange(count) % kinds)
    by_kind = 0.9 * rng.standard_normal((TASTES, kinds))
    latent = rng.standard_normal((count, RANK))
    leaning = 0.75 * rng.standard_normal((TASTES, RANK))
    taste = by_kind[:, category] + (leaning[:, None, :] * latent[None]).sum(axis=2)
    shares = rng.dirichlet(np.full(TASTES, 0.8), size=4)
    again = rng.permutation(np.where(np.arange(kinds) % 2 == 0, 1.6, -3.0))
    leaving = rng.permutation(count)[: count // 5]
    last_day = np.full(count, DAYS + 7)
    last_day[leaving] = rng.integers(DAYS // 2, DAYS - 3, size=len(leaving))
    popularity = 0.7 * rng.standard_normal(count)
    popularity[leaving] += 0.9
    return RecommendRule(
        skin=scene.key,
        list_length=int(rng.choice([5, 10, 12])),
        train_rows=int(rng.integers(160, 201)),
        test_rows=600,
        first_day=str(date(2021, 1, 4) + timedelta(weeks=int(rng.integers(0, 150)))),
        category=tuple(int(code) for code in category),
        taste=tuple(_numbers(row) for row in taste),
        taste_of_segment=tuple(_numbers(row) for row in shares),
        popularity=_numbers(popularity),
        trend=_numbers(0.6 * rng.standard_normal(count)),
        last_day=tuple(int(day) for day in last_day),
        again=_numbers(again),
        follows=tuple(int(i) for i in (np.arange(count) + rng.integers(1, count)) % count),
        pull=2.0 if difficulty >= 2 else 0.0,
        duplicate_share=0.06 if difficulty >= 1 else 0.0,
        bulk_accounts=4 if difficulty >= 1 else 0,
        other_dates=difficulty >= 2,
    )


def _facts(scene: RecommendScene) -> str:
    return f"{scene.people}.csv"


def _numbers(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)


def _catalogue(
    rule: RecommendRule, scene: RecommendScene, rng: np.random.Generator, codes: list[str]
) -> bytes:
    first = date.fromisoformat(rule.first_day)
    prices = np.exp(3.0 + 0.7 * rng.standard_normal(len(codes)))
    gone = [str(first + timedelta(days=day + 1)) if day < DAYS else None for day in rule.last_day]
    return csv_bytes(
        {
            scene.item: codes,
            scene.category: [scene.categories[code] for code in rule.category],
            scene.price: as_cells(prices, decimals=2),
            scene.gone: gone,
        }
    )


def _log(
    rule: RecommendRule,
    scene: RecommendScene,
    streams: Streams,
    people: People,
    ids: list[str],
    codes: list[str],
) -> bytes:
    """Write the log in the order of days, with doubled lines and accounts that buy in bulk."""
    who, step = np.nonzero(people.days < DAYS)
    day, item = people.days[who, step], people.taken[who, step]
    rng = streams.rng("bulk")
    size = rng.integers(150, 260, size=rule.bulk_accounts)
    shops = np.repeat(np.arange(rule.bulk_accounts) + len(people.days), size)
    stock = rng.permutation(len(codes))[: max(3, len(codes) // 6)]
    bulk_item = rng.choice(stock, size=len(shops)) if len(shops) else shops
    bulk_day = rng.integers(0, DAYS, size=len(shops))
    # nobody sells what has left the catalogue, not even to bulk buyers
    bulk_day = np.minimum(bulk_day, np.asarray(rule.last_day)[bulk_item] if len(shops) else DAYS)
    who, item, day = (
        np.concatenate(pair) for pair in ((who, shops), (item, bulk_item), (day, bulk_day))
    )
    channel = streams.rng("channels").integers(0, 2, size=len(who))
    twice = streams.rng("doubled").random(len(who)) < rule.duplicate_share
    lines = np.concatenate([np.arange(len(who)), np.flatnonzero(twice)])
    lines = lines[streams.rng("shuffle").permutation(len(lines))]
    lines = lines[np.argsort(day[lines], kind="stable")]
    first = date.fromisoformat(rule.first_day)
    columns: dict[str, Any] = {
        scene.id_column: [ids[int(i)] for i in who[lines]],
        scene.item: [codes[int(i)] for i in item[lines]],
        scene.date: [
            _written(first + timedelta(days=int(day[i])), rule.other_dates and channel[i] == 1)
            for i in lines
        ],
        scene.channel: [scene.channels[int(code)] for code in channel[lines]],
    }
    return csv_bytes(columns)


def _written(when: date, other: bool) -> str:
    return when.strftime("%d.%m.%Y") if other else when.isoformat()


def _words(rule: RecommendRule, scene: RecommendScene, attached: dict[str, bytes]) -> Words:
    last = date.fromisoformat(rule.first_day) + timedelta(days=DAYS - 1)
    form = "; year-month-day, or day.month.year" if rule.other_dates else "; year-month-day"
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train=f"{scene.people} for whom the week after the log is known",
        test=f"{scene.people} who need a list",
        sample="a valid submission with the same list for everybody",
        columns=(
            Note(scene.segment, f"{scene.segment_text}, one of " + ", ".join(scene.segments)),
            Note(scene.item, scene.item_text),
            Note(scene.date, f"day of the line; the last day of the log is {last}{form}"),
            Note(scene.channel, "where it was recorded: " + " or ".join(scene.channels)),
            Note(scene.category, "one of " + ", ".join(scene.categories)),
            Note(scene.price, scene.price_text),
            Note(scene.gone, "first day on which it could not be had any more; empty: still there"),
            Note(
                scene.target,
                f"the target: {scene.target_text}; in a submission the best guess comes first, and "
                f"at most {rule.list_length} codes count",
            ),
        ),
        files=(
            Note(_facts(scene), f"what is known of the {scene.people} of both files, and others"),
            Note(scene.log_file, f"{scene.log_text}; {scene.people} of both files, and others"),
            Note(scene.items_file, f"the catalogue: all {scene.items} of the log"),
        ),
        attached=attached,
    )


FAMILIES.register(TabularRecommend.name)(TabularRecommend())
