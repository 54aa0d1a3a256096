from dataclasses import replace

import pytest

from sandmle.core.draft import Baseline, Reference
from sandmle.grading import AnswerKey, Grader
from sandmle.metrics import get_metric
from sandmle.verify.ladder import run_ladder


@pytest.fixture
def grader(toy):
    return Grader(
        get_metric(toy.metric), toy.submission, AnswerKey.parse(toy.answers, toy.submission)
    )


def test_rungs_are_scored_on_the_private_rows(toy, measured_toy):
    ladder = measured_toy.measurement.ladder
    grader = measured_toy.grader
    assert [rung.name for rung in ladder.rungs] == [rung.name for rung in toy.ladder]
    for rung in ladder.rungs:
        assert rung.score == grader.score(rung.data, "private") != grader.score(rung.data)
        assert rung.cpu_seconds > 0
    assert not ladder.failed


def test_a_script_that_fails_is_a_rung_with_its_error(toy, sandbox, grader):
    scripts = (
        Baseline("broken", "raise ValueError('no such thing')"),
        Baseline("silent", "pass"),
        Baseline("wrong", "open('submission.csv', 'w').write('plot,crop\\np1,1\\n')"),
    )
    ladder = run_ladder(replace(toy, ladder=toy.ladder + scripts), sandbox, grader)
    broken, silent, wrong = ladder.rungs[-3:]
    assert broken.error == "ValueError: no such thing"
    # the submission of the script before must not count for one that writes nothing
    assert silent.error == "there is no submission"
    assert "p1" in wrong.error
    assert {rung.score for rung in (broken, silent, wrong)} == {None}
    with pytest.raises(ValueError, match="broken"):
        ladder.board(None, None)


def test_the_best_pipeline_is_the_reference_of_a_real_table(toy, sandbox, grader):
    ladder = run_ladder(replace(toy, reference=Reference("best_pipeline")), sandbox, grader)
    assert ladder.reference.name == "expert"
    assert ladder.reference_cpu_seconds == 0.0


def test_a_data_rich_reference_trains_the_strongest_rungs_on_more_rows(toy, sandbox, grader):
    header, *rows = toy.public["train.csv"].decode().splitlines()
    few = replace(toy, public={**toy.public, "train.csv": "\n".join([header, *rows[:9]]).encode()})
    rich = replace(
        few, reference=Reference("data_rich", None, {"train.csv": toy.public["train.csv"]})
    )
    ladder = run_ladder(rich, sandbox, grader)
    assert ladder.reference.name == "expert"
    assert ladder.reference.score < ladder.rungs[-1].score
    assert ladder.reference_cpu_seconds > 0


def test_scores_for_the_report_are_rounded_and_have_gains(measured_toy):
    measured = measured_toy.measurement
    scores = measured.ladder.scores(measured.board)
    assert [score.gain for score in scores] == sorted(score.gain for score in scores)
    assert scores[0].gain == 0.0
    assert all(score.score == float(f"{score.score:.5e}") for score in scores)
