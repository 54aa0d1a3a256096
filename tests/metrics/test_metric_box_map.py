"""Mean average precision of boxes, against scores worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from sandmle.metrics._base import BadPrediction
from sandmle.metrics.box_map import Box, BoxMap, boxes, write


def scored(true: list[str], pred: list[str], *, iou: float = 0.5) -> float:
    return BoxMap(iou=iou)(np.array(true, dtype=object), np.array(pred, dtype=object))


def test_a_sure_hit_before_a_miss_costs_nothing() -> None:
    assert scored(["a 1 0 0 4 4"], ["a 0.9 0 0 4 4 a 0.3 20 20 4 4"]) == 1.0


def test_a_sure_miss_before_a_hit_halves_the_precision() -> None:
    assert scored(["a 1 0 0 4 4"], ["a 0.3 0 0 4 4 a 0.9 20 20 4 4"]) == 0.5


def test_boxes_of_equal_confidence_are_one_level() -> None:
    true, pred = ["a 1 0 0 4 4", "a 1 0 0 4 4"], ["a 0.5 0 0 4 4", "a 0.5 20 20 4 4"]
    assert scored(true, pred) == 0.25
    assert scored(true[::-1], pred[::-1]) == 0.25


def test_precision_and_recall_add_up_over_images_by_hand() -> None:
    # levels .9 hit, .8 miss, .7 hit of three true boxes: 1/3 * 1 + 1/3 * 2/3
    true = ["a 1 0 0 4 4", "a 1 0 0 4 4 a 1 9 9 4 4"]
    pred = ["a 0.9 0 0 4 4 a 0.8 20 20 4 4", "a 0.7 9 9 4 4"]
    assert scored(true, pred) == pytest.approx(5 / 9)


def test_a_true_box_is_hit_once_only() -> None:
    assert scored(["a 1 0 0 4 4 a 1 9 9 4 4"], ["a 0.9 0 0 4 4 a 0.8 0 0 4 4"]) == 0.5


def test_labels_count_alike_however_frequent_they_are() -> None:
    true = ["a 1 0 0 4 4", "a 1 0 0 4 4", "b 1 0 0 4 4"]
    assert scored(true, ["a 1 0 0 4 4", "a 1 0 0 4 4", "a 0.1 0 0 4 4"]) == 0.5


def test_a_hit_starts_at_the_least_overlap() -> None:
    # 4 x 4 boxes that share 4 x 2: 8 of 24 pixels
    assert scored(["a 1 0 0 4 4"], ["a 1 0 2 4 4"], iou=1 / 3) == 1.0
    assert scored(["a 1 0 0 4 4"], ["a 1 0 2 4 4"], iou=0.34) == 0.0


def test_a_label_that_no_answer_has_neither_helps_nor_harms() -> None:
    assert scored(["a 1 0 0 4 4"], ["a 1 0 0 4 4 zebra 1 0 0 4 4"]) == 1.0


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a 1 0 0 4", "5 parts"),
        ("a 1.5 0 0 4 4", "from 0 to 1"),
        ("a 1 0 0 0 4", "no area"),
        ("a 1 0 nan 4 4", "plain decimal"),
        ("a 1 0 1e3 4 4", "plain decimal"),
        ("a;b 1 0 0 4 4", "no label"),
        ("a 1 0 0 4 4 " * 101, "at most"),
    ],
)
def test_malformed_boxes_are_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(BadPrediction, match=complaint) as caught:
        BoxMap().check(np.array(["", text], dtype=object))
    assert caught.value.row == 1


def test_answers_without_any_box_admit_no_score() -> None:
    with pytest.raises(ValueError, match="no box"):
        scored([""], ["a 1 0 0 4 4"])


def test_boxes_are_read_as_they_are_written() -> None:
    found = [Box("a", 1.0, -0.5, 3.0, 4.25, 0.1), Box("b-2", 0.0, 0.0, 0.0, 9.0, 9.0)]
    assert list(boxes(write(found))) == found
