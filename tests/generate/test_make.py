from dataclasses import replace

import pytest

from sandmle.authors.procedural import FAMILIES
from sandmle.core.errors import UsageError
from sandmle.generate import Plan, draw, make_task, orders, write_task
from sandmle.generate.make import untimed
from sandmle.seeds import get_seed
from sandmle.store.layout import TaskDir


def author(attempt):
    """The first draft names its answers openly; the next one is clean."""
    dna = get_seed("playground-series-s3e18").dna()
    draft = FAMILIES.get("timeseries/panel-v2").draft(dna, 10 + attempt, difficulty=0)
    if attempt == 0:
        return replace(draft, public={**draft.public, "answers.csv": draft.answers})
    return draft


@pytest.fixture(scope="module")
def drawn(tools):
    return draw(author, tools, rebuild=False)


def test_a_rejected_draft_is_drawn_again(drawn):
    assert drawn.report.passed
    assert drawn.report.attempt == 1
    assert [attempt.passed for attempt in drawn.attempts] == [False, True]
    assert "split.named_file" in drawn.attempts[0].reasons
    assert len(drawn.attempts[0].reasons) == len(drawn.attempts[0].details)


def test_draws_end_at_the_limit(tools):
    drawn = draw(lambda attempt: author(0), tools, max_attempts=2, rebuild=False)
    assert not drawn.report.passed
    assert len(drawn.attempts) == 2


def test_a_draft_that_the_second_process_builds_otherwise_is_rejected(tools):
    def unsteady(attempt):
        draft = author(1)
        return replace(draft, recipe={**draft.recipe, "seed": "12"})

    drawn = draw(unsteady, tools, max_attempts=1)
    assert "determinism.differs" in drawn.report.reasons


def test_a_task_is_written_once_and_holds_no_timing(tools, tmp_path):
    order = orders(Plan(count=1, families=("timeseries/panel-v2",)))[0]
    outcome = make_task(order, 5, tmp_path, tools)
    assert outcome.folder == order.folder
    report = TaskDir(tmp_path / order.folder).report
    assert {rung.cpu_seconds for rung in report.rungs} == {0.0}
    assert {result.seconds for result in report.results} == {0.0}
    assert outcome.attempts[-1].ladder_cpu_seconds > 0
    with pytest.raises(UsageError, match="--force"):
        make_task(order, 5, tmp_path, tools)


def test_a_rejected_draft_cannot_be_written(tools, tmp_path):
    drawn = draw(lambda attempt: author(0), tools, max_attempts=1, rebuild=False)
    with pytest.raises(UsageError, match="thresholds"):
        write_task(tmp_path / "task", drawn.draft, drawn.report)
    assert not list(tmp_path.iterdir())


def test_untimed_keeps_everything_else(drawn):
    report = drawn.report
    assert untimed(report).bars == report.bars
    assert untimed(report).reasons == report.reasons
