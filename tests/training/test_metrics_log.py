"""Lines of metrics survive kills, full disks and resumes; reading gives back what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.evaluation import MedalTable
from sandmle.testing.training_run import made_step
from sandmle.training.metrics_log import EvaluationMetrics, Metrics, MetricsLog

RATES = ("valid", "above_median", "bronze", "silver", "gold", "any_medal")
COUNTS = ("masked", "masked_share", "masked_tasks", "partial_tasks", "timed_out")
HOSTILE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)


def evaluation(step: int, *, name: str = "held-out", any_medal: float = 0.5) -> EvaluationMetrics:
    rates = dict.fromkeys(RATES, 0.25) | {"any_medal": any_medal}
    table = MedalTable(tasks=4, samples=8, reward=0.5, **dict.fromkeys(COUNTS, 0), **rates)
    return EvaluationMetrics(name=name, step=step, table=table)


def history(steps: int) -> list[Metrics]:
    return [evaluation(0), *(made_step(step) for step in range(1, steps + 1)), evaluation(steps)]


@pytest.fixture
def log(tmp_path: Path) -> MetricsLog:
    return MetricsLog(tmp_path / "metrics.jsonl")


def filled(log: MetricsLog, lines: list[Metrics]) -> None:
    for line in lines:
        log.append(line)


def test_the_parts_of_a_step_add_up_to_its_wall_time() -> None:
    step = made_step(3, before=10.0)
    assert step.seconds == pytest.approx(10.0 + step.step_seconds)
    assert step.bronze + step.silver + step.gold == pytest.approx(step.any_medal)


def test_what_is_written_is_read(log: MetricsLog) -> None:
    lines = history(3)
    filled(log, lines)
    assert list(log) == lines
    assert [m.step for m in log.steps()] == [1, 2, 3]
    assert [m.step for m in log.evaluations()] == [0, 3]


def test_a_log_that_is_not_there_is_empty(log: MetricsLog) -> None:
    assert list(log) == []
    assert log.keep_until(0, aside=log.path.with_name("aside")) == 0
    assert not log.path.exists()


@HOSTILE
@given(cut=st.integers(1, 5_000))
def test_a_line_cut_anywhere_is_passed_over_and_kept_aside(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    log = MetricsLog(tmp_path_factory.mktemp("cut") / "metrics.jsonl")
    lines = history(2)
    filled(log, lines)
    whole = log.path.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    log.path.write_bytes(kept)
    left = kept.count(b"\n")
    assert list(log) == lines[:left]
    log.append(made_step(7))
    assert list(log) == [*lines[:left], made_step(7)]
    torn = kept.rpartition(b"\n")[2]
    aside = log.path.with_name("metrics.jsonl.torn")
    assert (aside.read_bytes() if aside.exists() else b"") == (torn + b"\n" if torn else b"")


def test_a_step_is_not_written_twice(log: MetricsLog) -> None:
    filled(log, history(2))
    before = log.path.read_bytes()
    with pytest.raises(UsageError, match="holds step 2 already"):
        log.append(made_step(2, seed=5))
    assert log.path.read_bytes() == before


def test_an_evaluation_that_is_there_stays(log: MetricsLog) -> None:
    assert log.append(evaluation(0))
    assert not log.append(evaluation(0, any_medal=0.9))
    assert log.append(evaluation(0, name="another"))
    assert [e.table.any_medal for e in log.evaluations()] == [0.5, 0.5]


@HOSTILE
@given(steps=st.integers(1, 6), until=st.integers(0, 7))
def test_going_back_moves_later_lines_and_loses_none(
    tmp_path_factory: pytest.TempPathFactory, steps: int, until: int
) -> None:
    log = MetricsLog(tmp_path_factory.mktemp("back") / "metrics.jsonl")
    lines = history(steps)
    filled(log, lines)
    aside = log.path.parent / "dropped" / "metrics.jsonl"
    moved = log.keep_until(until, aside=aside)
    assert list(log) == [line for line in lines if line.step <= until]
    assert list(MetricsLog(aside)) == [line for line in lines if line.step > until]
    assert moved == sum(line.step > until for line in lines)
    assert log.keep_until(until, aside=aside) == 0


def test_a_move_that_was_cut_short_is_finished_without_doubles(log: MetricsLog) -> None:
    lines = history(3)
    filled(log, lines)
    aside = log.path.with_name("aside.jsonl")
    everything = log.path.read_bytes()
    log.keep_until(1, aside=aside)
    log.path.write_bytes(everything)
    log.keep_until(1, aside=aside)
    assert list(log) == lines[:2]
    assert list(MetricsLog(aside)) == lines[2:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (b'"step":1,', b'"step":"x",'),
        (b'"entropy"', b'"entropie"'),
        (b'"kind":"step"', b'"kind":"z"'),
    ],
)
def test_a_changed_line_is_named(log: MetricsLog, change: bytes, said: bytes) -> None:
    filled(log, history(1))
    log.path.write_bytes(log.path.read_bytes().replace(change, said))
    with pytest.raises(UsageError, match=r"metrics.jsonl, line 2 cannot be read"):
        list(log)


def test_where_nothing_can_be_written_the_error_says_how_to_go_on(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path / "no-folder" / "metrics.jsonl")
    with pytest.raises(UsageError, match="goes on from the last checkpoint"):
        log.append(made_step(1))
