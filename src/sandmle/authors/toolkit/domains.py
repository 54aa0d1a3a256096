"""Domain skins of tables: titles, stories, columns and units, read from `skins/*.toml`.

A skin gives abstract columns a meaning; which of them matter is the hidden rule's business.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from pydantic import Field as Setting

from sandmle.core.errors import unknown
from sandmle.core.record import Record

Shape = Literal["normal", "lognormal", "share"]


class Field(Record):
    """A numeric column: how a standard normal latent becomes a number of the domain."""

    name: str
    text: str
    """What it is, with its unit, as the documentation says it."""
    shape: Shape = "normal"
    """`normal`: centre + spread z; `lognormal`: centre exp(spread z); `share`: in (0, 100)."""
    centre: float
    spread: float = Setting(gt=0)
    decimals: int = Setting(default=1, ge=0, le=5)


class Measure(Field):
    """A log-normal quantity that two parties write in two units."""

    shape: Shape = "lognormal"
    unit: str
    other_unit: str
    factor: float
    """How many of the other unit make one `unit`."""


class Category(Record):
    """A column of labels."""

    name: str
    text: str
    values: tuple[str, ...] = Setting(min_length=2)


class Place(Record):
    """A column that says which group (site, line, branch) a row belongs to."""

    name: str
    text: str
    prefix: str
    """Codes are this prefix and a number."""
    clock: Field
    """How far into its shift, run or campaign a row was taken; a sensor may drift with it."""


class Skin(Record):
    """One domain for one kind of table."""

    key: str
    """Unique in its file."""
    domain: str
    rows: str
    """What the rows are, as a plural: "claims"."""
    titles: tuple[str, ...] = Setting(min_length=2)
    stories: tuple[str, ...] = Setting(min_length=2)
    id_column: str
    id_text: str
    id_prefix: str = ""
    target: str
    target_text: str
    centre: float = 0.0
    """Typical target, where the target is a quantity."""
    fields: tuple[Field, ...]
    measures: tuple[Measure, ...] = ()
    categories: tuple[Category, ...] = ()
    place: Place | None = None
    afterthoughts: tuple[Field, ...] = ()
    """Columns that are filled in when the outcome is already known: train-only leaks."""
    exported: tuple[str, str] = ("", "")
    """How training and test rows came to be, where that differs."""


class Wardrobe(Record):
    """All skins for one kind of table."""

    closings: tuple[str, ...] = Setting(min_length=2)
    """Last paragraphs of a story; any of them suits any skin."""
    skin: tuple[Skin, ...] = Setting(min_length=4)

    def get(self, key: str) -> Skin:
        """Return one skin.

        Raises:
            UsageError: If there is none with that key.
        """
        skins = {skin.key: skin for skin in self.skin}
        if key not in skins:
            raise unknown("skin", key, skins)
        return skins[key]

    def draw(self, rng: np.random.Generator) -> Skin:
        """Draw a skin; all are equally likely."""
        return self.skin[int(rng.integers(len(self.skin)))]

    def tell(self, skin: Skin, rng: np.random.Generator) -> tuple[str, str]:
        """Draw title and story for a skin of these."""
        title, story, closing = (
            choices[int(rng.integers(len(choices)))]
            for choices in (skin.titles, skin.stories, self.closings)
        )
        return title, f"{story}\n\n{closing}"


@cache
def wardrobe(kind: str) -> Wardrobe:
    """Return the skins for one kind of table: `price`, `groups` or `imbalanced`."""
    source = files("sandmle.authors.toolkit").joinpath("skins", f"{kind}.toml")
    return Wardrobe.model_validate(tomllib.loads(source.read_text(encoding="utf-8")))
