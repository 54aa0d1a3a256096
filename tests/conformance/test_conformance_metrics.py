"""The public conformance suite over every metric, and over metrics that are wrong on purpose."""

from dataclasses import dataclass

import numpy as np
import pytest

from sandmle.metrics import METRICS, Metric
from sandmle.metrics.rmse import RMSE
from sandmle.testing.check_metric import check_metric


@pytest.mark.parametrize("name", METRICS.names())
def test_metric_conforms(name):
    for seed in range(5):
        check_metric(name, seed=seed)


@dataclass(frozen=True)
class WrongDirection(RMSE):
    def score(self, y_true, y_pred, groups):
        return -super().score(y_true, y_pred, groups)


@dataclass(frozen=True)
class OrderDependent(RMSE):
    def score(self, y_true, y_pred, groups):
        weight = np.linspace(1, 2, len(y_true))[:, None]
        return float(np.mean(weight * (y_pred - y_true) ** 2))


@dataclass(frozen=True)
class Spoiler(RMSE):
    def score(self, y_true, y_pred, groups):
        y_pred -= y_true
        return float(np.sqrt(np.mean(y_pred**2)))


@dataclass(frozen=True)
class NeverPerfect(RMSE):
    def score(self, y_true, y_pred, groups):
        return 1.0 + super().score(y_true, y_pred, groups)


@dataclass(frozen=True)
class TakesNaN(RMSE):
    def __call__(self, y_true, y_pred, *, groups=None):
        return super().__call__(
            np.nan_to_num(y_true.astype(float)), np.nan_to_num(y_pred.astype(float))
        )


@pytest.mark.parametrize(
    ("kind", "complaint"),
    [
        (WrongDirection, "not worse than best"),
        (OrderDependent, "another order of rows"),
        (Spoiler, "changes its inputs"),
        (NeverPerfect, "perfect predictions score 1.0"),
        (TakesNaN, "a NaN among the predictions"),
    ],
)
def test_a_metric_that_breaks_the_contract_is_found_out(kind: type[Metric], complaint, monkeypatch):
    # entered under its own name for the time of the test, so that only the planted fault is left
    monkeypatch.setattr(kind, "__module__", "rmse")
    monkeypatch.setitem(METRICS._entries, "rmse", kind)
    with pytest.raises(AssertionError, match=complaint):
        check_metric(kind())


def test_a_metric_outside_the_registry_is_found_out():
    with pytest.raises(AssertionError, match="not registered"):
        check_metric(WrongDirection())
