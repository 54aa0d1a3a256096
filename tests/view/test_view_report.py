"""The report page: whole, self-contained, and safe against what agents and tables bring."""

from __future__ import annotations

import asyncio
import itertools
from html.parser import HTMLParser

import pytest

from sandmle.core.execution import Audit
from sandmle.core.verdict import Bars, RungScore
from sandmle.rewards import get_reward
from sandmle.rollout import Setup, run_episode
from sandmle.rollout.ladder_policy import LadderPolicy
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import make_scaffold
from sandmle.testing.tiny_task import tiny_task
from sandmle.view import write_report
from sandmle.view.ladder_plot import ladder_svg
from sandmle.view.summary import attempts_line, summarise


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href")]


def parsed(text):
    tags = Tags()
    tags.feed(text)
    return tags


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    task_dir = tiny_task(tmp_path_factory.mktemp("set") / "tiny", name="<script>alert(1)</script>")
    react = make_scaffold("react")
    with UnsafeSandbox() as sandbox:
        setup = Setup(sandbox, react, LadderPolicy(react, "mixed", 2), get_reward("milestone"))
        episodes = [asyncio.run(run_episode(task_dir, setup, replica=i)) for i in range(2)]
    return task_dir, episodes


def test_the_page_needs_nothing_else_and_escapes_what_it_shows(played, tmp_path):
    task_dir, episodes = played
    page = tmp_path / "deep" / "report.html"
    write_report(page, [task_dir], episodes, title="<b>run</b>")
    text = page.read_text(encoding="utf-8")
    tags = parsed(text)
    assert tags.links == []
    assert "script" not in tags.tags
    assert "b" not in tags.tags
    assert tags.tags.count("svg") == 1


def test_every_episode_and_rung_is_drawn(played, tmp_path):
    task_dir, episodes = played
    write_report(tmp_path / "r.html", [task_dir], episodes, title="run")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert text.count('class="episode"') == 2
    assert text.count('class="rung"') == len(task_dir.report.rungs)


def test_episodes_of_other_tasks_are_left_out(played, tmp_path):
    task_dir, episodes = played
    stranger = episodes[0].model_copy(update={"task_id": "other:1"})
    write_report(tmp_path / "r.html", [task_dir], [stranger], title="run")
    assert 'class="episode"' not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_summary_counts_medals_and_leaves_masked_episodes_out_of_the_mean(played):
    task_dir, episodes = played
    masked = episodes[0].model_copy(update={"reward": None, "grade": None})
    row = summarise(task_dir, [*episodes, masked])
    assert row.medals == "1g 0s 0b"
    assert row.episodes == 3
    assert row.mean_reward == pytest.approx(sum(e.reward.total for e in episodes) / 2)
    assert row.step_ms > 0
    assert summarise(task_dir, []).mean_reward is None


def with_audit(episode, audit):
    """Return the episode with this audit on its first code run, and an empty one on the others."""
    left = itertools.chain([audit], itertools.repeat(Audit()))
    steps = tuple(
        step.model_copy(
            update={"execution": step.execution.model_copy(update={"audit": next(left)})}
        )
        if step.execution
        else step
        for step in episode.steps
    )
    return episode.model_copy(update={"steps": steps})


def test_attempts_to_leave_the_sandbox_are_shown_with_their_kinds(played, tmp_path):
    task_dir, (one, other) = played
    tried = Audit(refused={"mount": 2, "<b>": 1}, connects=1, opens=3)
    episodes = [with_audit(one, tried), with_audit(other, Audit())]
    row = summarise(task_dir, episodes)
    assert (row.attempts, row.attempting) == (7, 1)
    assert attempts_line([row, row]) == "attempts to leave the sandbox: 14 in 2 episodes"
    write_report(tmp_path / "r.html", [task_dir], episodes, title="run")
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "attempts to leave the sandbox: 7 in 1 episode</p>" in text
    assert 'title="file outside 3, mount 2, &lt;b&gt; 1, connect 1">7</span>' in text
    assert "b" not in parsed(text).tags


def test_where_nothing_counts_attempts_nothing_is_said_of_them(played, tmp_path):
    task_dir, episodes = played
    row = summarise(task_dir, episodes)
    assert (row.attempts, row.attempting, attempts_line([row])) == (None, 0, "")
    write_report(tmp_path / "r.html", [task_dir], episodes, title="run")
    assert "attempts" not in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_counting_without_finding_any_says_none(played):
    task_dir, (one, other) = played
    row = summarise(task_dir, [with_audit(one, Audit()), other])
    assert (row.attempts, row.attempting) == (0, 0)
    assert attempts_line([row]) == "attempts to leave the sandbox: none"


def test_rungs_that_failed_are_not_drawn_and_far_ones_stay_on_the_canvas(played):
    bars: Bars = played[0].bars
    rungs = [
        RungScore(name="broken", score=None, gain=None, cpu_seconds=0, error="x"),
        RungScore(name="awful", score=-1e9, gain=-1e9, cpu_seconds=0),
    ]
    svg = ladder_svg(rungs, bars, [5.0])
    assert "broken" not in svg
    xs = [float(part.split(chr(34))[1]) for part in svg.split("cx=")[1:]]
    assert all(0 <= x <= 760 for x in xs)
