"""The greedy agent with scoped memory and growing complexity."""

import pytest

from sandmle.core.task import Medal
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.aira import complexity
from sandmle.scaffolds.program import render_program
from sandmle.testing.tiny_task import TINY_SCRIPTS


def says(script, value, plan):
    return render_program(plan, f"{TINY_SCRIPTS[script]}\nprint('Validation rmse: {value}')")


GOOD, BAD = says("expert", 0.1, "The expert."), says("dummy", 0.3, "The dummy.")
BROKEN = [render_program(f"Repair {i}.", f"raise SystemExit('wrong {i}')") for i in range(4)]


def aira(**options):
    return make_scaffold("aira", **{"drafts": 2, "debug_probability": 1.0, **options})


@pytest.mark.parametrize(
    ("children", "asked"),
    [(0, "minimal"), (1, "minimal"), (2, "moderate"), (3, "moderate"), (4, "advanced")],
)
def test_complexity_grows_with_what_was_tried_from_the_same_place(children, asked):
    assert complexity(children) == asked


async def test_drafts_and_improvements_see_their_siblings_only(play):
    said = [GOOD, BAD, says("dummy", 0.2, "A first change."), BAD]
    _, trace, grade = await play(aira(max_steps=4), said)
    assert grade.medal is Medal.GOLD
    assert [step.parent for step in trace.steps] == [None, None, 0, 0]
    draft, first, second = (step.shown[1].content for step in trace.steps[1:])
    assert "- Plan: The expert." in draft
    assert "- Plan:" not in first
    assert "- Plan: A first change." in second
    assert "- Plan: The dummy." not in second
    assert "Complexity: minimal" in trace.prompt[1].content


async def test_debugging_sees_the_chain_of_repairs(play):
    _, trace, _ = await play(aira(max_steps=4, drafts=1), BROKEN)
    assert [step.parent for step in trace.steps] == [None, 0, 1, 2]
    last = trace.steps[3].shown[1].content
    assert "- Plan: Repair 0." in last
    assert "- Plan: Repair 1." in last
    assert "- Plan: Repair 2." not in last
    assert "wrong 2" in last


async def test_the_golden_episode_plays_again_to_the_same_record(replays):
    said = [BROKEN[0], GOOD, BAD, "words", BAD, GOOD, BAD, "DONE"]
    golden, again = await replays(aira(max_steps=9), said)
    assert again == golden
    assert golden["stop_reason"] == "answered"
    assert len({step["parent"] for step in golden["steps"]}) > 2
