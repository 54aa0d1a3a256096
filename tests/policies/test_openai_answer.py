"""Reading answers of servers that write anything."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandmle.core.errors import PolicyRefused
from sandmle.core.policy import Completion
from sandmle.policies import ModelSettings
from sandmle.policies._openai_answer import read_answer
from sandmle.policies._openai_errors import AttemptFailed, refusal_text, retry_after
from sandmle.policies._openai_stream import StreamedAnswer

SETTINGS = ModelSettings(model="m")
FIELDS = (
    "choices message delta content tool_calls function usage error index finish_reason "
    "prompt_tokens cost id name arguments reasoning code token_ids logprobs"
)
NAMES = st.sampled_from(FIELDS.split())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def answer(finish="stop", **message):
    return {"choices": [{"message": message, "finish_reason": finish}]}


@settings(max_examples=40)
@given(ANYTHING, st.booleans())
def test_any_json_is_a_turn_or_a_failed_attempt(value, token_ids):
    asked = ModelSettings(model="m", token_ids=token_ids)
    for body in (value, {"choices": [{"message": value}], "usage": value}):
        with suppress(AttemptFailed, PolicyRefused):
            assert isinstance(read_answer(body, asked, number=0), Completion)


@settings(max_examples=40)
@given(st.lists(st.dictionaries(NAMES, ANYTHING, max_size=4), max_size=4))
def test_any_chunks_are_an_answer_or_a_failed_attempt(values):
    streamed = StreamedAnswer(SETTINGS)
    with suppress(AttemptFailed):
        for value in values:
            streamed.add(value)
            streamed.add({"choices": [{"delta": value, "finish_reason": "stop"}]})
        read_answer(streamed.whole(), SETTINGS, number=0)


@pytest.mark.parametrize("finish", ["abort", "error", "content_filter"])
def test_a_turn_that_the_server_gave_up_is_a_failed_attempt(finish):
    with pytest.raises(AttemptFailed, match=finish):
        read_answer(answer(finish, content="half a tu"), SETTINGS, number=0)


def test_arguments_that_are_no_text_and_calls_without_id_are_taken():
    call = {"function": {"name": "python", "arguments": {"code": "1"}}}
    (got,) = read_answer(answer(tool_calls=[call]), SETTINGS, number=3).tool_calls
    assert (got.id, got.arguments) == ("call_3_0", '{"code": "1"}')


def test_half_a_surrogate_pair_is_replaced():
    assert read_answer(answer(content="a\ud800b"), SETTINGS, number=0).text == "a?b"


@given(ANYTHING)
def test_what_an_error_says_is_one_line(value):
    assert "\n" not in refusal_text({"error": value}, key="secret-key")


def test_a_retry_after_is_a_number_or_a_date():
    assert retry_after({"retry-after": "2.5"}) == 2.5
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None
