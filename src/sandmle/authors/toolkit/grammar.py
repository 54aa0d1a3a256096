"""What families of texts in invented languages share: scenes, draws, and rows that are all new."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from sandmle.authors.ladders.pieces import script
from sandmle.authors.toolkit.lexicon import Phonology, draw_phonology, draw_words
from sandmle.authors.toolkit.scenes import Scene
from sandmle.core.draft import Baseline

T = TypeVar("T")


class TextScene(Scene):
    """One domain for a task whose samples are texts."""

    text: str
    """Column of the text."""
    text_note: str
    """What the text is, as the documentation says it."""
    target: str
    target_note: str
    train_note: str
    """What the rows of `train.csv` are."""
    test_note: str


class Stock:
    """The words of one language: no two are alike, whatever their patterns."""

    def __init__(self, rng: np.random.Generator, *, sounds: Phonology | None = None) -> None:
        """Choose sounds, where none are given."""
        self._rng = rng
        self.sounds = sounds or draw_phonology(rng)
        self._taken: set[str] = set()

    def words(self, pattern: str, count: int, *, apart: int = 1) -> tuple[str, ...]:
        """Draw words that the language does not have yet.

        Args:
            pattern: One letter per sound, `CVCVC`.
            count: How many.
            apart: In how many places two words of equal length differ at least.

        Raises:
            ValueError: If the language runs out of words.
        """
        return tuple(
            draw_words(
                self._rng,
                self.sounds,
                pattern=pattern,
                count=count,
                taken=self._taken,
                apart=apart,
            )
        )


def choose(rng: np.random.Generator, choices: Sequence[T]) -> T:
    """Draw one of several things, all equally likely."""
    return choices[int(rng.integers(len(choices)))]


def all_new(
    draw: Callable[[], T], count: int, *, key: Callable[[T], str], seen: set[str]
) -> list[T]:
    """Draw samples until there are `count` whose keys are new.

    Args:
        draw: Makes one sample.
        count: How many are wanted.
        key: What must not come twice, such as the text of the sample.
        seen: Keys that exist already; the new ones are added.

    Raises:
        ValueError: If nearly all samples are old ones.
    """
    kept: list[T] = []
    for _ in range(20 * count + 100):
        if len(kept) == count:
            return kept
        sample = draw()
        if key(sample) not in seen:
            seen.add(key(sample))
            kept.append(sample)
    raise ValueError(f"only {len(kept)} of {count} samples are new")


def rungs(bodies: Mapping[str, Sequence[str]], **names: str | list[str]) -> tuple[Baseline, ...]:
    """Make a ladder out of pieces of scripts, weakest first.

    Args:
        bodies: Pieces of each script by rung.
        names: What stands for each `$NAME` in the pieces.
    """
    return tuple(
        Baseline(name=rung, script=script(*pieces, **names)) for rung, pieces in bodies.items()
    )
