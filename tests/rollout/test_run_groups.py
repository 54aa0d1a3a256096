"""Groups of episodes: parallel, recorded, resumable, and stopped cleanly."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter

import pytest

from sandmle.core.errors import UsageError
from sandmle.rollout import LocalExecutor, pending, run_groups
from sandmle.rollout.executor import run_bounded
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.flaky import FlakySandbox
from sandmle.testing.policies import HangingPolicy
from sandmle.testing.tiny_task import tiny_task


async def run(path, tasks, setup, **options):
    with EpisodeLog(path) as log:
        size = setup.settings.group_size
        return await run_groups(tasks, LocalExecutor(setup), group_size=size, log=log, **options)


async def test_every_task_gets_its_group_and_each_episode_is_on_disk_when_it_is_reported(
    tmp_path, tasks, setup
):
    path, reported = tmp_path / "e.jsonl", []

    def on_episode(episode):
        reported.append(episode)
        assert list(EpisodeLog(path)) == reported

    summary = await run(path, tasks, setup(), on_episode=on_episode)
    assert (summary.played, summary.skipped, summary.masked) == (6, 0, 0)
    ids = [task_dir.task.id for task_dir in tasks]
    assert EpisodeLog(path).keys() == {(task_id, replica) for task_id in ids for replica in (0, 1)}


async def test_the_same_call_again_plays_only_what_is_missing(tmp_path, tasks, setup):
    path = tmp_path / "e.jsonl"
    await run(path, tasks[:2], setup(group_size=1))
    first = path.read_bytes()
    summary = await run(path, tasks, setup(group_size=2))
    assert (summary.skipped, summary.played) == (2, 4)
    assert path.read_bytes().startswith(first)
    assert Counter((e.task_id, e.replica) for e in EpisodeLog(path)).most_common(1)[0][1] == 1
    again = await run(path, tasks, setup(group_size=2))
    assert (again.skipped, again.played) == (6, 0)


async def test_what_is_missing_comes_task_by_task(tmp_path, tasks):
    found = pending(tasks, EpisodeLog(tmp_path / "e.jsonl"), group_size=2)
    assert [(job.task_dir.path.name, job.replica) for job in found] == [
        (name, replica) for name in ("first", "second", "third") for replica in (0, 1)
    ]


async def test_two_folders_of_one_task_are_refused_before_anything_is_played(tmp_path, setup):
    twins = [tiny_task(tmp_path / name) for name in ("a", "b")]
    with pytest.raises(UsageError, match="are the same task"):
        await run(tmp_path / "e.jsonl", twins, setup())
    assert list(EpisodeLog(tmp_path / "e.jsonl")) == []


async def test_failing_episodes_stop_no_other(tmp_path, tasks, setup, unsafe):
    sandbox = FlakySandbox(unsafe, fail_times=2)
    summary = await run(
        tmp_path / "e.jsonl", tasks, setup(sandbox=sandbox, max_attempts=1, concurrency=2)
    )
    assert (summary.played, summary.masked) == (6, 2)
    masked = [e for e in EpisodeLog(tmp_path / "e.jsonl") if e.masked]
    assert [e.failure.boundary for e in masked] == ["sandbox", "sandbox"]


async def test_a_log_that_cannot_be_written_ends_the_run(tmp_path, tasks, setup):
    with (
        EpisodeLog(tmp_path / "e.jsonl") as log,
        pytest.raises(UsageError, match="not open for writing"),
    ):
        await run_groups(tasks, LocalExecutor(setup()), group_size=2, log=EpisodeLog(log.path))


async def test_cancelling_keeps_finished_episodes_and_closes_the_rest(tmp_path, tasks, setup):
    path = tmp_path / "e.jsonl"
    normal = setup().policy

    def sometimes_stuck(task_dir, *, replica, seed):
        return normal(task_dir, replica=replica, seed=seed) if replica == 0 else HangingPolicy()

    threads = threading.active_count()
    finished = asyncio.Event()
    stuck = setup(policy=sometimes_stuck, concurrency=6)
    running = asyncio.create_task(run(path, tasks, stuck, on_episode=lambda _: finished.set()))
    await finished.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    kept = EpisodeLog(path).keys()
    assert kept
    assert all(replica == 0 for _, replica in kept)
    until = time.monotonic() + 5
    while threading.active_count() > threads and time.monotonic() < until:
        await asyncio.sleep(0.05)
    assert threading.active_count() <= threads
    summary = await run(path, tasks, setup())
    assert summary.skipped == len(kept)
    assert len(list(EpisodeLog(path))) == 6


async def test_no_more_jobs_than_allowed_go_on_at_once():
    going, most = 0, 0

    async def job(number):
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.001 * (number % 3))
        going -= 1

    await run_bounded(range(40), job, limit=7)
    assert (most, going) == (7, 0)


async def test_an_error_cancels_the_other_jobs_and_waits_for_them():
    cleaned = []

    async def job(number):
        if number == 3:
            raise ValueError("three")
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned.append(number)

    with pytest.raises(ValueError, match="three"):
        await run_bounded(range(9), job, limit=4)
    assert sorted(cleaned) == [0, 1, 2]


def test_control_c_keeps_what_is_finished_and_leaves_nothing_behind(tmp_path, tasks):
    path = tmp_path / "e.jsonl"
    code = f"""
        import asyncio
        from pathlib import Path
        from sandmle.rewards import get_reward
        from sandmle.rollout import LocalExecutor, RolloutSettings, Setup, run_groups
        from sandmle.sandbox.cold import ColdSandbox
        from sandmle.scaffolds import make_scaffold, scripted
        from sandmle.store import TaskDir
        from sandmle.store.episodes import EpisodeLog

        scaffold = make_scaffold("react")

        def policy(task_dir, *, replica, seed):
            slow = "import time; time.sleep(15)"
            script = slow if replica else task_dir.ladder()[1].script
            return scripted(scaffold, "p", [script])

        def say(episode):
            print(episode.replica, flush=True)

        async def main():
            with ColdSandbox(slots=4) as sandbox, EpisodeLog(Path({str(path)!r})) as log:
                setup = Setup(sandbox, scaffold, policy, get_reward("milestone"),
                              RolloutSettings(concurrency=2, group_size=2))
                await run_groups([TaskDir(Path({str(tasks[0].path)!r}))], LocalExecutor(setup),
                                 group_size=2, log=log, on_episode=say)

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        time.sleep(0.5)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == b"interrupted\n"
        assert process.wait() == 0
    assert time.monotonic() - began < 8
    assert [e.replica for e in EpisodeLog(path)] == [0]
