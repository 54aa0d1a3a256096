"""Turns by native tool calls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import ONE_CALL
from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, ToolCall
from sandmle.env import Environment
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.scaffolds import Trace, make_scaffold
from sandmle.scaffolds.react_format import Answer, Python, Score, Turn
from sandmle.scaffolds.react_native import NATIVE_TOOLS, parse_native, render_native

ACTION = st.builds(Python, st.text(max_size=200)) | st.just(Score()) | st.just(Answer())


def call(name, arguments="{}", *, id="c1"):
    return ToolCall(id=id, name=name, arguments=arguments)


def turn(*calls, text="I think."):
    return Completion(text=text, tool_calls=calls)


async def play(task, sandbox, *turns):
    trace = Trace()
    scaffold = make_scaffold("react", tools="native", max_steps=len(turns))
    async with Environment(task, sandbox) as env:
        stop = await scaffold.run(env, ScriptedPolicy("scripted", turns), trace=trace)
    return stop, trace


@given(think=st.text(min_size=1).map(str.strip).filter(bool), action=ACTION)
def test_what_is_rendered_is_read_back(think, action):
    assert parse_native(render_native(think, action, call_id="a")) == Turn(think, action)


@given(name=st.sampled_from(["python", "score", "x"]) | st.text(), arguments=st.text())
def test_any_call_is_read_without_an_error(name, arguments):
    read = parse_native(turn(call(name, arguments)))
    assert read.well_formed == (read.action is not None)


@pytest.mark.parametrize(
    ("said", "action", "remark"),
    [
        (turn(), None, "no tool call"),
        (turn(text="<tool_call>Score</tool_call>"), None, "no tool call"),
        (turn(call("shell")), None, "no tool 'shell'"),
        (turn(call("python", '{"code": ')), None, "broken JSON"),
        (turn(call("python", "[" * 100_000)), None, "too deep"),
        (turn(call("python", '{"code": 1}')), None, 'needs the arguments {"code"'),
        (turn(call("score"), call("submit")), Score(), "2 tool calls and only the first"),
        (turn(call("x"), call("submit")), None, "only the first"),
    ],
)
def test_a_malformed_turn_gets_a_precise_remark(said, action, remark):
    read = parse_native(said)
    assert (read.action, read.well_formed) == (action, False)
    assert remark in read.remark


@pytest.mark.parametrize("arguments", ["", "{}", "null", '{"why": "x"}'])
def test_tools_without_arguments_take_any(arguments):
    assert parse_native(turn(call("score", arguments), text="")) == Turn(None, Score())


async def test_answers_are_tool_messages_and_only_the_first_call_is_carried_out(task, unsafe):
    stop, trace = await play(
        task,
        unsafe,
        turn(call("python", '{"code": "print(1)"}'), call("submit", id="c2")),
        turn(),
        turn(call("submit")),
    )
    assert stop == "answered"
    first, none, last = trace.steps
    said, answer, refused = first.messages
    assert said.tool_calls == first.tool_calls
    assert (answer.role, answer.tool_call_id) == ("tool", "c1")
    assert answer.content.startswith("The run ended with exit code 0.\nstdout:\n1")
    assert (refused.tool_call_id, refused.content) == ("c2", ONE_CALL)
    assert [message.role for message in none.messages] == ["assistant", "user"]
    assert "<tool_response>" not in none.observation
    assert (last.tool, last.well_formed) == ("answer", True)


async def test_the_prompt_and_the_policy_are_told_of_the_tools(task, unsafe):
    offered = []

    class Noting:
        name = "noting"

        async def act(self, messages, *, tools=()):
            offered.append(tools)
            return turn(call("submit"))

    trace = Trace()
    async with Environment(task, unsafe) as env:
        await make_scaffold("react", tools="native").run(env, Noting(), trace=trace)
    assert offered == [NATIVE_TOOLS]
    told = trace.prompt[0].content
    assert all(f"`{tool.name}`" in told for tool in NATIVE_TOOLS)
    assert "$" not in told
    assert "<think>" not in told


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"tools": "nativ"}, "tools = 'nativ'"),
        ({"context_rule": "x"}, "context_rule = 'x'"),
        ({"context_tokens": 0}, "integer of at least 1"),
        ({"context_tokens": "many"}, "context_tokens = 'many'"),
    ],
)
def test_an_option_without_such_a_value_is_refused(options, complaint):
    with pytest.raises(UsageError, match=complaint):
        make_scaffold("react", **options)
