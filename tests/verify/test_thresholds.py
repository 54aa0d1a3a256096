from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.task import Medal
from sandmle.core.verdict import Bars
from sandmle.verify.board import Board
from sandmle.verify.thresholds import BAR_NAMES, MIN_GAP, Rejection, place

NAMES = ("dummy", "naive", "standard", "strong", "expert")
GOOD = (0.0, 0.2, 0.4, 0.65, 0.9)


def board(
    gains=GOOD,
    *,
    names=None,
    reference=1.0,
    sample=-0.5,
    scatter=0.01,
    higher=True,
    dummy=10.0,
    unit=4.0,
):
    """A board whose dummy scores `dummy` (oriented) and whose gain of 1 is worth `unit`."""
    rng = np.random.default_rng(1)
    raw = dummy + unit * np.array([*gains, sample, reference])
    replicates = raw + unit * scatter * rng.standard_normal((200, len(raw)))
    return Board(
        names=tuple(names or NAMES[: len(gains)]),
        rungs_R=raw[:-2],
        sample=float(raw[-2]),
        reference=float(raw[-1]),
        rungs_BR=replicates[:, :-2],
        sample_B=replicates[:, -2],
        reference_B=replicates[:, -1],
        higher_is_better=higher,
    )


def placed(*args, kind="oracle", rule="H", **kwargs) -> Bars:
    bars = place(board(*args, **kwargs), kind=kind, rule=rule)
    assert isinstance(bars, Bars), bars
    return bars


def reason(*args, kind="oracle", rule="H", **kwargs) -> str:
    outcome = place(board(*args, **kwargs), kind=kind, rule=rule)
    assert isinstance(outcome, Rejection), outcome
    return outcome.reason


def test_bars_snap_to_rungs_that_lie_well():
    both = placed((0.0, 0.2, 0.3, 0.5, 0.7, 0.9), names=(*NAMES, "extra"))
    assert both.gains == {"median": 0.3, "bronze": 0.5, "silver": 0.7, "gold": 0.88}


def test_one_rung_takes_the_nearer_bar_and_the_other_stands_half_way():
    assert placed().gains == {"median": 0.4, "bronze": 0.525, "silver": 0.65, "gold": 0.88}
    low = placed((0.0, 0.2, 0.4, 0.5, 0.9)).gains
    assert low == {"median": 0.4, "bronze": 0.5, "silver": 0.69, "gold": 0.88}


def test_bars_stand_at_thirds_where_rungs_lie_too_near_to_other_bars():
    names = (*NAMES, "extra")
    bars = placed((0.0, 0.1, 0.62, 0.63, 0.86, 0.9), names=names, scatter=0.02)
    assert bars.gains["median"] == 0.62
    gaps = np.diff([bars.gains[name] for name in BAR_NAMES])
    assert gaps == pytest.approx([gaps[0]] * 3, abs=1e-3)


def test_the_median_leaves_room_for_three_bars():
    bars = placed((0.0, 0.7, 0.8, 0.84, 0.9), scatter=0.001)
    assert bars.gains["median"] == pytest.approx(0.88 - 0.18)


def test_gold_is_never_asked_nearer_to_the_reference_than_97_percent():
    assert placed((0.0, 0.2, 0.4, 0.65, 1.0)).gains["gold"] == pytest.approx(0.97)


def test_names_of_rungs_do_not_matter():
    shuffled = placed((0.9, 0.0, 0.65, 0.2, 0.4), names=("expert", "dummy", "strong", "x", "y"))
    assert shuffled.gains == placed().gains


@pytest.mark.parametrize(
    ("wanted", "kwargs"),
    [
        ("ladder.reference_not_better", {"reference": -0.1}),
        ("ladder.too_few_rungs", {"gains": (0.0, 0.4, 0.9)}),
        ("ladder.bar_gap", {"gains": (0.0, 0.02, 0.05, 0.1, 0.2)}),
        ("ladder.bar_gap", {"scatter": 0.2}),
        (
            "ladder.sample_near_bronze",
            {"gains": (0.0, 0.0, 0.0, 0.2, 0.4), "scatter": 0.06, "sample": 0.0},
        ),
        ("ladder.reference_near_gold", {"gains": (0.0, 0.2, 0.4, 0.65, 0.97), "scatter": 0.04}),
        ("ladder.no_medal_below_gold", {"gains": (0.0, 0.2, 0.3, 0.3, 0.9)}),
    ],
)
def test_a_ladder_that_cannot_carry_bars_is_rejected_with_its_reason(wanted, kwargs):
    assert reason(**kwargs) == wanted


def test_a_crowd_at_the_top_leaves_too_few_under_the_median():
    assert reason((0.0, 0.75, 0.76, 0.8, 0.9), scatter=0.001) == "ladder.too_few_under_median"


def test_the_better_of_dummy_and_sample_submission_is_the_floor():
    bars = placed(sample=0.1)
    assert bars.dummy_score == pytest.approx(10.4)


def test_lower_is_better_gives_the_mirror_image():
    up, down = placed(dummy=10.0), placed(dummy=-10.0, higher=False)
    assert down.gains.keys() == up.gains.keys()
    assert down.thresholds.gold < down.thresholds.median
    assert down.dummy_score == 10.0
    assert down.reference_score == 6.0


def test_a_bar_that_stands_at_a_rung_is_reached_by_that_rung():
    for unit in (0.0317, 1.7, 93_211.0):
        bars = placed(unit=unit, dummy=0.123456789)
        score = 0.123456789 + unit * 0.65
        assert bars.thresholds.medal(score) >= Medal.BRONZE
        assert not bars.thresholds.above_median(0.123456789 + unit * 0.4)


def test_the_best_rung_of_a_real_table_is_its_reference_and_earns_gold():
    bars = placed((0.0, 0.3, 0.5, 0.8, 1.0), kind="best_pipeline")
    assert bars.gains["gold"] == pytest.approx(0.9)
    assert bars.thresholds.medal(14.0) is Medal.GOLD


def test_a_real_table_on_which_all_pipelines_are_near_the_best_still_has_bars():
    bars = placed((0.0, 0.97, 0.98, 0.99, 1.0), kind="best_pipeline")
    assert bars.gains["gold"] == pytest.approx(0.95)


def test_a_real_table_whose_hidden_rows_are_too_few_is_rejected():
    assert reason((0.0, 0.5, 0.6, 0.8, 1.0), kind="best_pipeline", scatter=0.6) == "ladder.bar_gap"


def test_the_paper_rule_takes_the_named_rungs():
    bars = placed(rule="paper")
    assert bars.gains == {"median": 0.2, "bronze": 0.4, "silver": 0.65, "gold": 0.9}


def test_the_paper_rule_rejects_a_named_ladder_that_does_not_rise():
    assert reason((0.0, 0.4, 0.2, 0.65, 0.9), rule="paper") == "ladder.not_monotone"


def test_the_paper_rule_rejects_a_sample_submission_that_beats_gold():
    assert reason((-0.9, -0.8, -0.7, -0.6, -0.5), sample=0.0, rule="paper") == (
        "ladder.sample_beats_gold"
    )


@given(
    gains=st.lists(st.floats(0.0, 1.0), min_size=3, max_size=8),
    scatter=st.floats(0.0, 0.1),
    unit=st.floats(0.001, 1e6),
    higher=st.booleans(),
    kind=st.sampled_from(["oracle", "data_rich", "best_pipeline"]),
)
def test_placed_bars_are_ordered_and_apart(gains, scatter, unit, higher, kind):
    names = ["dummy", *(f"r{i}" for i in range(len(gains)))]
    outcome = place(
        board((0.0, *gains), names=names, scatter=scatter, unit=unit, higher=higher), kind=kind
    )
    if isinstance(outcome, Rejection):
        assert outcome.reason.startswith("ladder.")
        return
    bars = [outcome.gains[name] for name in BAR_NAMES]
    assert all(b - a >= MIN_GAP - 1e-3 for a, b in pairwise(bars))
    assert outcome.gains["gold"] <= 0.98
    assert all(low <= high for low, high in outcome.ci95.values())
    thresholds = outcome.thresholds
    assert thresholds.higher_is_better is higher
