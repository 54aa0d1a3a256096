"""Inventory: set an order-up-to level for each new item, from a log in which lost sales are silent.

Hidden rule: daily demand is negative binomial, its log mean a sum of terms of the item's readings;
a level's expected cost over lead time plus one day is exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.ladders.rl_inventory import inventory_ladder
from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural._family import Profile
from sandmle.authors.procedural._skinned import Rule, SkinnedFamily
from sandmle.authors.roles import Design, Material, Note
from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit.answers import row_ids
from sandmle.authors.toolkit.csvtext import cell, csv_bytes, rounded
from sandmle.authors.toolkit.defects import Defect
from sandmle.authors.toolkit.domains import Category, Field
from sandmle.authors.toolkit.rows import Rows, Words, row_material
from sandmle.authors.toolkit.scenes import Scene
from sandmle.authors.toolkit.terms import Term, grammar, total, weights
from sandmle.core.seeding import Streams
from sandmle.core.task import Column
from sandmle.seeds.dna import TaskDNA

LOST_SALES = Defect("lost_sales", skill="censored_demand")
PROMOTIONS = Defect("promotions_in_log", skill="promotion_adjustment")
OUTAGES = Defect("outage_days", skill="outage_detection")
TOP = 50
"""Highest level that may be chosen."""
DAYS = 18
FIELDS = 5
CELL = 600
"""Characters of an answer's cell at most."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class InventoryScene(Scene):
    """A store, what it keeps, and what its catalogue says about it."""

    unit: str
    """What is counted, as a plural."""
    level: str
    """Column of a submission."""
    fields: tuple[Field, ...]
    category: Category


class InventoryRule(Rule):
    """The hidden rule of one task, with its defects."""

    fields: tuple[str, ...]
    """Numeric columns; latent i stands behind field i."""
    loadings: tuple[tuple[float, ...], ...]
    terms: tuple[Term, ...]
    kinds: tuple[float, ...]
    """What each label of the category adds to the log of the mean demand."""
    base: float
    """Log of the mean demand per day of a usual item."""
    size: float
    """Size of the negative binomial law of a day; variance is mean + mean^2 / size."""
    cover: float
    """Mean of the morning stock in days of an item's demand."""
    lift: float
    """Factor on demand on days of a promotion; 1 where there are none."""
    outages: tuple[int, ...]
    """Days on which every item reads zero."""


class RlInventory(SkinnedFamily[InventoryScene, InventoryRule]):
    """Choose how many pieces to keep."""

    name = "rl/inventory-v1"
    modality = "rl"
    task_type = "offline_rl"
    summary = "Set order-up-to levels for new items from a censored sales log; exact mean regret."
    metrics = ("regret",)
    skins = "inventory"
    scene_type = InventoryScene
    rule_type = InventoryRule
    seeds = {
        "h-and-m-personalized-fashion-recommendations": (
            "customers and photos; what sells becomes how much of it to keep"
        ),
    }

    def draw_rule(
        self,
        rng: np.random.Generator,
        scene: InventoryScene,
        dna: TaskDNA,
        *,
        metric: str,
        difficulty: int,
    ) -> InventoryRule:
        """Choose scene, demand, and what is wrong with the log."""
        picked = [int(i) for i in rng.permutation(len(scene.fields))[:FIELDS]]
        loadings = col.draw_loadings(rng, FIELDS)
        places = [int(i) for i in rng.permutation(FIELDS)]
        linear = weights(rng, 3, low=0.6, high=0.9)
        products = weights(rng, 1 + (difficulty == 2), low=0.7, high=0.9)
        pairs = [(places[0], places[3]), (places[1], places[4])]
        terms = [
            Term(kind="linear", of=(i,), weight=w) for i, w in zip(places, linear, strict=False)
        ]
        terms += [
            Term(kind="product", of=p, weight=w) for p, w in zip(pairs, products, strict=False)
        ]
        scale = 0.55 / float(total(terms, col.probe(loadings)).std())
        kinds = rng.permutation(np.linspace(-0.35, 0.35, len(scene.category.values)))
        outages = sorted(int(day) for day in rng.permutation(DAYS)[:4] + 1)
        return InventoryRule(
            skin=scene.key,
            metric=metric,
            train_rows=int(rng.integers(150, 181)),
            test_rows=1_000,
            fields=tuple(scene.fields[i].name for i in picked),
            loadings=tuple(tuple(row) for row in loadings),
            terms=tuple(
                term.model_copy(update={"weight": round(term.weight * scale, 5)}) for term in terms
            ),
            kinds=tuple(round(float(value), 5) for value in kinds),
            base=round(float(np.log(rng.uniform(1.4, 1.8))), 5),
            size=round(float(rng.uniform(1.0, 1.8)), 5),
            cover=round(float(rng.uniform(1.3, 1.7)), 5),
            lift=round(float(rng.uniform(1.7, 2.2)), 5) if difficulty >= 1 else 1.0,
            outages=tuple(outages) if difficulty >= 2 else (),
        )

    def profile(self, rule: InventoryRule, difficulty: int) -> Profile:
        """Say which operations, defects and skills make a task of this level."""
        return Profile(
            grammar=(*grammar(rule.terms), "count_noise", "cost_quantile"),
            defects=(LOST_SALES, PROMOTIONS, OUTAGES)[: difficulty + 1],
            skills=("newsvendor_quantile", "overdispersion", "interactions"),
        )

    def develop(self, design: Design, streams: Streams) -> Material:
        """Draw items, sell the training ones, and price every level of the others."""
        rule, scene = self.worn(design)
        table, mean = _items(rule, scene, streams.child("train"), rule.train_rows)
        asked, asked_mean = _items(rule, scene, streams.child("test"), rule.test_rows)
        ids = row_ids(streams.rng("ids"), rule.train_rows + rule.test_rows, prefix=scene.id_prefix)
        log = _log(rule, scene, streams.child("log"), ids[: rule.train_rows], mean)
        cost = expected_cost(
            asked_mean,
            size=rule.size,
            days=np.array(asked["lead_days"]) + 1,
            holding=np.array([float(value) for value in asked["holding_cost"]]),
            shortage=np.array([float(value) for value in asked["shortage_cost"]]),
        )
        # what a level costs more than the cheapest, to three digits: cells stay short
        more = rounded(cost - cost.min(axis=1, keepdims=True), digits=3)
        worth = [" ".join(cell(-value + 0.0) for value in row) for row in more]
        cheapest = [str(int(level)) for level in more.argmin(axis=1)]
        return row_material(
            Rows(ids[: rule.train_rows], {}, table),
            Rows(ids[rule.train_rows :], {scene.level: worth}, asked),
            sample={scene.level: "5"},
            best={scene.level: cheapest},
            ladder=inventory_ladder(
                id_column=scene.id_column,
                category=scene.category.name,
                level=scene.level,
                top=TOP,
            ),
            words=_words(rule, scene, log),
            rng=streams.rng("split"),
        )

    def targets(self, rule: InventoryRule, scene: InventoryScene) -> tuple[Column, ...]:
        """Ask for one level per item."""
        return (Column(name=scene.level, kind="string", max_length=CELL),)

    def metric_params(
        self, rule: InventoryRule, scene: InventoryScene, material: Material
    ) -> dict[str, Any]:
        """Name the levels."""
        return {"actions": [str(level) for level in range(TOP + 1)]}


def _items(
    rule: InventoryRule, scene: InventoryScene, streams: Streams, rows: int
) -> tuple[dict[str, Any], Floats]:
    """Draw items; return their columns and their mean demand per day."""
    z = col.latents(streams.rng("latents"), rows, loadings=rule.loadings)
    count = len(rule.kinds)
    kind = col.draw_labels(streams.rng("kinds"), rows, shares=[1.0 / count] * count)
    logs = rule.base + total(rule.terms, z) + np.array(rule.kinds)[kind]
    mean = rounded(np.exp(np.clip(logs, -1.2, 1.7)))
    by_name = {field.name: field for field in scene.fields}
    table: dict[str, Any] = {scene.category.name: [scene.category.values[int(k)] for k in kind]}
    for index, name in enumerate(rule.fields):
        values = col.render(by_name[name], z[:, index])
        table[name] = col.as_cells(values, decimals=by_name[name].decimals)
    table["lead_days"] = streams.rng("lead").integers(1, 5, size=rows).tolist()
    holding = np.round(0.2 + 0.8 * streams.rng("holding").random(rows), 2)
    ratio = 0.35 + 0.6 * streams.rng("shortage").random(rows)
    shortage = np.round(rounded(holding * ratio / (1.0 - ratio)), 2)
    table["holding_cost"] = col.as_cells(holding, decimals=2)
    table["shortage_cost"] = col.as_cells(shortage, decimals=2)
    return table, mean


def demand_chances(mean: Floats, size: Floats, *, upto: int) -> Floats:
    """Return the chance of each demand from 0 to `upto`, shape (n, upto + 1).

    Args:
        mean: Mean of each negative binomial law, shape (n,).
        size: Its size, shape (n,).
        upto: Largest demand.
    """
    share = mean / (size + mean)
    chance = np.empty((len(mean), upto + 1))
    chance[:, 0] = (1.0 - share) ** size
    for k in range(upto):
        chance[:, k + 1] = chance[:, k] * (size + k) / (k + 1.0) * share
    # twelve decimals are the same on every machine
    return np.asarray(np.round(chance, 12), dtype=np.float64)


def expected_cost(
    mean: Floats, *, size: float, days: Integers, holding: Floats, shortage: Floats
) -> Floats:
    """Return the exact expected cost of each level from 0 to `TOP`, shape (n, TOP + 1).

    Args:
        mean: Mean demand per day, shape (n,).
        size: Size of the negative binomial law of one day.
        days: Days that a level must last; independent days add their sizes.
        holding: Cost of each piece left over, shape (n,).
        shortage: Cost of each piece wanted and not there, shape (n,).
    """
    sizes = np.asarray(size * days, dtype=np.float64)
    chance = demand_chances(mean * days, sizes, upto=TOP)
    level = np.arange(TOP + 1)
    # E(S - D)+ grows by P(D <= S) from each level to the next
    below = chance.cumsum(axis=1)[:, :-1].cumsum(axis=1)
    left = np.hstack([np.zeros((len(mean), 1)), below])
    short = left + (mean * days)[:, None] - level
    cost: Floats = holding[:, None] * left + shortage[:, None] * short
    return cost


def _log(
    rule: InventoryRule,
    scene: InventoryScene,
    streams: Streams,
    ids: list[str],
    mean: Floats,
) -> bytes:
    """Sell: demand beyond the morning stock is lost and leaves no trace."""
    shape = (len(mean), DAYS)
    promo = streams.rng("promo").random(shape) < (0.3 if rule.lift > 1.0 else 0.0)
    # promotions go to what sells anyway: left in, they flatter the fast items
    promo &= (mean > np.median(mean))[:, None] | (streams.rng("slow").random(shape) < 0.3)
    daily = np.where(promo, rule.lift, 1.0) * mean[:, None]
    flat = np.asarray(daily.ravel(), dtype=np.float64)
    sizes = np.full(len(flat), rule.size, dtype=np.float64)
    law = demand_chances(flat, sizes, upto=80).cumsum(axis=1)
    wanted = (streams.rng("demand").random(shape).ravel()[:, None] >= law).sum(axis=1)
    spread = 0.3 + 1.4 * streams.rng("stock").random(shape)
    stock = np.maximum(1, np.round(rounded(rule.cover * spread * mean[:, None]))).astype(np.int64)
    sold = np.minimum(wanted.reshape(shape), stock)
    days = np.arange(1, DAYS + 1)
    sold[:, np.isin(days, rule.outages)] = 0
    columns: dict[str, Any] = {
        "day": np.repeat(days, len(mean)),
        scene.id_column: list(ids) * DAYS,
        "stock": stock.T.ravel(),
        "sold": sold.T.ravel(),
    }
    if rule.lift > 1.0:
        columns["promo"] = promo.T.ravel().astype(np.int64)
    return csv_bytes(columns)


def _words(rule: InventoryRule, scene: InventoryScene, log: bytes) -> Words:
    texts = {field.name: field.text for field in scene.fields}
    unit = scene.unit
    promo = Note("promo", "in `log.csv`: 1 if the item was on promotion that day, else 0")
    return Words(
        id_column=scene.id_column,
        id_text=scene.id_text,
        train="items that have been in the store for a while; their days are in `log.csv`",
        test="new items, for each of which you choose a level",
        sample="a valid submission that sets every level to 5",
        columns=(
            Note(scene.category.name, scene.category.text),
            *(Note(name, texts[name]) for name in rule.fields),
            Note("lead_days", "days from an order to its delivery"),
            Note("holding_cost", f"cost of each of the {unit} left over, euros"),
            Note("shortage_cost", f"cost of each of the {unit} asked for in vain, euros"),
            Note("day", f"in `log.csv`: day from 1 to {DAYS}"),
            Note("stock", f"in `log.csv`: {unit} there in the morning"),
            Note("sold", f"in `log.csv`: {unit} that went out on that day"),
            *((promo,) if rule.lift > 1.0 else ()),
            Note(
                scene.level,
                f"the order-up-to level that you choose, a whole number of {unit} from 0 to {TOP}. "
                f"A level must last for `lead_days` + 1 days: the {unit} left after them cost "
                "`holding_cost` each, those asked for in vain cost `shortage_cost` each. The value "
                "of a level is minus its expected cost",
            ),
        ),
        files=(Note("log.csv", "one line per day and item of `train.csv`"),),
        attached={"log.csv": log},
    )


FAMILIES.register(RlInventory.name)(RlInventory())
