"""A sandbox and a few tasks to play."""

import pytest

from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import make_scaffold, scripted
from sandmle.testing.tiny_task import tiny_task


@pytest.fixture(scope="session")
def unsafe():
    with UnsafeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    return [tiny_task(folder / name, name=name) for name in ("first", "second", "third")]


def play_ladder(task_dir, *, replica, seed):
    """Play rung `replica` of the ladder: 0 is the dummy, odd ones the expert."""
    rung = task_dir.ladder()[replica % 2]
    return scripted(make_scaffold("react"), f"scripted:{rung.name}", [rung.script])


@pytest.fixture
def setup(unsafe):
    """What plays the ladder, with any part replaced."""

    def make(*, sandbox=unsafe, policy=play_ladder, scaffold=None, reward=None, **settings):
        settings = {"retry_seconds": 0, "concurrency": 3, "group_size": 2, **settings}
        return Setup(
            sandbox=sandbox,
            scaffold=scaffold or make_scaffold("react"),
            policy=policy,
            reward=reward or get_reward("milestone"),
            settings=RolloutSettings(**settings),
        )

    return make
