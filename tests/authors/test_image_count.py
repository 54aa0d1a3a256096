"""What is particular to `image/count`: what counts, what does not, and what disturbs."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_count import CountRule, ImageCount, _draw
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.seeds import get_seed


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    dna = get_seed("petfinder-pawpularity-score").dna()
    return [FAMILIES.get(ImageCount.name).draft(dna, 4711, difficulty=level) for level in range(3)]


def rule_of(draft: TaskDraft) -> CountRule:
    return CountRule.model_validate(draft.rule)


def drawn(rule: CountRule, **changed: object) -> NDArray[np.float64]:
    still = {"noise": 0.0, "slope": 0.0, "scratches": 0, "gain": (60.0, 60.0), **changed}
    plain = rule.model_copy(update=still)
    return _draw(plain, Streams(5), 40).pixels.astype(float)


def test_every_answer_is_a_sum_of_whole_numbers_of_the_two_weights(
    drafts: list[TaskDraft],
) -> None:
    for draft in drafts:
        rule = rule_of(draft)
        sums = {
            round(a * rule.disc_weight + b * rule.rod_weight, 3)
            for a in range(rule.most_discs + 1)
            for b in range(rule.most_rods + 1)
        }
        rows = list(csv.reader(io.StringIO(draft.answers.decode())))[1:]
        assert {round(float(row[1]), 3) for row in rows} <= sums


def test_rings_are_in_the_picture_and_not_in_the_answer(drafts: list[TaskDraft]) -> None:
    rule = rule_of(drafts[1]).model_copy(update={"most_discs": 0, "most_rods": 0})
    pictures = _draw(rule, Streams(5), 40)
    assert not pictures.total.any()
    seen = drawn(rule)
    assert (seen.max(axis=(1, 2)) > seen.min(axis=(1, 2)) + 20).mean() > 0.5


def test_the_lowest_level_has_no_rings(drafts: list[TaskDraft]) -> None:
    assert [rule_of(draft).most_rings for draft in drafts] == [0, 3, 3]


def test_only_the_highest_level_has_scratches(drafts: list[TaskDraft]) -> None:
    for level, draft in enumerate(drafts):
        rule = rule_of(draft)
        changed = np.abs(drawn(rule, scratches=rule.scratches) - drawn(rule)).max()
        assert (changed > 5) == (level == 2)


def test_mean_brightness_hardly_goes_with_the_answer(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        shown = np.load(io.BytesIO(draft.public["train_images.npy"])).mean(axis=(1, 2))
        rows = list(csv.reader(io.StringIO(draft.public["train.csv"].decode())))[1:]
        total = np.array([float(row[1]) for row in rows])
        assert abs(np.corrcoef(shown, total)[0, 1]) < 0.5
