"""Reading and writing of turns that hold one program, and of validation values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.scaffolds.program import is_done, read_program, render_program, validation_value

SOUP = st.lists(
    st.sampled_from(["```", "~~~", "python", "\n", "</think>", "<think>", "x", " ", "````"])
    | st.text(max_size=5),
    max_size=25,
).map("".join)


@given(code=SOUP.filter(lambda t: t.strip() and "</think>" not in t and "\r" not in t))
def test_what_is_rendered_is_read_back(code):
    turn = read_program(render_program("A plan.", code))
    assert (turn.plan, turn.code, turn.remark) == ("A plan.", code, None)


@given(text=SOUP)
def test_any_text_is_read_without_an_error(text):
    turn = read_program(text)
    assert not (turn.well_formed and turn.code is None)
    is_done(text)


@pytest.mark.parametrize(
    ("text", "code", "remark"),
    [
        ("plan\n```python\nprint(1)\n```", "print(1)", None),
        ("plan\r\n~~~py\r\nprint(1)\r\n~~~", "print(1)", None),
        ("<think>why ```python\nno\n```</think>\nplan\n```\nprint(1)\n```\n", "print(1)", None),
        ("<think>why</think>\n```python\nprint(1)\n```", "print(1)", None),
        ("```python\nprint(1)\n```", "print(1)", "no plan"),
        ("plan\n```python\nprint(1)", "print(1)", "not closed"),
        ("p\n```python\na\n```\n```python\nlonger\n```", "longer", "2 code blocks"),
        ("plan\n```json\n{}\n```", None, "no ```python block"),
        ("plan\n```python\n\n```", None, "no ```python block"),
    ],
)
def test_turns_are_read_forgivingly(text, code, remark):
    turn = read_program(text)
    assert turn.code == code
    assert turn.remark is None if remark is None else remark in turn.remark


@pytest.mark.parametrize(
    ("printed", "value"),
    [
        ("Validation rmse: 0.25", 0.25),
        ("validation F1@10 = -1e-3\nbye", -0.001),
        ("Validation a: 1\nValidation b: 2", 2),
        ("**Validation accuracy: 93.5%**", 0.935),
        ("Validation rmse: nan", None),
        ("Validation rmse: 1e999", None),
        ("score 0.5", None),
        ("", None),
    ],
)
def test_the_last_validation_line_counts(printed, value):
    assert validation_value(printed) == pytest.approx(value)


def test_done_is_the_whole_turn():
    assert is_done("<think>enough</think>\n**DONE.**")
    assert not is_done("DONE\n```python\nprint(1)\n```")
    assert not is_done("I am done")
