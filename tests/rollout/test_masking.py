"""What becomes of episodes that run out of time."""

from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Step
from sandmle.core.execution import Execution
from sandmle.core.reward import Reward
from sandmle.rollout import RolloutSettings
from sandmle.rollout.masking import settle, timed_out

EARNED = Reward(terms={"format": 0.1, "valid": 0.3})


def run(killed_by=None):
    execution = Execution(
        exit_code=None if killed_by else 0, stdout="", stderr="", seconds=1, cpu_seconds=1,
        peak_mib=1, killed_by=killed_by,
    )  # fmt: skip
    return Step(
        parent=None, action="", tool="python", observation="", well_formed=True,
        execution=execution,
    )  # fmt: skip


def test_more_than_the_allowed_share_of_stopped_runs_is_a_time_out():
    steps = [run("time"), *[run()] * 4]
    assert timed_out("answered", steps, tool_time_share=0.2) is None
    assert timed_out("answered", steps[:-1], tool_time_share=0.2) == "tool_time"


def test_runs_stopped_for_memory_are_no_time_outs():
    assert timed_out("answered", [run("memory")] * 5, tool_time_share=0.2) is None


def test_an_episode_whose_time_was_over_is_one_whatever_its_runs():
    assert timed_out("total_time", [], tool_time_share=1.0) == "total_time"


def test_paid_masked_or_punished_as_the_settings_say():
    outcome = {
        rule: settle(EARNED, "total_time", [], settings=RolloutSettings(time_outs=rule))
        for rule in ("pay", "mask", "punish")
    }
    assert outcome["pay"] == (EARNED, None)
    assert outcome["mask"] == (None, "total_time")
    punished, reason = outcome["punish"]
    assert punished.terms == {"format": 0.0, "valid": 0.0}
    assert reason is None


@given(
    st.sampled_from(["pay", "mask", "punish"]),
    st.lists(st.sampled_from([None, "time", "memory"]), max_size=8),
)
def test_who_keeps_to_the_time_is_always_paid_in_full(rule, ends):
    steps = [run(end) for end in ends if end != "time"]
    assert settle(EARNED, "answered", steps, settings=RolloutSettings(time_outs=rule)) == (
        EARNED,
        None,
    )
