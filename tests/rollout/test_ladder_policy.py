"""Scripted policies made of a task's own ladder."""

import pytest

from sandmle.core.errors import UsageError
from sandmle.rollout.ladder_policy import LadderPolicy
from sandmle.rollout.replay_policy import RecordedPolicy
from sandmle.scaffolds import make_scaffold
from sandmle.testing.tiny_task import tiny_task


@pytest.fixture
def task_dir(tmp_path):
    return tiny_task(tmp_path / "tiny")


def names(task_dir, rung, size, *, seed=1):
    policy = LadderPolicy(make_scaffold("react"), rung, size)
    return [policy(task_dir, replica=i, seed=seed + i).name for i in range(size)]


def test_a_mixed_group_goes_from_the_weakest_rung_to_the_strongest(task_dir):
    assert names(task_dir, "mixed", 2) == ["scripted:dummy", "scripted:expert"]
    group = names(task_dir, "mixed", 5)
    assert (group[0], group[-1]) == ("scripted:dummy", "scripted:expert")


def test_a_group_of_one_plays_the_weakest_rung(task_dir):
    assert names(task_dir, "mixed", 1) == ["scripted:dummy"]


def test_a_named_rung_is_played_by_every_replica(task_dir):
    assert set(names(task_dir, "expert", 3)) == {"scripted:expert"}


def test_random_rungs_depend_on_the_seed_alone(task_dir):
    assert names(task_dir, "random", 20) == names(task_dir, "random", 20)
    assert len(set(names(task_dir, "random", 20))) == 2


def test_an_unknown_rung_is_answered_with_the_nearest_one(task_dir):
    with pytest.raises(UsageError, match="Did you mean 'expert'"):
        names(task_dir, "exprt", 1)


def test_a_log_that_is_not_there_or_lacks_the_episode_is_refused(task_dir, tmp_path):
    with pytest.raises(UsageError, match="is not a file"):
        RecordedPolicy(tmp_path / "none.jsonl")
    empty = tmp_path / "episodes.jsonl"
    empty.touch()
    with pytest.raises(UsageError, match="no episode 0 of"):
        RecordedPolicy(empty)(task_dir, replica=0, seed=0)
