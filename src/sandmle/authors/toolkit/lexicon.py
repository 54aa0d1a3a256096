"""Invented languages: sounds, word stock, inflection and slips of the keyboard.

Words of one pattern have the same length, so that the length of a text says nothing about what its
words stand for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_CONSONANTS = "bdfghjklmnprstvzkrtlnms"
_VOWELS = "aeiou"


@dataclass(frozen=True)
class Phonology:
    """The sounds of one language."""

    consonants: tuple[str, ...]
    vowels: tuple[str, ...]


def draw_phonology(rng: np.random.Generator) -> Phonology:
    """Choose 11 consonants and 4 or 5 vowels."""
    pool = sorted(set(_CONSONANTS))
    consonants = sorted(rng.choice(pool, size=11, replace=False).tolist())
    vowels = sorted(rng.choice(list(_VOWELS), size=int(rng.integers(4, 6)), replace=False).tolist())
    return Phonology(consonants=tuple(consonants), vowels=tuple(vowels))


def draw_words(
    rng: np.random.Generator,
    sounds: Phonology,
    *,
    pattern: str,
    count: int,
    taken: set[str],
    apart: int = 1,
) -> list[str]:
    """Draw words that are new and told apart from each other.

    Args:
        rng: Source of the draws.
        sounds: Where C and V of the pattern come from.
        pattern: One letter per sound, `CVCVC`.
        count: How many.
        taken: Words that exist already; the new ones are added.
        apart: In how many places two words of equal length differ at least.

    Raises:
        ValueError: If the language runs out of words.
    """
    words: list[str] = []
    for _ in range(200 * count):
        if len(words) == count:
            break
        word = "".join(_sound(rng, sounds, kind) for kind in pattern)
        if all(_differences(word, other) >= apart for other in taken):
            words.append(word)
            taken.add(word)
    if len(words) < count:
        raise ValueError(f"only {len(words)} of {count} words of pattern {pattern!r} are apart")
    return words


def _sound(rng: np.random.Generator, sounds: Phonology, kind: str) -> str:
    choices = sounds.consonants if kind == "C" else sounds.vowels
    return choices[int(rng.integers(len(choices)))]


def _differences(word: str, other: str) -> int:
    if len(word) != len(other):
        return len(word)
    return sum(a != b for a, b in zip(word, other, strict=True))


def misspell(word: str, draws: Sequence[float], sounds: Phonology) -> str:
    """Swap two neighbouring letters or replace one; the length stays.

    Args:
        word: At least two letters.
        draws: Three uniform numbers in [0, 1): what, where, and with which letter.
        sounds: Where a replacing letter comes from.
    """
    at = int(draws[1] * (len(word) - 1))
    if draws[0] < 0.5 and word[at] != word[at + 1]:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    letters = [c for c in sounds.consonants + sounds.vowels if c != word[at]]
    return word[:at] + letters[int(draws[2] * len(letters))] + word[at + 1 :]
