"""Whole runs against a model's server that fails: nothing of it is the agent's."""

import asyncio
import time

import pytest

from sandmle.core.errors import PolicyRefused
from sandmle.core.task import Limits, Medal
from sandmle.policies import MODELS, ModelSettings
from sandmle.rollout import LocalExecutor, run_groups
from sandmle.rollout.model_policy import ModelPolicy
from sandmle.scaffolds import make_scaffold
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.model_server import (
    BUSY,
    HANG,
    RESET,
    TRANSIENT,
    WRONG_KEY,
    ModelServer,
    always,
    every,
    first,
    ladder_turns,
)

GROUP = 4


@pytest.fixture
def play(setup, tasks, tmp_path):
    """Play groups against a server and return the episodes, by task and replica."""

    def run(name, faults=None, *, limits=None, **settings):
        settings = {"retry_seconds": 0, "timeout_seconds": 0.5, "max_attempts": 20, **settings}
        turns = ladder_turns(tasks, make_scaffold("react"))

        async def over_http(server):
            model = MODELS.get("openai")(
                ModelSettings(model="m", base_url=server.base_url, **settings)
            )
            options = {"group_size": GROUP, "concurrency": 4, "max_attempts": 2, "limits": limits}
            executor = LocalExecutor(setup(policy=ModelPolicy(model), **options))
            try:
                with EpisodeLog(tmp_path / name) as log:
                    await run_groups(tasks, executor, group_size=GROUP, log=log)
            finally:
                await model.close()

        with ModelServer(turns, faults=faults) as server:
            asyncio.run(over_http(server))
        return {(e.task_id, e.replica): e for e in EpisodeLog(tmp_path / name)}

    return run


@pytest.mark.parametrize("stream", [False, True])
def test_all_episodes_of_a_faulty_server_are_graded_as_those_of_a_sound_one(play, stream):
    sound = play("sound", stream=stream)
    assert len(sound) == 3 * GROUP
    assert {e.grade.medal for e in sound.values()} == {Medal.GOLD}
    faulty = play("faulty", every(2, TRANSIENT), stream=stream)
    outline = {
        key: (e.grade, e.reward, e.stop_reason, e.failure, e.attempts, [s.action for s in e.steps])
        for key, e in sound.items()
    }
    assert outline == {
        key: (e.grade, e.reward, e.stop_reason, e.failure, e.attempts, [s.action for s in e.steps])
        for key, e in faulty.items()
    }


@pytest.mark.parametrize("fault", [BUSY, HANG, RESET], ids=lambda fault: fault.kind)
def test_a_server_that_never_recovers_masks_every_episode_and_pays_none(play, fault):
    episodes = play("dead", always(fault), max_attempts=2, timeout_seconds=0.1).values()
    assert len(episodes) == 3 * GROUP
    assert {e.failure.boundary for e in episodes} == {"policy"}
    assert all(e.masked and e.reward is None and e.attempts == 2 for e in episodes)


def test_time_that_the_server_lost_is_not_the_agents(play):
    limits = Limits(step_seconds=20, total_seconds=3)
    episodes = play("slow", first([HANG] * 16), limits=limits, timeout_seconds=0.8).values()
    assert {(e.stop_reason, e.grade.medal) for e in episodes} == {("answered", Medal.GOLD)}


def test_a_wrong_key_ends_the_run_at_once_with_one_message(play, tmp_path):
    began = time.monotonic()
    with pytest.raises(PolicyRefused, match="does not take the key in OPENAI_API_KEY"):
        play("refused", always(WRONG_KEY))
    assert time.monotonic() - began < 5
    assert list(EpisodeLog(tmp_path / "refused")) == []
