"""Invented names in titles and stories, so that one scene tells many tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sandmle.authors.toolkit.lexicon import Phonology, draw_phonology, draw_words
from sandmle.authors.toolkit.scenes import S, Wardrobe

_PATTERNS = ("CVCV", "CVCVC", "VCVCV")


def invented_name(rng: np.random.Generator, sounds: Phonology | None = None) -> str:
    """Draw a name with a capital letter, in the sounds of a language or in some of its own."""
    letters = sounds or draw_phonology(rng)
    pattern = _PATTERNS[int(rng.integers(len(_PATTERNS)))]
    return draw_words(rng, letters, pattern=pattern, count=1, taken=set())[0].capitalize()


def named(
    clothes: Wardrobe[S], scene: S, names: Mapping[str, str], *, remarks: Sequence[str] = ()
) -> Wardrobe[S]:
    """Return a wardrobe with one scene, whose texts hold the names.

    Args:
        clothes: Where the scene is from.
        scene: Titles and stories, and the closings, have `{key}` where a name belongs.
        names: What stands there, by key.
        remarks: Sentences that every closing goes on with.
    """
    texts = {
        part: tuple(text.format_map(names) for text in getattr(scene, part))
        for part in ("titles", "stories")
    }
    closings = [" ".join([closing, *remarks]).format_map(names) for closing in clothes.closings]
    return replace(clothes, scenes=(scene.model_copy(update=texts),), closings=tuple(closings))
