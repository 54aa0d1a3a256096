"""Reading and writing of ReAct turns."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sandmle.scaffolds.react_format import Answer, Python, Score, Turn, parse, render

TEXT = st.text(max_size=200)
TAGS = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        "<code>",
        "</code>",
        "<answer>",
        "```",
        "submission",
        "</answer>",
        "python",
        "Score",
        "\n",
        " ",
        "{",
        "}",
        '"name"',
        ":",
        "\\",
        '"',
    ],
)
TAG_SOUP = st.lists(TAGS | st.text(max_size=5), max_size=25).map("".join)
THINK = (TEXT | TAG_SOUP).filter(lambda text: "</think>" not in text)
ACTION = st.builds(Python, TEXT | TAG_SOUP) | st.just(Score()) | st.just(Answer())


@given(think=THINK, action=ACTION)
@example("", Python("</code>\n</tool_call>"))
@example("<tool_call>", Python("print('</code>')\n# <answer>submission</answer>"))
@example("", Python("```python\nprint(1)\n```"))
@example("", Python("\n\r\n  x \n\r"))
def test_what_is_rendered_is_read_back(think, action):
    assert parse(render(think, action)) == Turn(think, action)


@given(text=TEXT | TAG_SOUP)
def test_any_text_is_read_without_an_error(text):
    turn = parse(text)
    assert turn.well_formed == (turn.remark is None)
    assert not (turn.well_formed and turn.action is None)


@given(soup=TAG_SOUP)
def test_any_call_is_read_without_an_error(soup):
    parse(f"<think>a</think><tool_call>{soup}")
    parse(f'<think>a</think><tool_call>{{"name": "python", "arguments": {soup}')


def test_reasoning_with_a_closing_tag_cannot_be_rendered():
    with pytest.raises(ValueError, match="leave the tag out"):
        render("a</think>b", Score())


@pytest.mark.parametrize(
    "call",
    [
        "<tool_call>\npython\n<code>\nprint(1)\n</code>\n</tool_call>",
        "<tool_call>python<code>print(1)</code></tool_call>",
        "<tool_call>\n\n  Python \n\n<code>print(1)\n</code>  </tool_call>\n\n",
        "<tool_call>\r\npython\r\n<code>\r\nprint(1)\n</code>\r\n</tool_call>",
        "<tool_call>\npython\n<code>\n```python\nprint(1)\n```\n</code>\n</tool_call>",
        "<tool_call>\npython\n<code>\n```\nprint(1)\n```\n</code>\n</tool_call>",
        "<tool_call>\npython\n<code>\nprint(1)\n</code>\n",
        "<tool_call>\npython\n<code>\nprint(1)",
        '<tool_call>{"name": "python", "arguments": {"code": "print(1)"}}</tool_call>',
        '<tool_call>\n{"arguments": {"code": "print(1)"}, "name": "Python"}\n',
        '<tool_call>```json\n{"name":"python","arguments":{"code":"print(1)"}}\n```</tool_call>',
        '<tool_call>{"name": "python", "arguments": "{\\"code\\": \\"print(1)\\"}"}</tool_call>',
    ],
)
def test_every_valid_form_of_a_program_is_accepted(call):
    assert parse(f"<think>a</think>\n{call}") == Turn("a", Python("print(1)"))


def test_a_line_break_within_a_json_text_is_accepted():
    call = '<tool_call>{"name": "python", "arguments": {"code": "a = 1\nb = 2"}}</tool_call>'
    assert parse(f"<think>a</think>{call}").action == Python("a = 1\nb = 2")


@pytest.mark.parametrize(
    "call",
    [
        '<tool_call>\n{"name": "Score", "arguments": {}}\n</tool_call>',
        '<tool_call>{"name":"score"}</tool_call>',
        '<tool_call>{"name": "SCORE", "arguments": null}',
        "<tool_call>\nScore\n</tool_call>",
        "<tool_call>score",
    ],
)
def test_every_valid_form_of_score_is_accepted(call):
    assert parse(f"<think>\na\n</think>\n{call}") == Turn("a", Score())


@pytest.mark.parametrize(
    "answer",
    [
        "<answer>submission</answer>",
        "<answer>\n submission.csv \n</answer>\n",
        "<answer>`Submission`",
    ],
)
def test_every_valid_form_of_the_answer_is_accepted(answer):
    assert parse(f"<think>a</think>{answer}") == Turn("a", Answer())


def test_reasoning_whose_opening_tag_the_chat_template_wrote_is_accepted():
    assert parse("I look.\n</think>\n<tool_call>Score</tool_call>") == Turn("I look.", Score())


def test_tags_within_the_reasoning_are_not_read():
    text = "<think>first <tool_call>Score</tool_call>, later <answer>submission</answer></think>"
    assert parse(text).action is None
    assert parse(f"{text}<tool_call>python<code>1</code></tool_call>").action == Python("1")


def test_tags_within_a_program_are_part_of_it():
    code = "a = '</code>'\nb = '<answer>submission</answer>'\nc = '<tool_call>'  # </tool_call>"
    text = f"<think>a</think><tool_call>python<code>{code}</code></tool_call>"
    assert parse(text) == Turn("a", Python(code))


def test_only_the_first_of_several_calls_counts():
    call = "<tool_call>\npython\n<code>\nprint({})\n</code>\n</tool_call>\n"
    invented = "<tool_response>\n1\n</tool_response>\n<think>b</think>\n"
    turn = parse("<think>a</think>\n" + call.format(1) + invented + call.format(2))
    assert turn.action == Python("print(1)")
    assert "one action per turn" in turn.remark


@pytest.mark.parametrize(
    ("text", "action", "remark"),
    [
        ("", None, "no <tool_call> and no <answer>"),
        ("<think>a</think>", None, "no <tool_call> and no <answer>"),
        ("<think>a</think>```python\nprint(1)\n```", None, "code must stand inside a <tool_call>"),
        ("<tool_call>Score</tool_call>", Score(), "no <think>"),
        ("<think>a <tool_call>Score</tool_call>", None, "not closed by </think>"),
        ("<think>a</think><answer>42</answer>", None, "exactly <answer>submission</answer>"),
        ("<think>a</think><tool_call>ls</tool_call>", None, "neither python with <code> nor JSON"),
        ("<think>a</think><tool_call><code>1</code></tool_call>", Python("1"), "name the tool"),
        ('<think>a</think><tool_call>{"name" "Score"}</tool_call>', None,
         "line 1, column 9, near"),
        ('<think>a</think><tool_call>\n{"name":\n"Score"\n"x"}</tool_call>', None,
         "Expecting ',' delimiter (line 3, column 1, near"),
        ('<think>a</think><tool_call>{"name": "Score"} go</tool_call>', None,
         "not followed by </tool_call>"),
        ('<think>a</think><tool_call>{"tool": "Score"}</tool_call>', None, 'no "name"'),
        ('<think>a</think><tool_call>{"name": "bash"}</tool_call>', None, "no tool 'bash'"),
        ('<think>a</think><tool_call>{"name": "python"}</tool_call>', None, 'needs "arguments"'),
        ('<think>a</think><tool_call>{"name": "python", "arguments": {"code": 1}}', None,
         'needs "arguments"'),
        ('<think>a</think><tool_call>{"name": "python", "arguments": "x"}', None, "not JSON"),
    ],
)  # fmt: skip
def test_a_malformed_turn_gets_a_precise_remark(text, action, remark):
    turn = parse(text)
    assert not turn.well_formed
    assert turn.action == action
    assert remark in turn.remark


@pytest.mark.parametrize(
    "filler", [" ", "\n", "</code>", "</code> ", "<tool_call>", "```", "``` ", "{", "[", "<think>"]
)
def test_a_long_turn_is_read_in_linear_time(filler):
    long = filler * 40_000
    for start in (
        "",
        "<think>a</think><tool_call>",
        "<think>a</think><tool_call>python<code>```\n",
    ):
        parse(start + long)
        parse(start + '{"name":' + long)
