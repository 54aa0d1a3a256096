"""AIDE's tree search: what is tried next, what is remembered, what is handed in."""

import re

import pytest

from sandmle.core.errors import ContextOverflow, UsageError
from sandmle.core.policy import Completion
from sandmle.core.task import Medal
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.program import render_program
from sandmle.testing.tiny_task import TINY_SCRIPTS


def says(script, value, plan="A plan."):
    return render_program(plan, f"{TINY_SCRIPTS[script]}\nprint('Validation rmse: {value}')")


GOOD, BAD = says("expert", 0.1, "The expert."), says("dummy", 0.3, "The dummy.")
BROKEN = render_program("It breaks.", "raise SystemExit('wrong turn')")
SAID = [BAD, "No code here.", BROKEN, BROKEN, GOOD, BAD, GOOD, BAD, "DONE"]


def aide(**options):
    return make_scaffold("aide", **{"drafts": 2, "debug_probability": 1.0, **options})


@pytest.mark.parametrize("feedback", ["none", "valid", "public"])
async def test_the_best_validation_value_is_handed_in_and_not_the_last(play, feedback):
    stop, trace, grade = await play(aide(), [BAD, GOOD, BAD, "DONE"], feedback=feedback)
    assert (stop, grade.medal) == ("answered", Medal.GOLD)
    assert [step.parent for step in trace.steps] == [None, None, 1, 1]


async def test_a_faulty_leaf_is_debugged_up_to_its_depth(play):
    stop, trace, _ = await play(aide(max_steps=6, max_debug_depth=2), [GOOD, *[BROKEN] * 5])
    assert stop == "max_steps"
    assert [step.parent for step in trace.steps] == [None, None, 1, 2, 0, 4]
    assert "wrong turn" in trace.steps[2].shown[1].content


async def test_a_failed_program_hands_in_no_earlier_file(play):
    wrote_then_broke = render_program("p", TINY_SCRIPTS["dummy"] + "\nraise SystemExit(1)")
    _, _, grade = await play(aide(max_steps=2), [GOOD, wrote_then_broke])
    assert grade.medal is Medal.GOLD
    _, _, grade = await play(aide(max_steps=2), [BROKEN, render_program("p", "print(1)")])
    assert not grade.valid


async def test_a_program_without_a_value_counts_where_there_is_nothing_better(play):
    silent = render_program("p", TINY_SCRIPTS["expert"])
    _, trace, grade = await play(aide(max_steps=1), [silent])
    assert grade.medal is Medal.GOLD
    assert "printed no line" in trace.steps[0].observation
    _, _, grade = await play(aide(max_steps=2), [silent, BAD])
    assert grade.medal is Medal.NONE


async def test_later_prompts_remember_plans_results_and_faults_of_form(play):
    _, trace, _ = await play(aide(max_steps=4), [BAD, "no code", GOOD, GOOD])
    assert trace.steps[0].shown is None
    after_words = trace.steps[2].shown[1].content
    assert "The dummy." in after_words
    assert "validation value 0.3" in after_words
    assert "no ```python block" in after_words
    assert "improve this program" in trace.steps[3].shown[1].content


async def test_an_invalid_submission_is_a_fault_where_that_is_told(play):
    text = "open('submission.csv', 'w').write('id,y\\n')\nprint('Validation rmse: 0')"
    invalid = render_program("p", text)
    _, trace, grade = await play(aide(max_steps=2), [GOOD, invalid], feedback="valid")
    assert grade.medal is Medal.GOLD
    assert "not valid" in trace.steps[1].observation
    _, _, grade = await play(aide(max_steps=2), [GOOD, invalid], feedback="none")
    assert not grade.valid


@pytest.mark.parametrize("make", ["os.mkdir('submission.csv')", "os.mkfifo('submission.csv')"])
async def test_a_submission_that_is_no_file_breaks_nothing(play, make):
    odd = render_program("p", f"import os\nos.remove('submission.csv')\n{make}")
    _, _, grade = await play(aide(max_steps=2), [odd, GOOD])
    assert grade.medal is Medal.GOLD


async def test_the_search_depends_on_the_seed_alone(play):
    def parents(trace):
        return [step.parent for step in trace.steps]

    turns = [GOOD, BROKEN, *[BROKEN] * 9]
    scaffold = aide(max_steps=11, debug_probability=0.5)
    runs = [parents((await play(scaffold, turns, seed=seed))[1]) for seed in (1, 1, 2, 3)]
    assert runs[0] == runs[1]
    assert len({tuple(run) for run in runs}) > 1


class Shortsighted:
    """Reads no more than some characters."""

    name = "shortsighted"

    def __init__(self, limit):
        self.limit = limit

    async def act(self, messages, *, tools=()):
        if sum(len(message.content) for message in messages) > self.limit:
            raise ContextOverflow("too long")
        return Completion(text=says("expert", 0.1, "Words. " * 40))


async def test_memory_shrinks_until_the_model_can_read_it(play):
    roomy = aide(max_steps=12, drafts=12)
    _, trace, _ = await play(roomy, Shortsighted(10**6))
    whole = sum(len(message.content) for message in trace.steps[-1].shown)
    first = sum(len(message.content) for message in trace.prompt)
    stop, trace, _ = await play(roomy, Shortsighted((whole + first) // 2))
    assert (stop, len(trace.steps)) == ("max_steps", 12)
    assert "are not listed" in trace.steps[-1].shown[1].content
    stop, trace, _ = await play(roomy, Shortsighted(10))
    assert (stop, trace.steps) == ("context", [])


async def test_without_an_early_stop_done_is_no_turn(play):
    stop, trace, _ = await play(aide(max_steps=2, early_stop=False), [GOOD, "DONE"])
    assert (stop, trace.steps[1].well_formed) == ("max_steps", False)
    assert len(aide(early_stop=False).turns(["a"])) == 15


async def test_the_golden_episode_plays_again_to_the_same_record(replays):
    golden, again = await replays(aide(max_steps=9), SAID)
    assert again == golden


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("aide", {"debug_probability": 7}, "debug_probability of aide is 7"),
        ("aira", {"drafts": 0}, "drafts of aira is 0; give a number at least 1"),
        ("aide", {"drafts": "many"}, "drafts = 'many'"),
        ("aide", {"draft": 2}, "Did you mean 'drafts'"),
    ],
)
def test_an_option_that_no_search_can_have_is_named_with_its_bounds(name, options, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        make_scaffold(name, **options)
