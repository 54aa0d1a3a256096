"""What is particular to `image/detect`: which forms are named, and where boxes lie."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_detect import DetectRule, ImageDetect, _draw
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.metrics.box_map import boxes
from sandmle.seeds import get_seed


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    dna = get_seed("siim-covid19-detection").dna()
    family = FAMILIES.get(ImageDetect.name)
    return [family.draft(dna, 4711, difficulty=level) for level in range(3)]


def rule_of(draft: TaskDraft) -> DetectRule:
    return DetectRule.model_validate(draft.rule)


def test_neither_outline_nor_filling_tells_the_label_alone_on_the_highest_level(
    drafts: list[TaskDraft],
) -> None:
    full_disc, full_block, hollow_disc, hollow_block = rule_of(drafts[2]).label_of_form
    assert full_disc == hollow_block != full_block == hollow_disc


def test_one_form_is_a_decoy_on_the_middle_level(drafts: list[TaskDraft]) -> None:
    named = rule_of(drafts[1]).label_of_form
    assert named.count(None) == 1
    assert len(set(named)) == 4


def test_decoys_are_in_the_picture_and_have_no_box(drafts: list[TaskDraft]) -> None:
    quiet = {"label_of_form": (None,) * 4, "noise": 0.0, "slope": 0.0, "scratches": 0}
    shown = _draw(rule_of(drafts[1]).model_copy(update=quiet), Streams(5), 20)
    assert shown.boxes == [""] * 20
    assert (np.ptp(shown.pixels, axis=(1, 2)) > 20).all()


def test_boxes_keep_the_margin_from_what_is_bright(drafts: list[TaskDraft]) -> None:
    quiet = {"most": 1, "noise": 0.0, "slope": 0.0, "scratches": 0, "margin": 0.0}
    named = {"label_of_form": ("a",) * 4}
    shown = _draw(rule_of(drafts[0]).model_copy(update={**quiet, **named}), Streams(5), 30)
    for picture, text in zip(shown.pixels.astype(float), shown.boxes, strict=True):
        (box,) = boxes(text)
        down, across = np.nonzero(picture > (picture.max() + np.median(picture)) / 2)
        assert across.min() == pytest.approx(box.x, abs=1.0)
        assert down.max() + 1 == pytest.approx(box.y + box.height, abs=1.0)


def test_boxes_stay_within_the_reach_of_the_picture(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = rule_of(draft)
        for row in list(csv.reader(io.StringIO(draft.answers.decode())))[1:]:
            for box in boxes(row[1]):
                assert box.x >= 0
                assert box.y >= 0
                assert box.x + box.width <= rule.width
                assert box.y + box.height <= rule.height
