"""Short notes in plain English whose words praise or blame, and that "not" turns around.

"Not" holds until "but" or the end of its sentence: "not dry, warm or quiet but clean" denies three
words and affirms one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.defects import Defect

NEGATION = Defect("negation", skill="negation_features")
NEGATION_SCOPE = Defect("negation_scope", skill="clause_scoping")

_PLAIN: dict[int, tuple[str, ...]] = {1: ("0",), 2: ("0 and 1",), 3: ("0, 1 and 2",)}
_NEGATED: dict[int, tuple[str, ...]] = {
    1: ("not 0",),
    2: ("0 but not 1", "not 0 but 1"),
    3: ("0 and 1 but not 2", "not 0 but 1 and 2"),
}
_SCOPED: dict[int, tuple[str, ...]] = {
    1: (),
    2: ("not 0 or 1",),
    3: ("not 0, 1 or 2", "0 but not 1 or 2", "not 0 or 1 but 2"),
}


@dataclass(frozen=True)
class Vocabulary:
    """What notes are made of."""

    good: tuple[str, ...]
    bad: tuple[str, ...]
    openers: tuple[str, ...]
    """How a sentence begins, up to its verb: "The room is"."""


@dataclass(frozen=True)
class Notes:
    """Texts, and what they say."""

    texts: list[str]
    said: NDArray[np.int64]
    """1 where a word is affirmed, -1 where it is denied, 0 where it is absent; shape
    (n, good + bad), good words first."""


def draw_notes(
    rng: np.random.Generator,
    tones: NDArray[np.float64],
    *,
    words: Vocabulary,
    sentences: Sequence[Sequence[int]],
    negated: float,
    scoped: bool,
) -> Notes:
    """Write a note for each row.

    Args:
        rng: Draws everything.
        tones: Chance that a statement of the row is favourable, shape (n,).
        words: Good and bad words; none comes twice in a note.
        sentences: Choices of how many words each sentence of a note has.
        negated: Share of the sentences with "not".
        scoped: Whether "not" may hold for several words.
    """
    lists = (words.good, words.bad)
    said = np.zeros((len(tones), len(words.good) + len(words.bad)), dtype=np.int64)
    texts = []
    for row, tone in enumerate(tones):
        left = [list(rng.permutation(len(side))) for side in lists]
        openers = rng.permutation(len(words.openers))
        parts = []
        for place, count in enumerate(sentences[int(rng.integers(len(sentences)))]):
            form = _form(rng, count, negated=negated, scoped=scoped)
            filled = form
            for slot, sign in enumerate(_signs(form)):
                bad = int((rng.random() < tone) != (sign > 0))
                index = int(left[bad].pop())
                said[row, index + bad * len(words.good)] = sign
                filled = filled.replace(str(slot), lists[bad][index])
            parts.append(f"{words.openers[int(openers[place])]} {filled}.")
        texts.append(" ".join(parts))
    return Notes(texts, said)


def _form(rng: np.random.Generator, count: int, *, negated: float, scoped: bool) -> str:
    forms = _PLAIN[count]
    if rng.random() < negated:
        forms = _NEGATED[count] + (2 * _SCOPED[count] if scoped else ())
    return forms[int(rng.integers(len(forms)))]


def _signs(form: str) -> list[int]:
    """Say for each place of a form whether its word is affirmed or denied."""
    signs, sign = [], 1
    for word in form.replace(",", "").split():
        if word.isdigit():
            signs.append(sign)
        elif word in ("not", "but"):
            sign = -1 if word == "not" else 1
    return signs
