"""The local model against a plain forward pass, alone and in batches."""

import asyncio

import pytest

from sandmle.core.errors import ContextOverflow, PolicyError, UsageError
from sandmle.core.policy import Completion, Message, ToolCall, ToolSpec
from sandmle.policies import MODELS, ModelSettings
from sandmle.policies._chat_ids import ChatIds
from sandmle.policies._hermes import split_calls
from sandmle.scaffolds import make_scaffold
from sandmle.testing.tiny_checkpoint import CHAT_TEMPLATE, tiny_checkpoint

pytest.importorskip("transformers")

CHATS = [
    [Message(role="user", content=text)]
    for text in ("Hello", "a much longer question, " * 4, "?", "one more", "and the last one")
]

# The likeliest tokens of this model go round in circles.
ENDLESS = {
    "temperature": 0.0, "max_new_tokens": 100_000, "options": {"context_tokens": 200_000}
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"))


def make(folder, *, options=None, **settings):
    settings = {"max_new_tokens": 24, "token_ids": True, **settings}
    options = {"dtype": "float32", "device": "cpu", "threads": 1, **(options or {})}
    return MODELS.get("local")(ModelSettings(model=str(folder), options=options, **settings))


@pytest.fixture
async def opened():
    models = []

    def open_model(*args, **fields):
        models.append(make(*args, **fields))
        return models[-1]

    yield open_model
    for model in models:
        await model.close()


async def turns(model, *, seeds=range(5)):
    acts = [model.policy(seed=s).act(chat) for s, chat in zip(seeds, CHATS, strict=True)]
    return await asyncio.gather(*acts)


def reference_logprobs(folder, tokens, *, temperature):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    ids = torch.tensor([[*tokens.prompt_ids, *tokens.ids]])
    with torch.inference_mode():
        logits = model(ids).logits[0, len(tokens.prompt_ids) - 1 : -1]
    logprobs = torch.log_softmax(logits / temperature, dim=-1)
    return logprobs.gather(-1, torch.tensor(tokens.ids)[:, None])[:, 0].tolist()


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.8), (1.5, 0.3)])
async def test_logprobs_are_those_of_a_plain_forward_pass(folder, opened, temperature, top_p):
    model = opened(folder, temperature=temperature, top_p=top_p)
    for said in await turns(model):
        expected = reference_logprobs(folder, said.tokens, temperature=temperature)
        assert said.tokens.logprobs == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
async def test_tokens_do_not_depend_on_batch_mates(folder, opened, batch_size):
    together = await turns(opened(folder))
    other = await turns(opened(folder, options={"batch_size": batch_size}))
    assert [said.tokens.ids for said in other] == [said.tokens.ids for said in together]
    for one, two in zip(other, together, strict=True):
        assert one.tokens.logprobs == pytest.approx(two.tokens.logprobs, abs=1e-4)


async def test_turns_that_come_later_join_the_batch(folder, opened):
    model = opened(folder, max_new_tokens=200)
    alone = [await model.policy(seed=s).act(chat) for s, chat in enumerate(CHATS)]

    async def late(seed, chat):
        await asyncio.sleep(0.03 * seed)
        return await model.policy(seed=seed).act(chat)

    joined = await asyncio.gather(*(late(s, chat) for s, chat in enumerate(CHATS)))
    assert [said.tokens.ids for said in joined] == [said.tokens.ids for said in alone]


async def test_seeds_and_turns_settle_what_is_said(folder, opened):
    model = opened(folder)
    first, again, other = [model.policy(seed=seed) for seed in (1, 1, 2)]
    said = [(await policy.act(CHATS[0])).text for policy in (first, again, other)]
    assert said[0] == said[1] != said[2]
    assert (await first.act(CHATS[0])).text != said[0]


async def test_greedy_turns_need_no_seed(folder, opened):
    model = opened(folder, temperature=0.0)
    one, two = [await model.policy(seed=seed).act(CHATS[0]) for seed in (1, 2)]
    assert one.tokens == two.tokens
    expected = reference_logprobs(folder, one.tokens, temperature=1.0)
    assert one.tokens.logprobs == pytest.approx(expected, abs=1e-4)


async def test_a_tiny_nucleus_is_greedy(folder, opened):
    narrow = await opened(folder, top_p=1e-6).policy(seed=3).act(CHATS[0])
    greedy = await opened(folder, temperature=0.0).policy(seed=3).act(CHATS[0])
    assert narrow.tokens.ids == greedy.tokens.ids


async def test_what_does_not_fit_is_an_overflow(folder, opened):
    policy = opened(folder).policy(seed=0)
    with pytest.raises(ContextOverflow, match="and 24 new ones are more than the 512"):
        await policy.act([Message(role="user", content="x" * 500)])
    tight = opened(folder, options={"context_tokens": 30}).policy(seed=0)
    with pytest.raises(ContextOverflow):
        await tight.act(CHATS[0])


async def test_a_turn_that_reaches_its_limit_is_truncated_and_counted(folder, opened):
    said = await opened(folder, max_new_tokens=3).policy(seed=0).act(CHATS[0])
    assert said.truncated
    assert said.usage.completion_tokens == len(said.tokens.ids) == 3
    assert said.usage.prompt_tokens == len(said.tokens.prompt_ids)


async def test_a_stop_string_ends_the_turn_and_stays_in_it(folder, opened):
    long = await opened(folder, max_new_tokens=100).policy(seed=0).act(CHATS[0])
    stop = long.text[5:7]
    said = (
        await opened(folder, max_new_tokens=100, options={"stop": [stop]})
        .policy(seed=0)
        .act(CHATS[0])
    )
    assert said.text == long.text[: long.text.index(stop) + len(stop)]
    assert not said.truncated


async def test_the_end_token_ends_the_turn_and_is_not_in_its_text(folder, opened):
    model = opened(folder, max_new_tokens=300, temperature=2.0)
    said = await turns(model)
    ended = [turn for turn in said if not turn.truncated]
    assert ended
    assert all(turn.tokens.ids[-1] == model._tokenizer.eos_token_id for turn in ended)
    assert not any("<|im_end|>" in turn.text for turn in ended)


@pytest.mark.parametrize("new", [24, 400])
async def test_a_conversation_that_goes_on_keeps_its_earlier_tokens(folder, opened, new):
    policy = opened(folder, max_new_tokens=new, temperature=2.0).policy(seed=4)
    said = await policy.act(CHATS[0])
    assert said.truncated == (new == 24)
    before = (*said.tokens.prompt_ids, *said.tokens.ids)
    chat = [*CHATS[0], Message(role="assistant", content=said.text), *CHATS[2]]
    prompt = (await policy.act(chat)).tokens.prompt_ids
    assert prompt[: len(before)] == before
    new_text = policy._model._tokenizer.decode(prompt[len(said.tokens.prompt_ids) :])
    assert (
        new_text == f"{said.text}<|im_end|>\n<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\n"
    )


async def test_a_template_cannot_strip_reasoning_that_was_sampled(tmp_path, opened):
    strip = CHAT_TEMPLATE.replace("message.content }}", "message.content.split('</think>')[-1] }}")
    tokenizer = opened(tiny_checkpoint(tmp_path, template=strip))._tokenizer
    said = Completion(text="<think>a</think>b")
    chat = [*CHATS[0], Message(role="assistant", content=said.text), *CHATS[2]]
    for keep in (True, False):
        ids = ChatIds(tokenizer, keep=keep, end_ids=frozenset(), template_options={})
        prompt = ids.prompt(CHATS[0], ())
        ids.sampled(CHATS[0], prompt, completion=said, ids=tokenizer(said.text)["input_ids"])
        assert ("<think>a</think>b" in tokenizer.decode(ids.prompt(chat, ()))) == keep
        # Where the conversation was changed there is nothing to keep.
        changed = [*CHATS[1], *chat[1:]]
        assert "<think>" not in tokenizer.decode(ids.prompt(changed, ()))


async def test_tools_and_broken_calls_reach_the_template(folder, opened):
    model = opened(folder)
    call = ToolCall(id="a", name="python", arguments="{broken")
    chat = [
        *CHATS[0],
        Message(role="assistant", content="", tool_calls=(call,)),
        Message(role="tool", content="no", tool_call_id="a"),
    ]
    said = await model.policy(seed=0).act(chat, tools=[ToolSpec(name="x", description="y")])
    prompt = model._tokenizer.decode(said.tokens.prompt_ids)
    assert "[1 tools]" in prompt
    assert '{"unreadable": "{broken"}' in prompt


def test_calls_are_read_out_of_the_text():
    text, calls = split_calls(
        'I look.\n<tool_call>{"name": "python", "arguments": {"code": "1"}}</tool_call>'
        '<tool_call>{"name": 7}</tool_call><tool_call>{"na'
    )
    assert text == "I look."
    assert [(c.name, c.arguments) for c in calls] == [
        ("python", '{"code": "1"}'), ("7", "{}"), ("", '{"na'),
    ]  # fmt: skip
    assert split_calls("no call") == ("no call", ())


async def test_a_cancelled_turn_leaves_the_batch(folder, opened):
    model = opened(folder, **ENDLESS)
    turn = asyncio.create_task(model.policy(seed=0).act(CHATS[0]))
    await asyncio.sleep(0.1)
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    for _ in range(200):
        if model._batches.rows == 0:
            break
        await asyncio.sleep(0.01)
    assert model._batches.rows == 0


async def test_closing_ends_what_goes_on_as_a_failure_of_the_policy(folder):
    model = make(folder, **ENDLESS)
    turn = asyncio.create_task(model.policy(seed=0).act(CHATS[0]))
    await asyncio.sleep(0.1)
    await model.close()
    await model.close()
    with pytest.raises(PolicyError, match="closed before the turn was finished"):
        await turn
    with pytest.raises(PolicyError, match="is closed"):
        await model.policy(seed=0).act(CHATS[0])


async def test_a_template_that_refuses_is_a_failure_of_the_policy(tmp_path, opened):
    template = "{{ raise_exception('roles must alternate') }}"
    model = opened(tiny_checkpoint(tmp_path, template=template))
    with pytest.raises(PolicyError, match="roles must alternate"):
        await model.policy(seed=0).act(CHATS[0])


def test_wrong_settings_are_the_users(folder, tmp_path):
    with pytest.raises(UsageError, match="option 'devise' of local"):
        make(folder, options={"devise": "cpu"})
    with pytest.raises(UsageError, match="cannot be loaded on 'cpu'"):
        make(tmp_path)
    with pytest.raises(UsageError, match="no chat template"):
        make(tiny_checkpoint(tmp_path / "mute", template=None))


async def test_an_episode_of_a_local_model_holds_its_exact_tokens(folder, opened, tmp_path):
    from sandmle.rewards import get_reward
    from sandmle.rollout import RolloutSettings, Setup, run_episode
    from sandmle.rollout.model_policy import ModelPolicy
    from sandmle.sandbox.unsafe import UnsafeSandbox
    from sandmle.testing.tiny_task import tiny_task

    model = opened(folder, options={"context_tokens": 20_000})
    with UnsafeSandbox() as sandbox:
        setup = Setup(
            sandbox, make_scaffold("react", max_steps=3), ModelPolicy(model),
            get_reward("milestone"), RolloutSettings(max_attempts=1),
        )  # fmt: skip
        episode = await run_episode(tiny_task(tmp_path / "task"), setup)
    assert episode.failure is None
    assert episode.stop_reason == "max_steps"
    first, second, _ = [step.tokens for step in episode.steps]
    assert second.prompt_ids[: len(first.prompt_ids)] == first.prompt_ids
