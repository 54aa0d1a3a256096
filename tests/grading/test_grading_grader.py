"""Answer keys and grades: splits, medals, gains, and whose fault a failure is."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import GraderError, InvalidSubmission
from sandmle.core.task import Column, Medal, MetricSpec, SubmissionSchema, Thresholds
from sandmle.grading import GRADER_VERSION, AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.metrics.rmse import RMSE

SCHEMA = SubmissionSchema(id_column="id", targets=(Column(name="y", kind="number"),), rows=4)
ANSWERS = b"id,y,split\na,1,public\nb,2,private\nc,3,private\nd,4,public\n"
KEY = AnswerKey.parse(ANSWERS, SCHEMA)
BARS = Thresholds(median=4.0, bronze=3.0, silver=2.0, gold=1.0, higher_is_better=False)
GRADER = Grader(get_metric("mae"), SCHEMA, KEY, BARS, dummy_score=5.0, reference_score=1.0)


def submission(a, b, c, d):
    return f"id,y\nd,{d}\na,{a}\nb,{b}\nc,{c}\n".encode()


def test_a_key_is_cut_by_split():
    assert KEY.ids == ("a", "b", "c", "d")
    assert KEY.only("public").ids == ("a", "d")
    assert KEY.only("private").values.ravel().tolist() == [2.0, 3.0]
    assert KEY.only(None) is KEY


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [
        (b"id,y\na,1\nb,2\nc,3\nd,4\n", "lacks 'split'"),
        (b"id,y,split\na,1,private\n", "1 rows"),
        (b"id,y,split\na,1,private\na,1,private\nb,1,private\nc,1,public\n", "3 different ids"),
        (b"id,y,split\na,1,public\nb,2,public\nc,3,public\nd,4,public\n", "some private"),
        (b"id,y,split\na,1,test\nb,2,private\nc,3,public\nd,4,public\n", "'test'"),
        (b"id,y,split\na,,private\nb,2,private\nc,3,public\nd,4,public\n", "not a number"),
        (b"\x80\x04", "UTF-8"),
    ],
)
def test_a_broken_key_is_never_the_agents_fault(answers, complaint):
    with pytest.raises(GraderError, match=complaint):
        AnswerKey.parse(answers, SCHEMA)


def test_a_group_may_not_lie_in_both_splits():
    schema = SCHEMA.model_copy(update={"group_column": "query"})
    answers = b"id,y,query,split\na,1,q,public\nb,0,q,public\nc,1,r,private\nd,0,r,private\n"
    assert AnswerKey.parse(answers, schema).only("private").groups.tolist() == ["r", "r"]
    with pytest.raises(GraderError, match="both splits"):
        AnswerKey.parse(answers.replace(b"d,0,r,private", b"d,0,r,public"), schema)


def test_the_grade_is_over_the_private_rows_and_the_score_tool_may_ask_for_the_public_ones():
    data = submission(a=1, b=2.5, c=3.5, d=14)
    assert GRADER.score(data, "private") == 0.5
    assert GRADER.score(data, "public") == 5.0
    assert GRADER.score(data) == 2.75
    grade = GRADER.grade(data)
    assert (grade.score, grade.medal, grade.above_median) == (0.5, Medal.GOLD, True)
    assert grade.grader_version == GRADER_VERSION
    assert GRADER.grade(data, "public").medal is Medal.NONE


def test_every_id_is_needed_whatever_the_split():
    with pytest.raises(InvalidSubmission, match="1 ids are missing"):
        GRADER.score(b"id,y\na,1\nb,2\nc,3\n", "private")


def test_a_file_that_was_not_written_is_an_invalid_submission():
    grade = GRADER.grade(None)
    assert not grade.valid
    assert grade.reason == "no submission.csv was written; write it into the current directory"


def test_a_malformed_submission_gets_a_reason_and_no_medal():
    grade = GRADER.grade(submission(1, "nan", 3, 4))
    assert (grade.score, grade.medal, grade.above_median, grade.gain) == (None, 0, False, None)
    assert grade.reason is not None
    assert "'nan', at id 'b'" in grade.reason


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_gains_are_clipped_and_grow_with_the_score(first, second):
    gains = [GRADER.grade(submission(0, 2 + abs(x), 3 + abs(x), 0)).gain for x in (first, second)]
    assert all(-0.2 <= gain <= 1.05 for gain in gains)
    if abs(first) < abs(second):
        assert gains[0] >= gains[1]


@pytest.mark.parametrize(("error", "gain"), [(5, 0.0), (1, 1.0), (3, 0.5), (0, 1.05), (30, -0.2)])
def test_the_gain_is_0_at_the_dummy_and_1_at_the_reference(error, gain):
    assert GRADER.grade(submission(0, 2 + error, 3 + error, 0)).gain == pytest.approx(gain)


def test_without_bars_and_references_a_grade_is_a_score_only():
    grade = Grader(get_metric("mae"), SCHEMA, KEY).grade(submission(1, 2, 3, 4))
    assert (grade.score, grade.medal, grade.gain) == (0.0, Medal.NONE, None)


def test_what_the_metric_cannot_take_is_refused_on_any_row_with_its_id():
    grader = Grader(get_metric("rmsle"), SCHEMA, KEY)
    for split in ("public", "private", None):
        with pytest.raises(InvalidSubmission, match=r"negative number .* \(at id 'd'\)"):
            grader.score(submission(1, 2, 3, -4), split)


def test_a_score_that_is_not_finite_is_invalid_and_never_valid():
    @dataclass(frozen=True)
    class Overflowing(RMSE):
        def score(self, y_true, y_pred, groups):
            return math.nan if (y_pred > 10).any() else math.inf

    grader = Grader(Overflowing(), SCHEMA, KEY)
    for top in (4, 11):
        grade = grader.grade(submission(1, 2, 3, top), None)
        assert grade.score is None
        assert "not a finite number" in grade.reason


@pytest.mark.parametrize("failure", [ValueError, MemoryError, ZeroDivisionError, KeyError])
def test_a_failure_of_the_metric_itself_is_the_graders(failure):
    @dataclass(frozen=True)
    class Broken(RMSE):
        def score(self, y_true, y_pred, groups):
            raise failure("out of order")

    with pytest.raises(GraderError, match="out of order"):
        Grader(Broken(), SCHEMA, KEY).grade(submission(1, 2, 3, 4))


def test_parts_that_do_not_fit_are_found_before_any_submission_is():
    with pytest.raises(GraderError, match="another direction"):
        Grader(get_metric("r2"), SCHEMA, KEY, BARS)
    with pytest.raises(GraderError, match="group column"):
        Grader(get_metric("ndcg_at_k"), SCHEMA, KEY)
    with pytest.raises(GraderError, match="schema says 5 rows"):
        Grader(get_metric("mae"), SCHEMA.model_copy(update={"rows": 5}), KEY)
    with pytest.raises(GraderError, match="mcrmse cannot take the answers"):
        Grader(get_metric("mcrmse"), SCHEMA, KEY)


def test_a_ranking_task_is_graded_by_its_groups():
    schema = SCHEMA.model_copy(update={"group_column": "query"})
    answers = b"id,y,query,split\na,1,q,public\nb,0,q,public\nc,1,r,private\nd,0,r,private\n"
    key = AnswerKey.parse(answers, schema)
    grader = Grader(get_metric(MetricSpec(name="ndcg_at_k", params={"k": 1})), schema, key)
    assert grader.grade(submission(0, 1, 9, 8)).score == 1.0
    assert grader.score(submission(0, 1, 9, 8), "public") == 0.0


def test_perfect_answers_and_values_stay_as_they_were():
    before = KEY.values.copy()
    assert GRADER.score(submission(1, 2, 3, 4)) == 0.0
    assert np.array_equal(KEY.values, before)
