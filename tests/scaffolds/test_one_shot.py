"""One program, one run."""

from sandmle.core.task import Medal
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.program import render_program
from sandmle.testing.tiny_task import TINY_SCRIPTS

GOOD = render_program("The expert.", TINY_SCRIPTS["expert"])


async def test_the_first_program_ends_the_episode(play):
    stop, trace, grade = await play(make_scaffold("one_shot"), [GOOD, GOOD])
    assert (stop, len(trace.steps), grade.medal) == ("answered", 1, Medal.GOLD)


async def test_a_turn_without_a_program_is_told_so_and_asked_again(play):
    stop, trace, grade = await play(make_scaffold("one_shot"), ["words", GOOD])
    assert (stop, grade.medal) == ("answered", Medal.GOLD)
    assert [step.parent for step in trace.steps] == [None, 0]
    assert "no ```python block" in trace.steps[0].observation
    stop, trace, grade = await play(make_scaffold("one_shot", max_steps=1), ["words", GOOD])
    assert (stop, grade.valid) == ("max_steps", False)


def test_of_several_scripts_the_last_is_played():
    turns = make_scaffold("one_shot").turns(["a", "b"], look=True, repair=True)
    assert [turn.text for turn in turns] == [
        render_program("I train a model and write the submission.", "b")
    ]


async def test_the_golden_episode_plays_again_to_the_same_record(replays):
    golden, again = await replays(make_scaffold("one_shot", max_steps=3), ["words", GOOD])
    assert again == golden
