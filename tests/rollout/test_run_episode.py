"""One episode: graded, paid, retried or masked."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode
from sandmle.core.errors import GraderError, PolicyError, UsageError
from sandmle.core.task import Limits, Medal
from sandmle.rollout import episode_seed, run_episode
from sandmle.scaffolds.react import React
from sandmle.store import TaskDir
from sandmle.testing.flaky import FlakySandbox
from sandmle.testing.policies import FailingPolicy, HangingPolicy, RepeatingPolicy
from sandmle.testing.tiny_task import tiny_task


async def test_an_episode_tells_who_played_what_and_what_came_of_it(tasks, setup):
    episode = await run_episode(tasks[0], setup(seed=5), replica=1)
    assert (episode.task_id, episode.scaffold, episode.policy) == (
        tasks[0].task.id,
        "react",
        "scripted:expert",
    )
    assert episode.seed == episode_seed(5, tasks[0].task.id, 1)
    assert (episode.stop_reason, episode.attempts, episode.failure) == ("answered", 1, None)
    assert [step.tool for step in episode.steps] == ["python", "score", "answer"]
    assert [step.parent for step in episode.steps] == [None, 0, 1]
    assert episode.grade.medal is Medal.GOLD
    assert episode.reward.total == pytest.approx(1.0)
    assert 0 < sum(step.tool_seconds for step in episode.steps) < episode.seconds
    assert episode.versions["sandbox"] == "unsafe"
    assert episode.versions["feedback"] == "public"
    assert episode.versions["stateful"] == "false"
    assert Episode.model_validate_json(episode.to_record()) == episode


async def test_a_better_script_earns_more(tasks, setup):
    rewards = [(await run_episode(tasks[0], setup(), replica=r)).reward.total for r in (0, 1)]
    assert rewards[0] == pytest.approx(0.4)
    assert rewards[1] == pytest.approx(1.0)


async def test_an_agent_that_submits_nothing_is_paid_for_its_form_alone(tasks, setup):
    turns = ["<think>a</think><answer>submission</answer>"]
    episode = await run_episode(tasks[0], setup(policy=lambda *_, **__: RepeatingPolicy(turns)))
    assert not episode.masked
    assert not episode.grade.valid
    assert episode.reward.total == pytest.approx(0.1)


async def test_time_that_runs_out_is_the_agents_and_is_graded(tasks, setup):
    limits = Limits(step_seconds=5, total_seconds=0.3)
    episode = await run_episode(
        tasks[0], setup(policy=lambda *_, **__: HangingPolicy(), limits=limits)
    )
    assert episode.stop_reason == "total_time"
    assert episode.reward is not None
    assert episode.attempts == 1


async def test_a_sandbox_that_cannot_keep_variables_is_not_tried_again(tasks, setup):
    episode = await run_episode(tasks[0], setup(stateful=True))
    assert (episode.masked, episode.attempts) == (True, 1)
    assert episode.failure.error == "UsageError"
    assert "use 'warm'" in episode.failure.message
    assert episode.versions["stateful"] == "true"


@pytest.mark.parametrize("operation", ["open", "run", "read"])
async def test_an_infrastructure_failure_is_retried_in_a_fresh_session(
    tasks, setup, unsafe, operation
):
    sandbox = FlakySandbox(unsafe, fail_times=2, operation=operation)
    episode = await run_episode(tasks[0], setup(sandbox=sandbox), replica=1)
    assert episode.attempts == 3
    assert episode.failure is None
    assert len(episode.steps) == 3
    assert episode.reward.total == pytest.approx(1.0)
    assert sandbox.sessions_opened == (1 if operation == "open" else 3)


async def test_an_episode_that_keeps_failing_is_masked_and_never_paid_zero(tasks, setup, unsafe):
    sandbox = FlakySandbox(unsafe, fail_times=99, operation="read")
    episode = await run_episode(tasks[0], setup(sandbox=sandbox), replica=1)
    assert episode.masked
    assert episode.grade is None
    assert (episode.stop_reason, episode.attempts) == ("infrastructure", 3)
    assert episode.failure.boundary == "sandbox"
    assert "during 'read'" in episode.failure.message
    assert episode.policy == "scripted:expert"
    assert [step.tool for step in episode.steps] == ["python"]


@pytest.mark.parametrize(
    ("error", "boundary", "name"),
    [
        (PolicyError("server is down"), "policy", "PolicyError"),
        (ConnectionError("refused"), "policy", "PolicyError"),
        (TimeoutError("the server's own"), "policy", "PolicyError"),
    ],
)
async def test_a_failing_policy_masks_the_episode(tasks, setup, error, boundary, name):
    episode = await run_episode(tasks[0], setup(policy=lambda *_, **__: FailingPolicy(error)))
    assert episode.masked
    assert (episode.failure.boundary, episode.failure.error) == (boundary, name)
    assert str(error) in episode.failure.message
    assert episode.attempts == 3


async def test_a_policy_that_cannot_be_made_masks_the_episode(tasks, setup):
    def broken(task_dir, *, replica, seed):
        raise PolicyError("no server at port 1")

    episode = await run_episode(tasks[0], setup(policy=broken))
    assert episode.masked
    assert episode.failure.boundary == "policy"
    assert episode.steps == ()


@dataclass(frozen=True)
class Buggy(React):
    async def run(self, env, policy, *, trace):
        raise ZeroDivisionError("a bug")


async def test_a_bug_of_ours_masks_the_episode(tasks, setup):
    for broken in (setup(scaffold=Buggy()), setup(reward=lambda grade, well_formed: 1 / 0)):
        episode = await run_episode(tasks[0], broken)
        assert episode.masked
        assert episode.failure.boundary == "other"
        assert "ZeroDivisionError" in episode.failure.message


async def test_damaged_answers_mask_the_episode(tmp_path, setup):
    task_dir = tiny_task(tmp_path / "task")
    (task_dir.path / "private" / "answers.csv").write_text("id,y,split\n")
    episode = await run_episode(task_dir, setup())
    assert episode.failure.boundary == "grader"
    assert GraderError.__name__ == episode.failure.error
    (task_dir.path / "private" / "answers.csv").unlink()
    gone = await run_episode(task_dir, setup())
    assert (gone.failure.error, gone.failure.boundary) == ("UsageError", "other")
    assert gone.attempts == 1


async def test_a_task_that_is_not_there_is_an_error_and_not_an_episode(tmp_path, setup):
    with pytest.raises(UsageError, match=r"task\.json"):
        await run_episode(TaskDir(tmp_path / "nothing"), setup())


@given(
    root=st.integers(0, 2**64), other=st.integers(0, 2**64), replicas=st.sets(st.integers(0, 99))
)
def test_seeds_differ_by_root_task_and_replica_and_fit_into_63_bits(root, other, replicas):
    seeds = {episode_seed(root, task, replica) for task in "ab" for replica in replicas}
    assert len(seeds) == 2 * len(replicas)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert root == other or episode_seed(root, "a", 0) != episode_seed(other, "a", 0)
