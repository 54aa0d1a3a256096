"""Thresholds, submission schemas, grades and rewards as types."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sandmle.core.grade import Grade
from sandmle.core.reward import Reward
from sandmle.core.task import Column, Medal, SubmissionSchema, Thresholds

scores = st.floats(-1e6, 1e6)


@st.composite
def thresholds(draw: st.DrawFn) -> Thresholds:
    steps = draw(st.lists(st.floats(0.01, 100.0), min_size=3, max_size=3))
    bars = [draw(st.floats(-1_000.0, 1_000.0))]
    for step in steps:
        bars.append(bars[-1] + step)
    higher = draw(st.booleans())
    sign = 1 if higher else -1
    median, bronze, silver, gold = (sign * bar for bar in bars)
    return Thresholds(
        median=median, bronze=bronze, silver=silver, gold=gold, higher_is_better=higher
    )


@given(thresholds(), scores, scores)
def test_a_better_score_never_earns_less(bars: Thresholds, one: float, other: float) -> None:
    low, high = sorted((one, other), key=lambda score: bars.sign * score)
    assert bars.medal(low) <= bars.medal(high)
    assert bars.above_median(low) <= bars.above_median(high)


@given(thresholds())
def test_medals_are_reached_by_equality_and_the_median_must_be_beaten(bars: Thresholds) -> None:
    assert bars.medal(bars.gold) is Medal.GOLD
    assert bars.medal(bars.silver) is Medal.SILVER
    assert bars.medal(bars.bronze) is Medal.BRONZE
    assert bars.medal(bars.median) is Medal.NONE
    assert not bars.above_median(bars.median)
    assert bars.above_median(bars.bronze)


@given(thresholds())
def test_no_score_and_nan_earn_nothing(bars: Thresholds) -> None:
    for nothing in (None, math.nan):
        assert bars.medal(nothing) is Medal.NONE
        assert not bars.above_median(nothing)


@given(thresholds(), scores, scores)
def test_better_is_strict_and_has_the_metric_s_direction(
    bars: Thresholds, one: float, other: float
) -> None:
    assert bars.better(one, other) == (one > other if bars.higher_is_better else one < other)


@pytest.mark.parametrize(
    ("bars", "higher"),
    [
        ((4.0, 3.0, 2.0, 1.0), True),
        ((1.0, 2.0, 3.0, 4.0), False),
        ((1.0, 1.0, 2.0, 3.0), True),
        ((1.0, 2.0, 3.0, 3.0), True),
        ((1.0, 3.0, 2.0, 4.0), True),
    ],
)
def test_thresholds_out_of_order_are_refused(bars: tuple[float, ...], higher: bool) -> None:
    median, bronze, silver, gold = bars
    with pytest.raises(ValidationError, match="thresholds must be median"):
        Thresholds(median=median, bronze=bronze, silver=silver, gold=gold, higher_is_better=higher)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_records_hold_no_nan_and_no_infinity(bad: float) -> None:
    with pytest.raises(ValidationError, match="finite"):
        Thresholds(median=0.0, bronze=1.0, silver=2.0, gold=bad, higher_is_better=True)
    with pytest.raises(ValidationError, match="finite"):
        Grade(score=bad)


def test_records_are_frozen_and_know_their_fields() -> None:
    grade = Grade(score=0.5)
    with pytest.raises(ValidationError, match="frozen"):
        grade.score = 1.0  # type: ignore[misc]  # the very thing that must fail
    with pytest.raises(ValidationError, match="Extra inputs"):
        Grade.model_validate({"score": 0.5, "medall": 3})


def test_the_header_of_a_submission_is_the_id_then_the_targets() -> None:
    targets = (Column(name="a", kind="number"), Column(name="b", kind="integer"))
    schema = SubmissionSchema(id_column="id", targets=targets, rows=3, group_column="query")
    assert schema.header == ("id", "a", "b")


@pytest.mark.parametrize("rows", [0, -1])
def test_a_submission_has_at_least_one_row(rows: int) -> None:
    with pytest.raises(ValidationError, match="greater than 0"):
        SubmissionSchema(id_column="id", targets=(Column(name="a", kind="number"),), rows=rows)


def test_a_submission_has_at_least_one_target() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        SubmissionSchema(id_column="id", targets=(), rows=1)


@pytest.mark.parametrize(
    ("kind", "labels"), [("label", ()), ("number", ("a",)), ("string", ("a",))]
)
def test_label_columns_and_no_others_list_labels(kind: str, labels: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="exactly the columns of kind 'label'"):
        Column.model_validate({"name": "y", "kind": kind, "labels": labels})


def test_a_grade_is_valid_where_it_has_a_score() -> None:
    assert Grade(score=0.0).valid
    assert not Grade(score=None, reason="no submission").valid


def test_a_reward_is_the_sum_of_its_terms() -> None:
    assert Reward(terms={"format": 0.1, "medal": 0.5}).total == pytest.approx(0.6)
    assert Reward(terms={}).total == 0.0
