"""What is particular to `multimodal/listing`: denied words, and pictures that tell a count."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.multimodal_listing import (
    ListingRule,
    ListingScene,
    MultimodalListing,
    _pictures,
)
from sandmle.authors.toolkit.notes import Vocabulary, draw_notes
from sandmle.authors.toolkit.scenes import wardrobe_of
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed

WORDS = Vocabulary(good=("dry", "warm", "calm"), bad=("wet", "cold", "loud"), openers=("It is",))


def drawn(level: int, seed: int = 3) -> TaskDraft:
    dna = get_seed("petfinder-pawpularity-score").dna()
    return FAMILIES.get(MultimodalListing.name).draft(dna, seed, difficulty=level)


def scene_of(draft: TaskDraft) -> ListingScene:
    scene: ListingScene = wardrobe_of("listing", ListingScene).get(draft.rule["skin"])
    return scene


def test_not_holds_up_to_but_or_the_full_stop() -> None:
    rng = np.random.default_rng(0)
    notes = draw_notes(
        rng, np.full(300, 0.5), words=WORDS, sentences=((3,),), negated=1.0, scoped=True
    )
    names = [*WORDS.good, *WORDS.bad]
    for text, said in zip(notes.texts, notes.said, strict=True):
        for part in text.removeprefix("It is ").rstrip(".").split(" but "):
            tokens = part.replace(",", "").split()
            turned = tokens.index("not") if "not" in tokens else len(tokens)
            for place, token in enumerate(tokens):
                if token in names:
                    assert said[names.index(token)] == (-1 if place > turned else 1), text


def test_the_tone_of_a_note_is_what_it_means_and_not_the_words_it_takes() -> None:
    rng = np.random.default_rng(1)
    notes = draw_notes(rng, np.ones(200), words=WORDS, sentences=((2,),), negated=0.7, scoped=True)
    worth = np.array([1, 1, 1, -1, -1, -1])
    assert ((notes.said * worth).sum(axis=1) == 2).all()
    assert (notes.said[:, 3:] == -1).any()


@pytest.mark.parametrize("level", [0, 1, 2])
def test_scope_comes_with_level_1_and_the_crossed_part_with_level_2(level: int) -> None:
    draft = drawn(level)
    notes = pd.read_csv(io.BytesIO(draft.public["test.csv"]))[scene_of(draft).note]
    assert notes.str.contains(r"\bnot\b").mean() > 0.4
    assert (notes.str.contains(r"\bor\b").mean() > 0.1) == (level > 0)
    assert (draft.rule["crossed"] != 0) == (level == 2)


def test_the_reference_is_the_rule_up_to_the_noise() -> None:
    draft = drawn(2)
    scene, key = scene_of(draft), draft.submission.id_column
    assert draft.reference.submission is not None
    best = pd.read_csv(io.BytesIO(draft.reference.submission)).set_index(key)[scene.target]
    truth = pd.read_csv(io.BytesIO(draft.answers)).set_index(key)[scene.target]
    error = (truth - best.loc[truth.index]) / scene.spread
    assert error.std() == pytest.approx(draft.rule["noise_sd"], rel=0.1)
    assert truth.std() / scene.spread > 3 * error.std()


def test_mean_brightness_says_nothing_about_the_number_of_spots() -> None:
    rule = ListingRule.model_validate(drawn(1).rule)
    spots = np.arange(1_600) % 8 + 1
    means = _pictures(rule, Streams(5), spots).mean(axis=(1, 2))
    assert abs(np.corrcoef(means, spots)[0, 1]) < 0.1
