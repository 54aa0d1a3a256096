"""Draws follow shares, schedules, levels and success, and go on where they stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.training.curriculum import TaskSampler, scheduled, teaching_N, weights_N
from sandmle.training.recipe import Curriculum, Source


@dataclass
class Drawn:
    """What a sampler looks at in a task's folder."""

    task: Any


def tasks(name: str, count: int) -> list[Any]:
    return [
        Drawn(SimpleNamespace(id=f"{name}:{i}", provenance=SimpleNamespace(difficulty=i % 3)))
        for i in range(count)
    ]


def sampler(curriculum: Curriculum | None = None, *, seed: int = 0, **weights: Any) -> TaskSampler:
    sources = [
        (Source(name=name, path=".", weight=weight), tasks(name, 30))
        for name, weight in (weights or {"one": 1.0}).items()
    ]
    return TaskSampler(sources, curriculum or Curriculum(), seed=seed)


def drawn(chosen: TaskSampler, steps: int, count: int = 4) -> Counter[str]:
    ids = [task.task.id for step in range(steps) for task in chosen.draw(step, count)]
    return Counter(ids)


def test_sources_come_by_their_weights() -> None:
    counts = drawn(sampler(one=3.0, two=1.0), 400)
    first = sum(count for task, count in counts.items() if task.startswith("one"))
    assert first / counts.total() == pytest.approx(0.74, abs=0.03)


def test_a_source_may_come_later() -> None:
    chosen = sampler(one=1.0, two=((0, 0.0), (10, 1.0)))
    assert all(task.task.id.startswith("one") for task in chosen.draw(0, 8))
    assert any(
        task.task.id.startswith("two") for step in range(10, 20) for task in chosen.draw(step, 8)
    )


def test_no_task_comes_twice_in_a_step() -> None:
    ids = [task.task.id for task in sampler().draw(0, 30)]
    assert len(set(ids)) == 30
    assert len(sampler().draw(0, 99)) == 30


def test_excluded_tasks_do_not_come() -> None:
    chosen = sampler()
    first = {task.task.id for task in chosen.draw(3, 20)}
    second = {task.task.id for task in chosen.draw(3, 20, exclude=first, turn=1)}
    assert len(second) == 10
    assert not first & second


def test_tasks_outside_the_band_come_less() -> None:
    chosen = sampler(Curriculum(band=(0.2, 0.8), outside=0.1, memory=0.0))
    easy = [f"one:{i}" for i in range(10)]
    chosen.record(dict.fromkeys(easy, 1.0) | {f"one:{i}": 0.5 for i in range(10, 30)})
    counts = drawn(chosen, 300)
    share = sum(counts[task] for task in easy) / counts.total()
    assert share == pytest.approx(1 / 21, abs=0.02)


def test_levels_open_by_the_schedule() -> None:
    chosen = sampler(Curriculum(difficulty=((0, 0.0), (10, 2.0))))
    levels = [{t.task.provenance.difficulty for t in chosen.draw(step, 30)} for step in (0, 5, 10)]
    assert levels == [{0}, {0, 1}, {0, 1, 2}]


def test_one_that_goes_on_draws_what_one_that_went_through_draws() -> None:
    through = sampler(Curriculum(band=(0.2, 0.8)))
    for step in range(6):
        if step == 3:
            state = through.state().model_copy()
        picked = through.draw(step, 4)
        through.record({task.task.id: step / 5 for task in picked})
    again = sampler(Curriculum(band=(0.2, 0.8)))
    again.restore(state)
    for step in range(3, 6):
        picked = again.draw(step, 4)
        again.record({task.task.id: step / 5 for task in picked})
    assert again.state() == through.state()


def test_shares_say_what_was_drawn() -> None:
    chosen = sampler(Curriculum(band=(0.2, 0.8), memory=0.5), one=1.0, two=1.0)
    assert chosen.shares() == {}
    chosen.record({"one:0": 1.0, "one:1": None})
    chosen.draw(0, 60)
    shares = chosen.shares()
    assert shares["source/one"] == shares["source/two"] == 0.5
    assert shares["in_band"] == pytest.approx(59 / 60)
    assert shares["success"] == 1.0
    assert shares["difficulty"] == pytest.approx(1.0)


def test_success_is_remembered() -> None:
    chosen = sampler(Curriculum(memory=0.75))
    chosen.record({"one:0": 1.0})
    chosen.record({"one:0": 0.0})
    assert chosen.state().success == {"one:0": 0.75}


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(0.05, 1), st.booleans()), min_size=1, max_size=20
    ),
    st.lists(st.floats(0, 5), min_size=3, max_size=3),
)
def test_weights_are_shares(rows: list[tuple[int, float, bool]], shares: list[float]) -> None:
    source, teaching, allowed = (np.array(column) for column in zip(*rows, strict=True))
    found = weights_N(source, np.array(shares), teaching, allowed)
    open_to = {s for s, _, free in rows if free and shares[s] > 0}
    assert found.sum() == pytest.approx(1.0 if open_to else 0.0)
    assert (found >= 0).all()
    assert not found[~allowed].any()
    total = sum(shares[s] for s in open_to)
    for s in open_to:
        assert found[source == s].sum() == pytest.approx(shares[s] / total)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), min_size=1, max_size=9))
def test_what_was_never_played_teaches_most(rates: list[float | None]) -> None:
    success = np.array([np.nan if rate is None else rate for rate in rates])
    found = teaching_N(success, Curriculum(band=(0.2, 0.8), outside=0.3))
    expected = [1.0 if rate is None or 0.2 <= rate <= 0.8 else 0.3 for rate in rates]
    assert found.tolist() == expected
    assert teaching_N(success, Curriculum()).tolist() == [1.0] * len(rates)


def test_a_schedule_is_linear_between_its_points() -> None:
    points = ((10, 1.0), (20, 3.0))
    assert [scheduled(points, step) for step in (0, 10, 15, 20, 99)] == [1, 1, 2, 3, 3]
    assert scheduled(0.5, 7) == 0.5
