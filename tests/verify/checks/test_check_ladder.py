from dataclasses import replace

import pytest

from sandmle.verify.checks import CHECKS
from sandmle.verify.thresholds import Rejection

CHECK = CHECKS.get("ladder")


def with_rung(changed, measured_toy, **fields):
    measured = measured_toy.measurement
    *rest, last = measured.ladder.rungs
    ladder = replace(measured.ladder, rungs=(*rest, replace(last, **fields)))
    context = changed()
    context.measured = replace(measured, ladder=ladder)
    return context


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        ("ladder.script_failed", {"score": None, "error": "KeyError: 'x'"}),
        ("ladder.slow_script", {"cpu_seconds": 5.1}),
        ("ladder.too_much_memory", {"peak_mib": 1500.0}),
    ],
)
def test_a_script_that_fails_or_takes_too_much_is_caught(changed, measured_toy, reason, fields):
    fault = CHECK.find(with_rung(changed, measured_toy, **fields))
    assert fault.reason == reason
    assert "expert" in fault.detail


def test_a_ladder_without_bars_is_caught_with_the_rule_s_reason(changed, measured_toy):
    context = changed()
    rejection = Rejection("ladder.no_gold", "no script of the ladder earns gold")
    context.measured = replace(measured_toy.measurement, outcome=rejection)
    assert CHECK.find(context).reason == "ladder.no_gold"
