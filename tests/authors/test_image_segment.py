"""What is particular to `image/segment`: rim, holes, the change of sign, the codes of masks."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.authors.procedural.image_segment import ImageSegment, SegmentRule, _draw
from sandmle.authors.toolkit.rle import encode, explained
from sandmle.core.draft import TaskDraft
from sandmle.core.seeding import Streams
from sandmle.metrics.dice import runs
from sandmle.seeds import get_seed


@pytest.fixture(scope="module")
def drafts() -> list[TaskDraft]:
    dna = get_seed("tgs-salt-identification-challenge").dna()
    family = FAMILIES.get(ImageSegment.name)
    return [family.draft(dna, 4711, difficulty=level) for level in range(3)]


def decoded(code: str, height: int, width: int) -> NDArray[np.bool_]:
    line = np.zeros(height * width, dtype=bool)
    for first, last in runs(code, height * width):
        line[first - 1 : last] = True
    return line.reshape(width, height).T


def still(
    draft: TaskDraft, **changed: int
) -> tuple[SegmentRule, NDArray[np.float64], NDArray[np.bool_]]:
    """Pictures without noise, light and clutter, holes kept, and their masks."""
    rule = SegmentRule.model_validate(draft.rule)
    quiet = {"noise": 0.0, "slope": 0.0, "dots": 1, "stripe": 0.0, **changed}
    shown = _draw(rule.model_copy(update=quiet), Streams(5), 40)
    masks = [decoded(code, rule.height, rule.width) for code in shown.masks]
    return rule, shown.pixels.astype(float), np.array(masks)


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_a_mask_survives_its_run_length_code(mask: NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(decoded(encode(mask), *mask.shape), mask)


@given(st.integers(5, 60), st.integers(3, 60))
def test_the_example_in_the_page_is_what_the_page_says(height: int, width: int) -> None:
    mask = np.zeros((height, width), dtype=bool)
    mask[2:4, 0], mask[:4, 1] = True, True
    assert f"`{encode(mask)}`" in explained(height, width)


def test_masks_are_larger_or_smaller_than_what_differs_in_grey(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = SegmentRule.model_validate(draft.rule)
        wide, plain = (
            _draw(rule.model_copy(update={"rim": rim}), Streams(5), 20).masks
            for rim in (rule.rim, 0.0)
        )
        sizes = [
            sum(decoded(code, rule.height, rule.width).sum() for code in masks)
            for masks in (wide, plain)
        ]
        assert (sizes[0] > sizes[1]) == (rule.rim > 0)
        assert sizes[0] != sizes[1]


def test_objects_are_darker_than_the_ground_in_some_pictures_from_level_one(
    drafts: list[TaskDraft],
) -> None:
    for level, draft in enumerate(drafts):
        _, pixels, masks = still(draft)
        darker = [np.median(p[m]) < np.median(p[~m]) for p, m in zip(pixels, masks, strict=True)]
        assert (0.1 < np.mean(darker) < 0.8) == (level >= 1)


def test_holes_lie_inside_the_mask_from_level_one(drafts: list[TaskDraft]) -> None:
    for level, draft in enumerate(drafts):
        # with a mask that ends well inside the outline, only holes can look like the ground
        _, pixels, masks = still(draft, rim=-3)
        like_ground = [
            (np.abs(p[m] - np.median(p[~m])) < 5).mean() for p, m in zip(pixels, masks, strict=True)
        ]
        assert (np.mean(like_ground) > 0.03) == (level >= 1)


def test_every_code_of_the_answers_can_be_read(drafts: list[TaskDraft]) -> None:
    for draft in drafts:
        rule = SegmentRule.model_validate(draft.rule)
        for row in list(csv.reader(io.StringIO(draft.answers.decode())))[1:]:
            assert len(runs(row[1], rule.height * rule.width))
