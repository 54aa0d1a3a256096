"""`pytest tests/scaffolds --regen` writes the golden episodes anew; look at the difference."""

import json
from pathlib import Path

import pytest

from sandmle.core.episode import Episode
from sandmle.env import Environment
from sandmle.policies.replay import ReplayPolicy
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup, run_episode
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import Trace
from sandmle.testing.tiny_task import tiny_task


def pytest_addoption(parser):
    parser.addoption("--regen", action="store_true", help="write golden files anew")


@pytest.fixture
def regen(request):
    # Without the option this file may be loaded after the command line was read.
    return request.config.getoption("--regen", default=False)


@pytest.fixture(scope="session")
def unsafe():
    with UnsafeSandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def task(tmp_path_factory):
    return tiny_task(tmp_path_factory.mktemp("tasks") / "tiny")


@pytest.fixture
def play(task, unsafe):
    """Play texts or a policy in a scaffold; further settings are the environment's."""

    async def playing(scaffold, policy, *, seed=0, **settings):
        trace = Trace(seed=seed)
        if isinstance(policy, list):
            policy = ScriptedPolicy("scripted", policy)
        async with Environment(task, unsafe, **settings) as env:
            stop = await scaffold.run(env, policy, trace=trace)
            return stop, trace, await env.finish()

    return playing


@pytest.fixture
def replays(task, unsafe, regen):
    """Play a golden episode again, or write it anew, and return it with what was played."""

    async def replaying(scaffold, said):
        def setup(policy):
            return Setup(
                sandbox=unsafe,
                scaffold=scaffold,
                policy=lambda task_dir, *, replica, seed: policy,
                reward=get_reward("milestone"),
                settings=RolloutSettings(max_attempts=1),
            )

        path = Path(__file__).parents[1] / "golden" / f"{scaffold.name}_episode.json"
        if regen:
            episode = await run_episode(task, setup(ScriptedPolicy("golden", said)))
            path.write_text(json.dumps(json.loads(episode.to_record()), indent=1) + "\n")
        golden = Episode.model_validate_json(path.read_bytes())
        again = await run_episode(task, setup(ReplayPolicy(golden)))
        return _stable(golden), _stable(again)

    return replaying


def _stable(episode):
    """Return the record without clocks, memory and versions, which differ from run to run."""
    record = json.loads(episode.to_record())
    for name in ("versions", "seconds", "policy", "timings"):
        del record[name]
    for step in record["steps"]:
        for name in ("policy_seconds", "tool_seconds", "queue_seconds"):
            del step[name]
        for name in ("seconds", "cpu_seconds", "peak_mib", "queue_seconds"):
            (step["execution"] or {}).pop(name, None)
    return record
