"""Bounds of a run: places at the model, budgets, and where an episode's time went."""

import asyncio
import time

import pytest

from sandmle.core.policy import Usage
from sandmle.core.task import Limits
from sandmle.rollout import Budget, LocalExecutor, run_episode, run_groups
from sandmle.store.artefacts import Artefacts
from sandmle.store.episodes import EpisodeLog
from sandmle.testing.policies import HangingPolicy


class SlowPolicy:
    """Another policy that takes its time and counts how many think at once."""

    thinking = 0
    most = 0

    def __init__(self, inner, seconds, usage=None):
        self.name = inner.name
        self._inner, self._seconds, self._usage = inner, seconds, usage or Usage()

    async def act(self, messages, *, tools=()):
        kind = type(self)
        kind.thinking += 1
        kind.most = max(kind.most, kind.thinking)
        await asyncio.sleep(self._seconds)
        kind.thinking -= 1
        said = await self._inner.act(messages)
        return said.model_copy(update={"usage": self._usage})


@pytest.fixture
def slow(setup):
    """A setup whose policies take a while; `make.kind` counts them."""

    def make(seconds=0.03, usage=None, **settings):
        kind = type("Slow", (SlowPolicy,), {})
        normal = setup().policy
        made = setup(policy=lambda *a, **k: kind(normal(*a, **k), seconds, usage), **settings)
        return made, kind

    return make


async def play(path, tasks, setup, **options):
    with EpisodeLog(path) as log:
        size = setup.settings.group_size
        return await run_groups(tasks, LocalExecutor(setup), group_size=size, log=log, **options)


async def test_the_model_has_a_bound_of_its_own_beside_that_of_episodes(tmp_path, tasks, slow):
    for slots, most in ((1, 1), (2, 2), (None, 6)):
        made, kind = slow(model_slots=slots, concurrency=6)
        summary = await play(tmp_path / f"{slots}.jsonl", tasks, made)
        assert (summary.played, summary.masked) == (6, 0)
        assert kind.most <= most
        assert kind.most > 1 or most == 1


async def test_waiting_for_a_place_at_the_model_is_not_the_agents_time(tmp_path, tasks, slow):
    limits = Limits(step_seconds=20, total_seconds=3)
    made, _ = slow(seconds=0.6, model_slots=1, concurrency=6, limits=limits)
    await play(tmp_path / "e.jsonl", tasks, made)
    episodes = list(EpisodeLog(tmp_path / "e.jsonl"))
    assert {episode.stop_reason for episode in episodes} == {"answered"}
    assert max(episode.seconds for episode in episodes) > limits.total_seconds
    assert max(episode.timings.queue for episode in episodes) > limits.total_seconds / 2
    assert max(step.queue_seconds for e in episodes for step in e.steps) > 0.5


async def test_the_parts_of_an_episodes_time_make_up_the_whole(tasks, slow):
    made, _ = slow(seconds=0.1)
    episode = await run_episode(tasks[0], made, replica=1)
    parts = episode.timings
    assert sum(parts.model_dump().values()) == pytest.approx(episode.seconds, rel=0.02)
    assert 0.1 * len(episode.steps) <= parts.model < 0.1 * len(episode.steps) + 0.2
    assert parts.sandbox > 0
    assert parts.grading > 0


async def test_a_budget_of_tokens_ends_a_run_and_more_of_it_goes_on(tmp_path, tasks, slow):
    path = tmp_path / "e.jsonl"
    usage = Usage(prompt_tokens=90, completion_tokens=10, dollars=0.5)
    made, _ = slow(seconds=0, usage=usage, concurrency=1)
    tokens_each = 3 * 100
    first = await play(path, tasks, made, budget=Budget(tokens=2 * tokens_each))
    assert (first.played, first.stopped_by) == (2, "tokens")
    again = await play(path, tasks, made, budget=Budget(tokens=2 * tokens_each))
    assert (again.played, again.stopped_by) == (0, "tokens")
    dollars = await play(path, tasks, made, budget=Budget(dollars=4.5))
    assert (dollars.played, dollars.stopped_by) == (1, "dollars")
    rest = await play(path, tasks, made, budget=Budget(tokens=10**6))
    assert (rest.played, rest.stopped_by) == (3, None)


async def test_a_budget_of_time_ends_a_run(tmp_path, tasks, slow):
    made, _ = slow(seconds=0.2, concurrency=1)
    summary = await play(tmp_path / "e.jsonl", tasks, made, budget=Budget(seconds=0.1))
    assert (summary.played, summary.stopped_by) == (1, "seconds")


async def test_programs_and_submissions_are_kept_once_under_their_hash(tmp_path, tasks, setup):
    artefacts = Artefacts(tmp_path / "artefacts")
    await play(tmp_path / "e.jsonl", tasks[:1], setup(group_size=4), artefacts=artefacts)
    episodes = list(EpisodeLog(tmp_path / "e.jsonl"))
    named = {digest for e in episodes for step in e.steps for digest in (step.script,) if digest}
    named |= {e.submission for e in episodes} | {s.submission for e in episodes for s in e.steps}
    files = [path for path in (tmp_path / "artefacts").rglob("*") if path.is_file()]
    assert {path.name for path in files} == named - {None}
    assert len(files) == 4  # two programs and what each wrote, of four episodes
    scripts = {rung.script.encode() for rung in tasks[0].ladder()}
    kept = {artefacts.get(step.script) for e in episodes for step in e.steps if step.script}
    assert {script.strip() for script in kept} == {script.strip() for script in scripts}
    expert = next(e for e in episodes if e.replica == 1)
    assert artefacts.get(expert.submission).startswith(b"id,y\n")


async def test_an_episode_ended_by_time_is_masked_where_the_settings_say_so(tasks, setup):
    made = setup(
        policy=lambda *_, **__: HangingPolicy(),
        limits=Limits(step_seconds=1, total_seconds=0.3),
        time_outs="mask",
    )
    began = time.monotonic()
    episode = await run_episode(tasks[0], made)
    assert time.monotonic() - began < 5
    assert (episode.masked, episode.mask_reason, episode.failure) == (True, "total_time", None)
    assert episode.grade is not None
