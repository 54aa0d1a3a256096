"""Scenes of tables: columns, units and labels that give abstract columns a meaning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field as Setting

from sandmle.authors.toolkit.scenes import Scene, Wardrobe, wardrobe_of
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
    decimals: int = Setting(default=1, ge=-2, le=5)
    """Digits after the point; less than none rounds to tens or hundreds."""
    power: int = Setting(default=0, ge=0, le=5)
    """Power of ten by which values are multiplied, as in percentages written in hundredths."""


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


class Skin(Scene):
    """One domain for one kind of table."""

    rows: str
    """What the rows are, as a plural: "claims"."""
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


def wardrobe(kind: str) -> Wardrobe[Skin]:
    """Return the skins for one kind of table, such as `price`, `groups` or `imbalanced`."""
    return wardrobe_of(kind, Skin)
