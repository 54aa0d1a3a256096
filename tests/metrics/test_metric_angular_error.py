"""The mean angular error, by hand: angles come round, and they are finite numbers."""

import numpy as np
import pytest

from sandmle.core.task import MetricSpec
from sandmle.metrics import get_metric
from sandmle.metrics.angular_error import AngularError


def test_errors_are_the_shorter_way_round():
    true = np.array([10.0, 350.0, 90.0, 0.0])
    pred = np.array([20.0, 10.0, 270.0, 359.0])
    assert AngularError()(true, pred) == pytest.approx((10 + 20 + 180 + 1) / 4)


def test_axes_without_a_head_have_period_180():
    metric = get_metric(MetricSpec(name="angular_error", params={"period": 180.0}))
    assert metric(np.array([5.0, 170.0]), np.array([185.0, 10.0])) == pytest.approx(10.0)
    assert "period = 180" in metric.full_title


def test_whole_turns_do_not_matter():
    true, pred = np.array([30.0, 200.0]), np.array([40.0, 180.0])
    assert AngularError()(true, pred + 720.0) == pytest.approx(AngularError()(true, pred))
    assert AngularError()(true, pred - 360.0) == pytest.approx(15.0)


def test_several_angles_in_a_row_count_alike():
    true, pred = np.array([[0.0, 0.0]]), np.array([[90.0, -30.0]])
    assert AngularError()(true, pred) == pytest.approx(60.0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_finite_number_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        AngularError()(np.array([1.0, 2.0]), np.array([1.0, value]))


@pytest.mark.parametrize("period", [0.0, -360.0, float("nan"), float("inf")])
def test_a_period_is_positive(period):
    with pytest.raises(ValueError, match="positive"):
        AngularError(period=period)
