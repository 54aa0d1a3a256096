"""Policies that need no model."""

import pytest

from sandmle.core.episode import Episode, Step
from sandmle.core.errors import PolicyError
from sandmle.core.policy import Completion, Message, Tokens, Usage
from sandmle.policies.replay import ReplayPolicy
from sandmle.policies.scripted import ScriptedPolicy

MESSAGES = [Message(role="user", content="go")]


def episode(*steps):
    return Episode(
        task_id="t", scaffold="react", policy="p", replica=0, seed=1, prompt=(), steps=steps,
        stop_reason="answered",
    )  # fmt: skip


def step(action, **fields):
    return Step(parent=None, action=action, tool=None, observation="", well_formed=True, **fields)


async def test_a_scripted_policy_says_its_turns_and_then_fails_as_a_policy():
    policy = ScriptedPolicy("scripted:two", [Completion(text="a"), Completion(text="b")])
    said = [(await policy.act(MESSAGES)).text for _ in range(2)]
    assert said == ["a", "b"]
    with pytest.raises(PolicyError, match="scripted:two has 2 turns and was asked for one more"):
        await policy.act(MESSAGES)


async def test_a_replay_gives_actions_usage_and_tokens_as_recorded():
    tokens = Tokens(prompt_ids=(1,), ids=(2, 3), logprobs=(-0.5, -0.25))
    usage = Usage(prompt_tokens=1, completion_tokens=2)
    policy = ReplayPolicy(episode(step("a", usage=usage, tokens=tokens), step("b")))
    first = await policy.act(MESSAGES)
    assert (first.text, first.usage, first.tokens) == ("a", usage, tokens)
    assert (await policy.act(MESSAGES)).text == "b"
    assert policy.name == "replay:p"


async def test_a_replay_fails_as_a_policy_where_the_conversation_goes_beyond_the_record():
    policy = ReplayPolicy(episode())
    with pytest.raises(PolicyError, match="has 0 steps and the conversation goes on"):
        await policy.act(MESSAGES)
