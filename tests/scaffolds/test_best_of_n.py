"""Independent tries, and which of them is handed in."""

import pytest

from sandmle.core.errors import UsageError
from sandmle.core.task import Medal
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.program import render_program
from sandmle.testing.tiny_task import TINY_SCRIPTS


def says(script, value):
    return render_program("p", f"{TINY_SCRIPTS[script]}\nprint('Validation rmse: {value}')")


# The dummy praises itself: a score that is told must win over its word.
GOOD, BOASTER = says("expert", 0.1), says("dummy", 0.0)


def best_of(n, **options):
    return make_scaffold("best_of_n", n=n, **options)


@pytest.mark.parametrize(
    ("feedback", "medal"),
    [
        ("none", Medal.NONE),
        ("valid", Medal.NONE),
        ("public", Medal.GOLD),
        ("milestone", Medal.GOLD),
    ],
)
async def test_a_told_score_decides_and_else_the_programs_own_word(play, feedback, medal):
    stop, _, grade = await play(best_of(3), [BOASTER, GOOD, BOASTER], feedback=feedback)
    assert (stop, grade.medal) == ("answered", medal)


async def test_tries_are_roots_that_see_nothing_of_each_other(play):
    _, trace, _ = await play(best_of(3), [BOASTER, "words", GOOD, GOOD])
    assert [step.parent for step in trace.steps] == [None, None, 1, None]
    assert trace.steps[0].shown is None
    assert trace.steps[3].shown is None


async def test_the_steps_bound_the_tries(play):
    stop, trace, grade = await play(best_of(4, max_steps=2), [GOOD, "words"])
    assert (stop, len(trace.steps), grade.medal) == ("max_steps", 2, Medal.GOLD)


def test_no_try_at_all_is_refused():
    with pytest.raises(UsageError, match="at least one program"):
        best_of(0)


async def test_the_golden_episode_plays_again_to_the_same_record(replays):
    golden, again = await replays(best_of(3, max_steps=5), [BOASTER, "words", GOOD, BOASTER])
    assert again == golden
