"""MLE-Dojo's actions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.task import Medal
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.mle_agent_format import ACTIONS, AgentTurn, Call, read_turn, render_turn
from sandmle.testing.tiny_task import TINY_SCRIPTS

EXPERT, DUMMY = TINY_SCRIPTS["expert"], TINY_SCRIPTS["dummy"]


def act(action, **fields):
    return f"I think.\n{json.dumps({'action': action, **fields})}"


def agent(**options):
    return make_scaffold("mle_agent", **options)


@given(code=st.text(min_size=1).filter(str.strip))
def test_what_is_rendered_is_read_back(code):
    call = Call("execute_code", code=code)
    assert read_turn(render_turn("words", call)) == AgentTurn(call)


@given(text=st.lists(st.sampled_from(['{"action":', "{", "}", '"', "```", "\n", ACTIONS[2]])))
def test_any_text_is_read_without_an_error(text):
    turn = read_turn("".join(text))
    assert not (turn.well_formed and turn.call is None)


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ('{"action": "get_history"}', Call("get_history")),
        ('```json\n{"action": "Reset"}\n```', Call("reset")),
        ('{"action": "execute_code"}\n```python\nx\n```', Call("execute_code", code="x")),
        ('{"name": "validate_code", "arguments": {"code": "a\nb"}}',
         Call("validate_code", code="a\nb")),
        ('```python\nx = {"name": 1}\n```\n{"action": "execute_code"}',
         Call("execute_code", code='x = {"name": 1}')),
        ('<think>{"action": "reset"}</think>{"action": "finish"}', Call("finish")),
    ],
)  # fmt: skip
def test_turns_are_read_forgivingly(text, call):
    assert read_turn(text) == AgentTurn(call)


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("words", "no JSON object"),
        ('{"action": "shell"}', "no action 'shell'"),
        ('{"action": 3}', "not a text"),
        ('{"action": "request_info", "info": "all"}', "needs"),
        ('{"action": "execute_code"}', 'needs "code"'),
        ('{"action": ' + "[" * 100_000, "no JSON object"),
    ],
)
def test_a_malformed_turn_gets_a_precise_remark(text, remark):
    turn = read_turn(text)
    assert turn.call is None
    assert remark in turn.remark


async def test_the_last_submission_that_is_valid_stands(play):
    said = [
        act("execute_code", code=EXPERT),
        act("validate_code", code=DUMMY),
        act("execute_code", code=DUMMY.replace("0.5", "much")),
        act("execute_code", code="raise SystemExit(3)"),
        act("finish"),
    ]
    stop, trace, grade = await play(agent(), said)
    assert (stop, grade.medal) == ("answered", Medal.GOLD)
    executed, validated, invalid, failed, _ = (step.observation for step in trace.steps)
    assert "On the public part" in executed
    assert "Nothing was submitted." in validated
    assert "not valid" in invalid
    assert "The submission before it stays." in failed


async def test_reset_clears_history_and_submission(play):
    said = [act("execute_code", code=EXPERT), act("get_history"), act("reset"), act("get_history")]
    stop, trace, grade = await play(agent(max_steps=4), said)
    assert (stop, grade.valid) == ("max_steps", False)
    assert "1. execute_code: The run ended with exit code 0." in trace.steps[1].observation
    assert "Nothing was done so far." in trace.steps[3].observation


@pytest.mark.parametrize("info", ["overview", "data", "submission", "limits"])
async def test_the_task_can_be_asked_about(play, info):
    _, trace, _ = await play(agent(max_steps=1), [act("request_info", info=info)])
    assert trace.steps[0].observation
    assert trace.steps[0].well_formed


async def test_feedback_none_tells_nothing_of_a_score(play):
    said = [act("execute_code", code=EXPERT), act("finish")]
    _, trace, grade = await play(agent(), said, feedback="none")
    assert grade.medal is Medal.GOLD
    assert "graded at the end" in trace.steps[0].observation
    assert trace.steps[0].grade is None


async def test_without_an_early_stop_finish_is_no_action(play):
    scaffold = agent(max_steps=2, early_stop=False)
    stop, trace, _ = await play(scaffold, [act("execute_code", code=EXPERT), act("finish")])
    assert (stop, trace.steps[1].well_formed) == ("max_steps", False)
    assert "finish" not in trace.prompt[0].content
    assert len(scaffold.turns([EXPERT])) == 2


async def test_the_golden_episode_plays_again_to_the_same_record(replays):
    said = [
        act("request_info", info="submission"), "no action", act("validate_code", code="print(1)"),
        act("execute_code", code=DUMMY), act("execute_code", code="raise SystemExit(3)"),
        act("get_history"), act("reset"), act("execute_code", code=EXPERT), act("finish"),
    ]  # fmt: skip
    golden, again = await replays(agent(max_steps=9), said)
    assert again == golden
