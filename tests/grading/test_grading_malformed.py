"""The strict grader against the matrix of malformed and odd submissions, and against a fuzzer."""

import math
import random
import time

import pytest

from sandmle.core.errors import InvalidSubmission
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.grading import AnswerKey, Grader
from sandmle.grading.malformed import legitimate_cases, malformed_cases
from sandmle.metrics import get_metric

PROBABILITIES = tuple(Column(name=name, kind="number", low=0, high=1) for name in ("p_a", "p_b"))
SETTINGS = {
    "number": ("rmse", {}, (Column(name="y", kind="number"),), ["1.5", "-2", "0"]),
    "range": ("log_loss", {}, PROBABILITIES, ["1,0", "0,1", "1,0"]),
    "integer": ("qwk", {}, (Column(name="y", kind="integer", low=0, high=4),), ["0", "3", "4"]),
    "label": ("f1", {}, (Column(name="y", kind="label", labels=("0", "1")),), ["0", "1", "1"]),
    "string": ("levenshtein", {}, (Column(name="y", kind="string"),), ["uno", "dos", "tres y"]),
    "mask": (
        "dice",
        {"height": 5, "width": 5},
        (Column(name="y", kind="string", max_length=50),),
        ["1 3", "", "2 2 9 4"],
    ),
    "mixed": (
        "exact_match",
        {},
        (Column(name="n", kind="number"), Column(name="t", kind="label", labels=("u", "v w"))),
        ["1,u", "2,v w", "0.5,u"],
    ),
}


def grader_and_submission(kind, rows=12):
    metric, params, columns, cells = SETTINGS[kind]
    schema = SubmissionSchema(id_column="row", targets=columns, rows=rows)
    header = ",".join(schema.header)
    lines = [f"r{i},{cells[i % len(cells)]}" for i in range(rows)]
    splits = ["private", "public"] * rows
    marked = [f"{line},{split}" for line, split in zip(lines, splits, strict=False)]
    answers = "\n".join([f"{header},split", *marked]).encode()
    grader = Grader(
        get_metric(MetricSpec(name=metric, params=params)), schema, AnswerKey.parse(answers, schema)
    )
    # the last row is wrong, so that a score depends on what stands in which row
    wrong = [*lines[:-1], f"r{rows - 1},{cells[0]}"]
    return grader, "\n".join([header, *wrong]).encode()


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_malformed_submission_is_refused_with_a_sentence(kind):
    grader, valid = grader_and_submission(kind)
    cases = malformed_cases(valid, grader.schema)
    assert len({case.name for case in cases}) == len(cases) >= 20
    for case in cases:
        for split in ("public", "private"):
            grade = grader.grade(case.data, split)
            assert grade.score is None, case.name
            assert grade.reason, case.name
            assert "\n" not in grade.reason, case.name
            assert len(grade.reason) < 400, case.name


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_legitimate_submission_is_scored_and_the_same_wherever_values_are(kind):
    grader, valid = grader_and_submission(kind)
    expected = grader.score(valid)
    cases = legitimate_cases(valid, grader.schema)
    assert len({case.name for case in cases}) == len(cases) >= 5
    for case in cases:
        score = grader.score(case.data)
        assert math.isfinite(score), case.name
        assert case.name == "constant" or score == expected, case.name


def test_a_task_of_one_row_has_malformed_cases_too():
    grader, valid = grader_and_submission("number", rows=1)
    cases = malformed_cases(valid, grader.schema)
    assert len(cases) >= 20
    assert not [case.name for case in cases if grader.grade(case.data).valid]


def mutate(data, rng):
    """Damage a file in one to three random ways."""
    for _ in range(rng.randint(1, 3)):
        at, end = sorted(rng.choices(range(len(data) + 1), k=2))
        kind = rng.randrange(7)
        if kind == 0:
            data = (
                data[:at] + bytes(rng.randrange(256) for _ in range(rng.randint(1, 4))) + data[at:]
            )
        elif kind == 1:
            data = data[:at] + rng.choice(PIECES) + data[at:]
        elif kind == 2:
            data = data[:at] + data[end:]
        elif kind == 3:
            data = data[:at] + data[at:end] * 2 + data[end:]
        else:
            lines = data.split(b"\n")
            first, second = rng.randrange(len(lines)), rng.randrange(len(lines))
            if kind == 4:
                lines[first], lines[second] = lines[second], lines[first]
            else:
                cells = lines[first].split(b",")
                cells[rng.randrange(len(cells))] = rng.choice(PIECES)
                lines[first] = b",".join(cells)
            data = b"\n".join(lines)
    return data


PIECES = [
    b",", b"\n", b"\r", b'"', b'""', b";", b"\t", b"\0", b" ", b"'", b"\\", b"#", b"=1+1", b"\xff",
    b"nan", b"inf", b"-1", b"-0", b"0", b"1", b"2.0", b"1e308", b"1e99", b"1e-320", b"9" * 400,
    b"r0", b"r1", b"row", b"y", b"u", b"1 2 3 4", b"3 1 1 1", b"x" * 3000, b"\xef\xbb\xbf",
    "\u00e9".encode(), "\u2028".encode(), "\ud7ff".encode(),
]  # fmt: skip


def test_ten_thousand_random_submissions_give_a_score_or_a_sentence_and_nothing_else():
    rng = random.Random(0)
    graders = [grader_and_submission(kind) for kind in SETTINGS]
    scored = refused = 0
    started = time.perf_counter()
    for turn in range(10_000):
        grader, valid = graders[turn % len(graders)]
        try:
            score = grader.score(mutate(valid, rng), rng.choice(["public", "private", None]))
        except InvalidSubmission:
            refused += 1
        else:
            scored += 1
            assert math.isfinite(score)
    assert scored > 500
    assert refused > 500
    assert time.perf_counter() - started < 20
