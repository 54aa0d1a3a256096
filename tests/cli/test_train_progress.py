"""What `sandmle train` shows while it goes on: to a terminal, to a file, to a program."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from rich.console import Console

from sandmle.cli.train_progress import TrainProgress, duration, evaluation_line, step_line
from sandmle.evaluation import MedalTable
from sandmle.testing.training_run import made_step
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics

RATES = dict.fromkeys(("valid", "above_median", "bronze", "silver", "gold"), 0.25)
COUNTS = dict.fromkeys(("masked", "masked_share", "masked_tasks", "partial_tasks", "timed_out"), 0)


def evaluation(step: int, *, name: str = "held-out", any_medal: float = 0.5) -> EvaluationMetrics:
    table = MedalTable(
        tasks=4, samples=8, reward=None, any_medal=any_medal, any_medal_ci95=(0.3, 0.7),
        **RATES, **COUNTS,
    )  # fmt: skip
    return EvaluationMetrics(name=name, step=step, table=table)


def shown(progress: TrainProgress, *, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(progress.render())
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def plain() -> Console:
    return Console(file=io.StringIO(), width=60)


def said(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


def test_a_file_gets_one_line_for_each_step_and_evaluation() -> None:
    console = plain()
    with TrainProgress(total=40, console=console) as progress:
        progress.said("held-out after step 0: 8 episodes [1]")
        progress.evaluated(evaluation(0))
        progress.stepped(made_step(1))
    lines = said(console)
    assert lines[0] == "held-out after step 0: 8 episodes [1]"
    assert lines[1] == (
        "held-out after step 0: any medal 50.0% [30.0, 70.0], valid 25.0%, reward -; "
        "8 episodes of 4 tasks"
    )
    assert lines[2].startswith("step 1/40: reward 0.")
    assert len(lines) == 3


def test_a_program_gets_the_lines_of_the_log_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with TrainProgress(total=4, as_json=True) as progress:
        progress.said("tasks of train")
        progress.evaluated(evaluation(0))
        progress.stepped(made_step(1))
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[0] == {"kind": "note", "text": "tasks of train"}
    assert EvaluationMetrics.model_validate(told[1]) == evaluation(0)
    assert TypeAdapter(StepMetrics).validate_python(told[2]) == made_step(1)


def test_a_terminal_of_80_columns_shows_the_last_dozen_steps() -> None:
    progress = TrainProgress(total=200, console=plain())
    progress.evaluated(evaluation(0))
    for step in range(95, 121):
        progress.stepped(made_step(step, of=200))
    lines = shown(progress)
    steps = [line.split()[0] for line in lines if line[:4].strip().isdigit()]
    assert steps == [str(step) for step in range(109, 121)]
    assert not any("…" in line for line in lines)
    assert lines[-1].startswith("120/200 steps; about ")


def test_of_many_evaluations_the_first_and_the_last_are_shown() -> None:
    before = [evaluation(step, name=name) for name in ("a", "b") for step in (0, 10, 20, 30, 40)]
    progress = TrainProgress(total=40, before=before, console=plain())
    rows = [line.split()[:2] for line in shown(progress) if line.startswith(("a ", "b "))]
    assert rows == [[name, step] for name in ("a", "b") for step in ("0", "30", "40")]


def test_steps_that_come_again_take_the_place_of_the_old() -> None:
    before = [*map(made_step, range(1, 6)), evaluation(0), evaluation(5)]
    progress = TrainProgress(total=9, before=before, console=plain())
    progress.stepped(made_step(4, seed=1))
    progress.evaluated(evaluation(5, any_medal=0.9))
    rows = [line.split() for line in shown(progress) if line[:1].isdigit() and "/" not in line]
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    assert rows[3][1] == f"{made_step(4, seed=1).reward:.3f}"
    assert sum(line.startswith("held-out") for line in shown(progress)) == 2


def test_earlier_calls_are_shown_and_not_said_again() -> None:
    console = plain()
    with TrainProgress(total=9, before=map(made_step, range(1, 6)), console=console):
        pass
    assert said(console) == []


def test_the_time_left_is_that_of_the_steps_left() -> None:
    progress = TrainProgress(total=10, console=plain())
    assert progress.seconds_left() is None
    step = made_step(4)
    progress.stepped(step)
    assert progress.seconds_left() == pytest.approx(6 * step.step_seconds)
    progress.stepped(made_step(10))
    assert progress.seconds_left() == 0


def test_a_live_table_ends_with_all_of_it_on_the_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=40)
    with TrainProgress(total=3, console=console) as progress:
        progress.said("held-out [bold]")
        for step in (1, 2, 3):
            progress.stepped(made_step(step, of=3))
    last = console.file.getvalue().rpartition("entropy")[2]  # type: ignore[attr-defined]
    assert "3/3 steps" in last


def test_a_step_without_a_paid_episode_has_no_reward() -> None:
    step = made_step(1).model_copy(update={"reward": None})
    assert "reward -," in step_line(step, 3, left=0.0)
    assert "left" not in step_line(step, 3, left=0.0)
    assert "reward -" in evaluation_line(evaluation(1))


@given(st.floats(0, 1e6))
def test_a_duration_is_right_to_the_unit_it_names(seconds: float) -> None:
    words = duration(seconds).split()
    unit = {"s": 1, "min": 60, "h": 3600}
    told = sum(
        float(number) * unit[name] for number, name in zip(words[::2], words[1::2], strict=True)
    )
    assert abs(told - seconds) <= (0.51 if words[1] == "s" else 30.01)
