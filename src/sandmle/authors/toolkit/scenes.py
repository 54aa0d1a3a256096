"""Scenes: what a domain lends to a task, so that one hidden rule can be told in many worlds.

A family keeps its scenes in `skins/NAME.toml`, in its own subclass of `Scene`. Which of a scene's
columns and labels matter is the hidden rule's business.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Generic, Literal, TypeVar

import numpy as np
from pydantic import Field as Setting

from sandmle.core.errors import unknown
from sandmle.core.record import Record

Domain = Literal[
    "healthcare",
    "retail",
    "manufacturing",
    "it",
    "transportation",
    "finance",
    "science",
    "agriculture",
    "energy",
    "environment",
    "education",
    "media",
    "public services",
    "sports",
    "telecommunications",
    "hospitality",
]


class Scene(Record):
    """One domain for one family of tasks."""

    key: str
    """Unique in its file."""
    domain: Domain
    titles: tuple[str, ...] = Setting(min_length=2)
    stories: tuple[str, ...] = Setting(min_length=2)
    """Whose problem it is and what is predicted; one or two sentences, or a paragraph."""
    id_column: str
    id_text: str
    """What an id is, as the documentation says it."""
    id_prefix: str = ""


S = TypeVar("S", bound=Scene)


@dataclass(frozen=True)
class Wardrobe(Generic[S]):
    """All scenes of one family."""

    scenes: tuple[S, ...]
    closings: tuple[str, ...]
    """Last paragraphs of a story; any of them suits any scene."""

    def get(self, key: str) -> S:
        """Return one scene.

        Raises:
            UsageError: If there is none with that key.
        """
        scenes = {scene.key: scene for scene in self.scenes}
        if key not in scenes:
            raise unknown("skin", key, scenes)
        return scenes[key]

    def draw(self, rng: np.random.Generator) -> S:
        """Draw a scene; all are equally likely."""
        return self.scenes[int(rng.integers(len(self.scenes)))]

    def tell(self, scene: S, rng: np.random.Generator) -> tuple[str, str]:
        """Draw title and story for a scene of these."""
        title, story, closing = (
            pick(rng, choices) for choices in (scene.titles, scene.stories, self.closings)
        )
        return title, f"{story}\n\n{closing}"


@cache
def wardrobe_of(kind: str, scene: type[S]) -> Wardrobe[S]:
    """Read `skins/KIND.toml`: `closings`, and a `[[skin]]` for each scene.

    Args:
        kind: Name of the file without its ending.
        scene: What a scene of this family holds.
    """
    source = files("sandmle.authors.toolkit").joinpath("skins", f"{kind}.toml")
    content = tomllib.loads(source.read_text(encoding="utf-8"))
    return Wardrobe(
        scenes=tuple(scene.model_validate(item) for item in content["skin"]),
        closings=tuple(content["closings"]),
    )


def pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    """Draw one of several texts."""
    return choices[int(rng.integers(len(choices)))]
