"""Columns that a table has besides those that matter: counts, flags, grades, codes, old readings.

Real tables are wide, their numbers are mostly whole and often tied, and columns about one thing
follow each other. A `SideTable` brings such columns into any table: each thing of the domain has a
latent of its own, which may lean on one of the table's own latents and otherwise says nothing. They
come at every level of difficulty alike, so they are no defect.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field as Setting

from sandmle.authors.toolkit import defects
from sandmle.authors.toolkit.columns import as_cells
from sandmle.authors.toolkit.csvtext import rounded
from sandmle.core.record import Record
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Facet = Literal[
    "count", "faults", "points", "age", "grade", "flag", "cost", "load", "reading", "words", "code"
]

WIDTHS = ((0, 0), (1, 3), (4, 9), (10, 19))
WIDTH_SHARES = (0.4, 0.1, 0.2, 0.3)
"""How many side columns a table has: a quarter of real tables has six columns, a quarter 16."""
EVENNESS = 0.15
"""Of the mixture of facets in a table: small, and a table has mostly one or two kinds."""
_NAMES: dict[Facet, tuple[tuple[str, str], ...]] = {
    "count": (("count", "number of {}s"), ("visits", "visits to the {} in the past year")),
    "faults": (("faults", "faults of the {} on record"), ("repairs", "repairs of the {}")),
    "points": (("points", "points that the {} got at the last inspection"),),
    "age": (("age", "age of the {}, months"), ("days", "days since the {} was last seen to")),
    "grade": (("grade", "grade of the {}, 1 is best"), ("rank", "rank of the {} in its class")),
    "flag": (
        ("new", "1 if the {} is new, else 0"),
        ("checked", "1 if the {} was checked, else 0"),
        ("spare", "1 if there is a spare {}, else 0"),
        ("shared", "1 if the {} is shared, else 0"),
    ),
    "cost": (("cost", "money spent on the {} so far"), ("worth", "book value of the {}")),
    "load": (("use", "use of the {}, percent"),),
    "reading": (("index", "index of the {}, points"), ("scale", "size of the {}, on a scale")),
    "words": (
        ("owner", "whether the {} is owned or hired"),
        ("side", "side on which the {} is"),
        ("state", "state of the {}"),
        ("size", "size of the {}"),
        ("colour", "colour of the {}"),
    ),
    "code": (("code", "code of the {}"),),
}
_COMMON = {"flag": 3.0, "words": 2.5, "grade": 2.0, "code": 0.5}
"""How much more often than others some facets come."""
_WORDS = {
    "owner": ("hired", "owned"),
    "side": ("left", "right"),
    "state": ("good", "worn"),
    "size": ("large", "medium", "small"),
    "colour": ("blue", "green", "grey", "red", "white"),
}


class SideColumn(Record):
    """One column about a thing."""

    name: str
    text: str
    facet: Facet
    topic: int
    """Which thing's latent is behind it."""
    share: float = Setting(ge=0, lt=1)
    """Part of its variance that is the thing's."""
    sign: float
    level: float
    """Typical size of a quantity; how rare a flag is, as a latent."""
    spread: float
    words: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    """Of the words, or of the grades."""
    decimals: int = 0
    missing: float = 0.0


class SideTable(Record):
    """The side columns of one table."""

    columns: tuple[SideColumn, ...] = ()
    ties: tuple[tuple[int, float], ...] = ()
    """For each thing a latent of the main table and its weight."""

    @property
    def names(self) -> list[str]:
        """Names of all columns."""
        return [column.name for column in self.columns]

    @property
    def texts(self) -> dict[str, str]:
        """What the documentation says, by column."""
        return {column.name: column.text for column in self.columns}

    def cells(self, streams: Streams, z: Floats) -> dict[str, list[Any]]:
        """Write all columns for rows with the main table's latents `z`, shape (n, k)."""
        drawn = streams.rng("topics").standard_normal((len(z), len(self.ties)))
        topics = [
            weight * z[:, place] + np.sqrt(1.0 - weight**2) * drawn[:, topic]
            for topic, (place, weight) in enumerate(self.ties)
        ]
        found = {}
        for column in self.columns:
            rng = streams.rng("column", column.name)
            own = rng.standard_normal(len(z))
            latent = column.sign * np.sqrt(column.share) * topics[column.topic]
            latent = rounded(np.clip(latent + np.sqrt(1.0 - column.share) * own, -3.0, 3.0))
            gone = defects.missing_at_random(rng, len(z), share=column.missing)
            found[column.name] = [
                None if empty else cell
                for cell, empty in zip(_written(column, latent), gone, strict=True)
            ]
        return found


@cache
def _lists() -> Mapping[str, Any]:
    source = files("sandmle.authors.toolkit").joinpath("skins", "side.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


def draw_side(
    rng: np.random.Generator,
    domain: str,
    *,
    taken: Collection[str],
    latents: int,
    most: int = WIDTHS[-1][1],
) -> SideTable:
    """Draw the side columns of a table; a third of the tables has none.

    Args:
        rng: Draws everything.
        domain: Whose things the columns are about.
        taken: Names of columns that the table has already.
        latents: How many latents the rows have that things may lean on, at least one.
        most: No more columns than this.
    """
    low, high = WIDTHS[int(rng.choice(len(WIDTHS), p=WIDTH_SHARES))]
    count = min(int(rng.integers(low, high + 1)), most)
    things = [str(thing) for thing in rng.permutation(_lists()["things"][domain])]
    few = 1 + count // 8
    things = things[: int(rng.integers(few, 2 * few + 1))]
    facets = list(_NAMES)
    mixture = rng.dirichlet([EVENNESS * _COMMON.get(facet, 1.0) for facet in facets])
    source = str(rng.choice(_lists()["sources"]))
    strength = float(rng.uniform(0.2, 0.97))
    leaky = float(rng.choice((0.0, 0.0, 0.0, 0.06, 0.2)))
    found: list[SideColumn] = []
    names = set(taken)
    for _ in range(8 * count):
        if len(found) == count:
            break
        topic = int(rng.integers(len(things)))
        facet = facets[int(rng.choice(len(facets), p=mixture))]
        suffix, text = _NAMES[facet][int(rng.integers(len(_NAMES[facet])))]
        name = f"{things[topic].replace(' ', '_')}_{suffix}"
        column = SideColumn(
            name=name,
            text=f"{text.format(things[topic])}, {source}",
            facet=facet,
            topic=topic,
            share=round(float(np.clip(strength + rng.uniform(-0.15, 0.15), 0.0, 0.97)), 4),
            sign=float(rng.choice((-1.0, 1.0, 1.0))),
            **_draw_shape(rng, facet, suffix),
            missing=round(float(rng.uniform(0.5, 1.5)) * leaky, 4) if rng.random() < 0.6 else 0.0,
        )
        if name not in names:
            names.add(name)
            empty = "; may be empty" if column.missing else ""
            found.append(column.model_copy(update={"text": column.text + empty}))
    place = int(rng.integers(latents))
    lean = float(rng.choice((0.0, 0.6, 0.95)))
    # all on one latent: what goes up with one thing goes up with the others
    ties = [(place, round(lean * float(rng.uniform(0.6, 1.0)), 4)) for _ in things]
    return SideTable(columns=tuple(found), ties=tuple(ties))


def _draw_shape(rng: np.random.Generator, facet: Facet, suffix: str) -> dict[str, Any]:
    """Draw the size and the labels of a column."""
    drawn = {
        "count": (rng.choice((1.5, 4.0, 12.0, 40.0)), rng.uniform(0.3, 0.8)),
        "faults": (rng.uniform(-1.2, 0.3), rng.uniform(0.8, 2.0)),
        "points": (rng.uniform(40.0, 70.0), rng.uniform(5.0, 18.0)),
        "age": (rng.choice((14.0, 60.0, 200.0)), rng.uniform(0.3, 0.8)),
        "flag": (rng.uniform(-0.4, 1.5), 1.0),
        "cost": (rng.choice((90.0, 700.0, 5_000.0)), rng.uniform(0.7, 1.3)),
        "load": (rng.uniform(-0.5, 0.9), rng.uniform(0.5, 1.2)),
        "reading": (rng.choice((2.5, 12.0, 48.0)), rng.uniform(0.08, 0.25)),
    }
    level, spread = drawn.get(facet, (0.0, 1.0))
    words: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    if facet == "words":
        words = _WORDS[suffix]
    elif facet == "code":
        words = tuple(f"{chr(65 + int(rng.integers(26)))}{k:02d}" for k in range(_many(rng)))
    if words or facet == "grade":
        raw = rng.uniform(0.25, 1.0, size=len(words) or int(rng.integers(3, 8)))
        shares = tuple(round(float(value), 4) for value in raw / raw.sum())
    decimals = {"reading": int(rng.integers(1, 3)), "cost": int(rng.choice((0, 0, 2)))}
    return {
        "level": round(float(level), 4),
        "spread": round(float(spread), 4),
        "words": words,
        "shares": shares,
        "decimals": decimals.get(facet, 0),
    }


def _many(rng: np.random.Generator) -> int:
    return int(np.round(np.exp(rng.uniform(np.log(6), np.log(40)))))


def _written(column: SideColumn, latent: Floats) -> list[Any]:
    """Write a latent as the column does."""
    level, spread = column.level, column.spread
    if column.shares:
        cuts = [NormalDist().inv_cdf(min(float(at), 0.9999)) for at in np.cumsum(column.shares)]
        step = np.searchsorted(rounded(cuts[:-1]), latent)
        return [column.words[int(k)] if column.words else int(k) + 1 for k in step]
    if column.facet in ("count", "age", "cost"):
        raw = level * np.exp(spread * latent)
    elif column.facet == "reading":
        raw = level * (1.0 + spread * latent)
    elif column.facet == "load":
        raw = 100.0 / (1.0 + np.exp(-(level + spread * latent)))
    elif column.facet == "flag":
        raw = (latent > level).astype(np.float64)
    else:
        raw = np.maximum(level + spread * latent, 0.0)
    values = np.round(rounded(raw), column.decimals)
    return list(as_cells(values, decimals=column.decimals))
