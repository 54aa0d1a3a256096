"""Episodes on a real Ray cluster of several nodes, which are all this machine."""

import asyncio
import importlib.util
import os
import secrets
import time
from pathlib import Path

import pytest

from sandmle.core.draft import Baseline
from sandmle.core.errors import InfraError, UsageError
from sandmle.rollout import Job, LocalExecutor, RunSettings, open_setup
from sandmle.rollout.ray_executor import RayExecutor, RayOptions
from sandmle.sandbox import make_sandbox
from sandmle.store.ladder import pack_ladder
from sandmle.testing.tiny_task import TINY_SCRIPTS, tiny_task

pytestmark = [
    pytest.mark.isolation,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    # Ray leaves pipes of its processes open, and announces changes.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray"),
]

SETTINGS = RunSettings(sandbox="warm", preload=(), group_size=8)


@pytest.fixture(scope="module")
def cluster():
    """A head that plays nothing, and one worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        # After the variables: Ray reads them when it is imported.
        from ray.cluster_utils import Cluster

        head = {"num_cpus": 0, "include_dashboard": False}
        made = Cluster(initialize_head=True, head_node_args=head)
        made.add_node(num_cpus=1)
        yield made
        made.shutdown()


def slow_task(path, *, seconds):
    """Write a task whose scripts sleep first."""
    task_dir = tiny_task(path, name=path.name)
    scripts = {
        name: f"import time\ntime.sleep({seconds})\n{code}" for name, code in TINY_SCRIPTS.items()
    }
    ladder = pack_ladder(tuple(Baseline(name, code) for name, code in scripts.items()))
    (path / "private" / "ladder.py").write_bytes(ladder)
    return task_dir


def executor(cluster, settings=SETTINGS, *, say=lambda text: None, **changes):
    options = {"address": cluster.address, "concurrency": 2, "wait_seconds": 30, **changes}
    return RayExecutor(settings, RayOptions(**options), say=say)


def jobs_of(tasks):
    return [Job(task_dir, replica) for task_dir in tasks for replica in range(SETTINGS.group_size)]


def grades(played):
    return {
        (p.episode.task_id, p.episode.replica): (
            p.episode.seed,
            p.episode.submission,
            p.episode.grade.model_dump_json(),
            p.episode.reward.model_dump_json(),
            p.contents,
        )
        for p in played
    }


async def played_here(jobs):
    played = []
    with make_sandbox(SETTINGS.sandbox, preload=SETTINGS.preload) as sandbox:
        async with open_setup(SETTINGS, sandbox) as setup:
            await LocalExecutor(setup).run(jobs, played.append)
    return played


async def test_a_node_killed_in_mid_run_and_one_that_joins_change_no_grade(cluster, tmp_path):
    doomed = cluster.add_node(num_cpus=1)
    tasks = [slow_task(tmp_path / name, seconds=0.4) for name in ("first", "second", "third")]
    played, said, taken = [], [], []

    def jobs():
        for job in jobs_of(tasks):
            taken.append(job)
            assert len(taken) - len(played) <= 6  # taken only where there is room
            yield job

    def deliver(episode):
        played.append(episode)
        both = sum("plays 2 episodes" in text for text in said) == 2
        if both and len(played) >= 3 and doomed in cluster.list_all_nodes():
            cluster.remove_node(doomed, allow_graceful=False)
            cluster.add_node(num_cpus=1)

    await executor(cluster, say=said.append).run(jobs(), deliver)
    assert len(played) == len(taken) == 24
    assert any("was lost" in text for text in said)
    assert sum("plays 2 episodes" in text for text in said) == 3
    assert grades(played) == grades(await played_here(jobs_of(tasks)))
    await until(lambda: not actors(), seconds=5)


async def test_cancelling_ends_the_episodes_their_processes_and_the_actors(cluster, tmp_path):
    task_dir = slow_task(tmp_path / "endless", seconds=1000)
    said = []
    run = asyncio.create_task(
        executor(cluster, say=said.append).run(jobs_of([task_dir]), lambda played: None)
    )
    await until(lambda: any("plays" in text for text in said), seconds=30)
    await asyncio.sleep(1)
    started = {pid for actor in actors() for pid in (actor, *below(actor))}
    assert len(started) > 3
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await until(lambda: not started & set(parents()), seconds=5)
    assert not actors()


async def test_a_sandbox_that_no_node_can_start_is_an_error_that_says_why(cluster, tasks):
    said = []
    broken = SETTINGS.model_copy(update={"python": "/usr/bin/false"})
    with pytest.raises((UsageError, InfraError), match=r"(?s)no node .* can play .*bin/false"):
        await executor(cluster, broken, say=said.append).run(jobs_of(tasks), print)
    assert all("is left out" in text for text in said)


async def test_settings_that_no_node_accepts_are_the_users_error(cluster, tasks):
    unknown = SETTINGS.model_copy(update={"scaffold": "raect"})
    with pytest.raises(UsageError, match="Did you mean 'react'"):
        await executor(cluster, unknown).run(jobs_of(tasks), print)
    await until(lambda: not actors(), seconds=5)


async def test_a_cluster_without_enough_processors_is_an_error_after_the_wait(cluster, tasks):
    with pytest.raises(InfraError, match="no node with 64 processors"):
        await executor(cluster, num_cpus=64, wait_seconds=0.1).run(jobs_of(tasks), print)


async def test_an_error_of_the_caller_ends_the_run_and_leaves_the_cluster_alone(cluster, tasks):
    def deliver(played):
        raise UsageError("the disk is full")

    with pytest.raises(UsageError, match="the disk is full"):
        await executor(cluster).run(jobs_of(tasks), deliver)
    await until(lambda: not actors(), seconds=5)
    assert all(node.remaining_processes_alive() for node in cluster.list_all_nodes())


async def test_an_address_of_ray_client_is_refused_with_the_next_move(tasks):
    options = RayOptions(address="ray://127.0.0.1:10001")
    with pytest.raises(UsageError, match="ray job submit"):
        await RayExecutor(SETTINGS, options).run(jobs_of(tasks), print)


async def until(holds, *, seconds):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)


def parents():
    """Return the parent of every process."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            stat = (place / "stat").read_text()
        except OSError:
            continue
        found[int(place.name)] = int(stat.rpartition(")")[2].split()[1])
    return found


def below(pid):
    children = [child for child, parent in parents().items() if parent == pid]
    return [*children, *(deeper for child in children for deeper in below(child))]


def actors():
    """Return the processes of actors that this process's clusters hold."""
    ours = {os.getpid(), *below(os.getpid())}
    return [pid for pid in ours if command(pid).startswith("ray::NodePlayer")]


def command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
