"""A model behind a server: requests, answers, retries, refusals; over real HTTP."""

import asyncio
import json
import time

import pytest

from sandmle.core.errors import ContextOverflow, PolicyError, PolicyRefused, UsageError
from sandmle.core.lost_time import lost_time_to
from sandmle.core.policy import Completion, Message, Tokens, ToolCall, ToolSpec, Usage
from sandmle.policies import MODELS, ModelSettings
from sandmle.testing.model_server import (
    BUSY,
    HANG,
    NO_CHOICES,
    TOO_LONG,
    TRANSIENT,
    Fault,
    ModelServer,
    always,
    first,
)

GO = [Message(role="user", content="go")]
TOOL = ToolSpec(name="python", description="Runs code.")
CALL = ToolCall(id="c1", name="python", arguments='{"code": "print(1)"}')
KEY = "sk-very-secret-1234567890"


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)


def make(server, **settings):
    settings = {"retry_seconds": 0, "timeout_seconds": 10, **settings}
    return MODELS.get("openai")(ModelSettings(model="m", base_url=server.base_url, **settings))


async def act(server, messages=GO, *, tools=(), seed=1, **settings):
    model = make(server, **settings)
    try:
        return await model.policy(seed=seed).act(messages, tools=tools)
    finally:
        await model.close()


def answering(said="hello", **options):
    return ModelServer(lambda request: said, **options)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_turn_comes_back_with_usage_price_and_whether_it_was_cut(stream):
    usage = Usage(prompt_tokens=1_000, completion_tokens=10, cached_tokens=7)
    said = Completion(text="<think>a</think>b", truncated=True, usage=usage)
    prices = {"dollars_per_million_in": 2.0, "dollars_per_million_out": 100.0}
    with answering(said) as server:
        got = await act(server, stream=stream, **prices)
    assert got.usage.dollars == pytest.approx(0.003)
    assert got == said.model_copy(update={"usage": got.usage})
    assert got.usage.model_copy(update={"dollars": 0.0}) == usage


async def test_a_cost_that_the_server_names_goes_before_the_settings_prices():
    with answering(Completion(text="a", usage=Usage(prompt_tokens=5, dollars=0.25))) as server:
        assert (await act(server, dollars_per_million_in=1.0)).usage.dollars == 0.25


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
async def test_reasoning_that_the_server_split_off_stands_in_front_again(field, stream):
    text = "<think>\n" + "long thoughts " * 9 + "</think>\n\nand a turn"
    with answering(text, reasoning_field=field) as server:
        assert (await act(server, stream=stream)).text == text


@pytest.mark.parametrize("stream", [False, True])
async def test_native_calls_go_both_ways(stream):
    other = ToolCall(id="c0", name="python", arguments="{broken")
    messages = [
        *GO,
        Message(role="assistant", content="", tool_calls=(other,)),
        Message(role="tool", content="no", tool_call_id="c0"),
    ]
    said = Completion(text="so", tool_calls=(CALL,))
    with answering(said) as server:
        got = await act(server, messages, tools=[TOOL], stream=stream)
    assert (got.text, got.tool_calls) == ("so", (CALL,))
    body = server.requests[0].body
    assert body["tools"][0]["function"]["name"] == "python"
    assert body["parallel_tool_calls"] is False
    sent, answered = body["messages"][1:]
    assert json.loads(sent["tool_calls"][0]["function"]["arguments"]) == {"unreadable": "{broken"}
    assert answered == {"role": "tool", "content": "no", "tool_call_id": "c0"}


async def test_each_call_has_a_seed_of_its_own_and_an_episode_the_same_ones_again():
    def seeds(server):
        return [request.body["seed"] for request in server.requests]

    with answering() as server:
        model = make(server)
        for seed in (1, 1, 2):
            policy = model.policy(seed=seed)
            await policy.act(GO)
            await policy.act(GO)
        await model.close()
        await model.close()
    one, again, other = (seeds(server)[at : at + 2] for at in (0, 2, 4))
    assert one == again
    assert len({*one, *other}) == 4
    assert all(0 <= seed < 2**31 for seed in seeds(server))


async def test_options_come_last_and_null_takes_a_field_out():
    with answering() as server:
        await act(server, temperature=0.5, top_p=0.9, options={"top_k": 20, "seed": None})
    body = server.requests[0].body
    assert (body["temperature"], body["top_p"], body["top_k"]) == (0.5, 0.9, 20)
    assert "seed" not in body
    with pytest.raises(UsageError, match="messages cannot be set"):
        make(server_at("http://127.0.0.1:1/v1"), options={"messages": []})


@pytest.mark.parametrize("stream", [False, True])
async def test_token_ids_come_back_exactly(stream):
    tokens = Tokens(prompt_ids=(1, 2), ids=(3, 4), logprobs=(-0.1, -2.5))
    with answering(Completion(text="a", tokens=tokens)) as server:
        assert (await act(server, token_ids=True, stream=stream)).tokens == tokens
        assert (await act(server)).tokens is None


async def test_a_server_without_token_ids_ends_the_run_and_says_what_to_use():
    with answering() as server, pytest.raises(PolicyRefused, match=r"use vLLM >= 0\.10\.2"):
        await act(server, token_ids=True)
    assert len(server.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fault", TRANSIENT, ids=lambda f: f"{f.kind}-{f.status}")
async def test_what_another_attempt_gets_over_is_tried_again_and_reported_as_lost(fault, stream):
    lost = []
    with answering(faults=first([fault, fault])) as server, lost_time_to(lost.append):
        got = await act(server, timeout_seconds=0.2 if fault is HANG else 10, stream=stream)
    assert (got.text, len(server.requests), len(lost)) == ("hello", 3, 2)
    if fault is HANG:
        assert server.hangups == 2
        assert sum(lost) >= 0.4
    seeds = {request.body["seed"] for request in server.requests}
    assert len(seeds) == 1


async def test_attempts_end_and_what_they_cost_counts():
    usage = Usage(prompt_tokens=3)
    with answering(Completion(text="a", usage=usage), faults=first([NO_CHOICES])) as server:
        assert (await act(server)).usage.prompt_tokens == 6
    failure = pytest.raises(PolicyError, match=r"3 attempts failed, .* answers 429: too many")
    with answering(faults=always(BUSY)) as server, failure:
        await act(server, max_attempts=3)
    assert len(server.requests) == 3


async def test_a_retry_after_is_obeyed():
    with answering(faults=first([Fault("status", 429, retry_after=0.4)])) as server:
        began = time.monotonic()
        await act(server)
    assert time.monotonic() - began >= 0.4


@pytest.mark.parametrize(
    "message",
    [
        TOO_LONG.message,
        "the request exceeds the available context size, try increasing it",
        "The input (61709 tokens) is longer than the model's context length (40960 tokens).",
        "The decoder prompt (length 10127) is longer than the maximum model length of 8192.",
    ],
)
@pytest.mark.parametrize("status", [400, 500])
async def test_a_prompt_that_is_too_long_is_told_from_other_errors(message, status):
    fault = Fault("status", status, message)
    with answering(faults=always(fault)) as server, pytest.raises(ContextOverflow):
        await act(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [402, 403, 404, 400, 422])
async def test_what_no_attempt_can_get_over_ends_the_run_at_once(status):
    refused = pytest.raises(PolicyRefused, match=f"answers {status}: failed on purpose")
    with answering(faults=always(Fault("status", status))) as server, refused:
        await act(server)
    assert len(server.requests) == 1


async def test_a_request_refused_after_others_were_answered_is_this_episode_s_alone():
    def fault(number):
        return Fault("status", 400) if number == 1 else None

    with answering(faults=fault) as server:
        model = make(server)
        policy = model.policy(seed=1)
        await policy.act(GO)
        with pytest.raises(PolicyError) as caught:
            await policy.act(GO)
        await model.close()
    assert type(caught.value) is PolicyError


async def test_fields_that_a_server_does_not_take_are_left_out_from_then_on():
    with answering(refused_fields=("parallel_tool_calls", "seed")) as server:
        model = make(server, max_attempts=1)
        policy = model.policy(seed=1)
        assert (await policy.act(GO, tools=[TOOL])).text == "hello"
        assert (await policy.act(GO, tools=[TOOL])).text == "hello"
        await model.close()
    assert len(server.requests) == 4


async def test_an_old_name_of_the_limit_is_replaced_where_the_server_says_so():
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    with answering(faults=first([Fault("status", 400, said)])) as server:
        await act(server, max_new_tokens=99)
    assert server.requests[1].body["max_completion_tokens"] == 99
    assert "max_tokens" not in server.requests[1].body


async def test_the_key_is_sent_and_stands_in_no_error(monkeypatch):
    monkeypatch.setenv("THE_KEY", KEY)
    with answering(api_key=KEY) as server:
        assert (await act(server, api_key_env="THE_KEY")).text == "hello"
        monkeypatch.setenv("THE_KEY", KEY + "x")
        with pytest.raises(PolicyRefused, match=r"the key in THE_KEY \(401\)") as caught:
            await act(server, api_key_env="THE_KEY")
        assert KEY not in str(caught.value)
    with answering(faults=always(Fault("status", 403, f"key {KEY} is bad"))) as server:
        monkeypatch.setenv("THE_KEY", KEY)
        with pytest.raises(PolicyRefused, match=r"key \[key\] is bad"):
            await act(server, api_key_env="THE_KEY")


class server_at:
    def __init__(self, base_url):
        self.base_url = base_url


def test_a_server_elsewhere_needs_a_key_and_an_address_holds_no_password():
    for address in (None, "https://example.org/v1"):
        with pytest.raises(UsageError, match="needs a key and OPENAI_API_KEY is not set"):
            make(server_at(address))
    with pytest.raises(UsageError, match="holds a password") as caught:
        make(server_at("http://me:pw@127.0.0.1/v1"))
    assert "pw" not in str(caught.value)
    with pytest.raises(UsageError, match="is no address"):
        make(server_at("127.0.0.1:8000"))


async def test_a_server_that_was_never_reached_ends_the_run_and_one_that_died_does_not():
    failed = r"2 attempts failed, .* connection to http://127"
    with pytest.raises(PolicyRefused, match=failed + ".*start the server"):
        await act(server_at("http://127.0.0.1:9/v1"), max_attempts=2)
    with answering() as server:
        model = make(server, max_attempts=2)
        await model.policy(seed=1).act(GO)
    with pytest.raises(PolicyError, match=failed) as caught:
        await model.policy(seed=1).act(GO)
    await model.close()
    assert type(caught.value) is PolicyError


@pytest.mark.parametrize("stream", [False, True])
async def test_a_cancelled_call_closes_its_connection(stream):
    with answering(faults=always(HANG)) as server:
        model = make(server, stream=stream)
        call = asyncio.create_task(model.policy(seed=1).act(GO))
        while not server.requests:
            await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        for _ in range(200):
            if server.hangups:
                break
            await asyncio.sleep(0.01)
        assert server.hangups == 1
        await model.close()


async def test_two_hundred_calls_go_on_at_once():
    with answering() as server:
        model = make(server)
        policies = [model.policy(seed=seed) for seed in range(200)]
        turns = await asyncio.gather(*(policy.act(GO) for policy in policies))
        await model.close()
    assert [turn.text for turn in turns] == ["hello"] * 200
