"""Curves show every number of a run once, whatever is missing, and equally each time."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.errors import UsageError
from sandmle.evaluation import MedalTable
from sandmle.testing.training_run import made_step
from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics
from sandmle.view.curves import Line, Panel, legend, panels, running_mean, span, stack_tops
from sandmle.view.curves_png import SHADES, write_curves
from sandmle.view.curves_svg import panel_svg, ticks

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=80)
RATES = dict.fromkeys(("valid", "above_median", "bronze", "silver", "gold"), 0.25)
COUNTS = dict.fromkeys(("masked", "masked_share", "masked_tasks", "partial_tasks", "timed_out"), 0)


def evaluation(name: str, step: int, *, interval: tuple[float, float] | None = (0.3, 0.7)):
    table = MedalTable(
        tasks=4, samples=8, reward=0.5, any_medal=0.5, any_medal_ci95=interval, **RATES, **COUNTS
    )
    return EvaluationMetrics(name=name, step=step, table=table)


STEPS = [made_step(step, of=30) for step in range(1, 31)]
EVALUATIONS = [evaluation(name, step) for name in ("held-out", "unseen") for step in (0, 30)]


def panel(title: str, found: list[Panel]) -> Panel:
    return next(panel for panel in found if panel.title == title)


def test_every_curve_that_is_asked_for_is_there() -> None:
    found = panels(STEPS, EVALUATIONS)
    assert len(found) == 12
    medal = panel("Any medal", found)
    assert [line.name for line in medal.lines] == ["training", "held-out", "unseen"]
    assert medal.lines[0].values == tuple(step.any_medal for step in STEPS)
    assert medal.lines[1].steps == (0, 30)
    assert medal.lines[1].intervals == ((0.3, 0.7), (0.3, 0.7))
    assert span(found) == (0, 30)


def test_the_stack_of_times_adds_up_to_the_steps() -> None:
    tops = stack_tops(panel("Wall time of a step", panels(STEPS, [])).lines)
    assert tops[-1] == pytest.approx([step.step_seconds for step in STEPS])


def test_a_step_without_a_paid_episode_leaves_a_gap() -> None:
    steps = [STEPS[0], STEPS[1].model_copy(update={"reward": None}), STEPS[2]]
    assert panel("Mean reward", panels(steps, [])).lines[0].steps == (1, 3)


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert panels([], []) == []
    with pytest.raises(UsageError, match="no step and no evaluation"):
        write_curves(tmp_path / "curves.png", [], [], title="empty")
    assert list(tmp_path.iterdir()) == []


@given(VALUES)
def test_a_running_mean_stays_within_its_values(values: list[float]) -> None:
    smooth = running_mean(values)
    assert len(smooth) == len(values)
    assert min(values) - 1e-6 <= min(smooth) <= max(smooth) <= max(values) + 1e-6


@given(st.floats(-1e3, 1e3), st.integers(1, 200))
def test_a_running_mean_of_a_constant_is_the_constant(value: float, count: int) -> None:
    assert running_mean([value] * count) == pytest.approx([value] * count)


@given(st.lists(st.floats(-10, 10), max_size=19))
def test_a_short_run_is_not_smoothed(values: list[float]) -> None:
    assert running_mean(values) == pytest.approx(values)


@given(
    st.floats(-1e5, 1e5, allow_subnormal=False),
    st.floats(1e-4, 1e6, allow_subnormal=False),
    st.integers(3, 7),
)
def test_ticks_are_round_evenly_apart_and_within(low: float, width: float, count: int) -> None:
    high = low + width
    found = ticks(low, high, count)
    assert 1 <= len(found) <= count
    slack = 1e-6 * max(abs(low), abs(high), width)
    assert low - slack <= found[0] <= found[-1] <= high + slack
    gaps = [b - a for a, b in itertools.pairwise(found)]
    assert gaps == pytest.approx([gaps[0]] * len(gaps) if gaps else [], rel=1e-3, abs=1e-9)


def test_ticks_need_a_range() -> None:
    with pytest.raises(ValueError, match="must be below"):
        ticks(1.0, 1.0)


def hard_cases() -> list[tuple[list[StepMetrics], list[EvaluationMetrics]]]:
    flat = [STEPS[0].model_copy(update={"step": n, "clipped": 0.0}) for n in (1, 2)]
    return [
        (STEPS, EVALUATIONS),
        (STEPS[:1], []),
        ([], [evaluation("held-out", 0)]),
        ([], [evaluation("held-out", 0, interval=None)]),
        (flat, EVALUATIONS),
    ]


@pytest.mark.parametrize("case", hard_cases(), ids=["whole", "one", "before", "point", "flat"])
def test_every_panel_is_sound_svg_within_its_frame(
    case: tuple[list[StepMetrics], list[EvaluationMetrics]],
) -> None:
    found = panels(*case)
    for one in found:
        root = ElementTree.fromstring(panel_svg(one, span(found)))
        width, height = (float(side) for side in root.attrib["viewBox"].split()[2:])
        for shape in root.iter():
            for x, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", shape.attrib.get("points", "")):
                assert 0 <= float(x) <= width
                assert -1 <= float(y) <= height


def test_names_in_a_picture_are_text() -> None:
    line = Line("<b>", "eval1", (0, 1), (0.1, 0.2), (None, None))
    drawn = panel_svg(Panel("a & <b>", (line,)), (0, 1))
    assert ElementTree.fromstring(drawn).attrib["aria-label"] == "a & <b>"


def test_colours_stand_for_the_same_everywhere() -> None:
    entries = legend(EVALUATIONS)
    assert entries == [("training", "train"), ("held-out", "eval1"), ("unseen", "eval2")]
    page = Path(__file__).parents[2] / "src" / "sandmle" / "view" / "training.html"
    styled = set(re.findall(r"\.(\w+)", page.read_text()))
    assert SHADES.keys() <= styled


@pytest.mark.parametrize("case", hard_cases()[:2], ids=["whole", "one"])
def test_the_picture_is_the_same_each_time(
    tmp_path: Path, case: tuple[list[StepMetrics], list[EvaluationMetrics]]
) -> None:
    pytest.importorskip("matplotlib")
    for name in ("a.png", "b.png"):
        write_curves(tmp_path / name, *case, title="twice")
    data = (tmp_path / "a.png").read_bytes()
    assert data == (tmp_path / "b.png").read_bytes()
    assert data.startswith(b"\x89PNG")


@pytest.mark.parametrize("case", hard_cases(), ids=["whole", "one", "before", "point", "flat"])
def test_an_axis_holds_its_values_and_is_no_point(
    case: tuple[list[StepMetrics], list[EvaluationMetrics]],
) -> None:
    for one in panels(*case):
        low, high = one.bounds()
        assert high - low >= one.least * (1 - 1e-9)
        assert low < high
        if not one.stacked:
            values = [value for line in one.lines for value in line.values]
            assert low <= min(values) <= max(values) <= high


def test_rounding_does_not_fill_an_axis() -> None:
    steps = [step.model_copy(update={"ratio": 1 + 1e-7 * step.step}) for step in STEPS]
    low, high = panel("Importance ratio", panels(steps, [])).bounds()
    assert low < 0.996 < 1.004 < high
