"""What is shown of a conversation that is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode, Step
from sandmle.core.errors import ContextOverflow
from sandmle.core.execution import Execution
from sandmle.core.policy import Completion, Message, Usage
from sandmle.env import Environment
from sandmle.scaffolds import Trace, make_scaffold
from sandmle.scaffolds.context import Conversation, Exchange, failed, shrunk

PROMPT = (Message(role="system", content="s"), Message(role="user", content="task"))
RULES = st.sampled_from(["shorten", "paper"])


def exchange(said, answer, *, failed=False):
    messages = (Message(role="assistant", content=said), Message(role="user", content=answer))
    return Exchange(messages, failed)


EXCHANGES = st.lists(
    st.builds(
        exchange,
        st.integers(0, 300).map(lambda n: "s" * n),
        st.integers(0, 4_000).map(lambda n: "a" * n),
        failed=st.booleans(),
    ),
    max_size=8,
).map(lambda made: Conversation(PROMPT, tuple(made)))


def is_part_of(some, everything):
    rest = iter(everything)
    return all(any(one == other for other in rest) for one in some)


@given(conversation=EXCHANGES, limit=st.integers(0, 20_000), rule=RULES)
def test_what_is_shown_fits_in_order_and_keeps_prompt_and_last_exchange(conversation, limit, rule):
    shown = shrunk(conversation, limit, rule=rule)
    least = Conversation(PROMPT, conversation.exchanges[-1:])
    assert (shown is not None) == (least.characters <= limit)
    if shown is None:
        return
    assert shown.characters <= limit
    assert shown.messages[0] == PROMPT[0]
    assert shown.messages[1].content.startswith(PROMPT[1].content)
    assert shown.exchanges[-1:] == conversation.exchanges[-1:]
    said = [one.messages[0] for one in shown.exchanges]
    assert is_part_of(said, [one.messages[0] for one in conversation.exchanges])
    assert shrunk(shown, limit, rule=rule) == shown


@given(conversation=EXCHANGES, rule=RULES)
def test_what_fits_is_shown_as_it_is(conversation, rule):
    assert shrunk(conversation, conversation.characters, rule=rule) == conversation


def test_outputs_are_cut_oldest_first_and_then_turns_are_left_out_with_a_note():
    turns = tuple(exchange(f"turn {i}", "<" + "x" * 5_000 + ">") for i in range(4))
    conversation = Conversation(PROMPT, turns)
    first = shrunk(conversation, conversation.characters - 1)
    cut = first.exchanges[0].messages[1].content
    assert "[4,002 characters are no longer shown]" in cut
    assert (cut[0], cut[-1]) == ("<", ">")
    assert first.exchanges[1:] == turns[1:]
    fewer = shrunk(conversation, 6_500)
    assert fewer.omitted == 3 - len(fewer.exchanges) + 1
    assert "Your first 2 turns are no longer shown" in fewer.messages[1].content
    assert fewer.exchanges[-1] == turns[-1]


def test_the_papers_rule_leaves_out_what_failed_whatever_outputs_say():
    turns = (
        exchange("a", "error: that is the column's name" * 50),
        exchange("b", "all went well" * 50, failed=True),
        exchange("c", "x" * 50),
    )
    conversation = Conversation(PROMPT, turns)
    shown = shrunk(conversation, conversation.characters - 1, rule="paper")
    assert shown == Conversation(PROMPT, (turns[0], turns[2]))
    assert shrunk(shown, shown.characters - 1, rule="paper").exchanges == (turns[2],)


def step(tool, exit_code=None):
    ran = None
    if exit_code is not None:
        ran = Execution(
            exit_code=exit_code, stdout="error", stderr="", seconds=0, cpu_seconds=0, peak_mib=0
        )
    return Step(
        parent=None, action="", tool=tool, observation="error", well_formed=True, execution=ran
    )


@pytest.mark.parametrize(
    ("turn", "is_failed"),
    [
        (step(None), True),
        (step("python", 1), True),
        (step("python", 0), False),
        (step("python"), True),
        (step("score"), False),
    ],
)
def test_a_turn_fails_by_the_hosts_facts(turn, is_failed):
    assert failed(turn) == is_failed


class Narrow:
    """Prints much at every turn and can read so many characters."""

    name = "narrow"

    def __init__(self, characters, *, counts=True):
        self._characters = characters
        self._counts = counts
        self.seen = []
        self.refused = 0

    async def act(self, messages, *, tools=()):
        size = sum(len(message.content) for message in messages)
        if size > self._characters:
            self.refused += 1
            raise ContextOverflow("too long")
        self.seen.append(tuple(messages))
        code = f"print('error ' * 500, {len(self.seen)})"
        usage = Usage(prompt_tokens=size, completion_tokens=90) if self._counts else Usage()
        return Completion(
            text=f"<think>a</think><tool_call>python<code>{code}</code></tool_call>", usage=usage
        )


async def play(task, sandbox, policy, **options):
    trace = Trace()
    async with Environment(task, sandbox) as env:
        stop = await make_scaffold("react", max_steps=8, **options).run(env, policy, trace=trace)
    episode = Episode(
        task_id="t", scaffold="react", policy="p", replica=0, seed=0, prompt=trace.prompt,
        steps=tuple(trace.steps), stop_reason=stop,
    )  # fmt: skip
    return Episode.model_validate_json(episode.to_record())


@pytest.mark.parametrize("rule", ["shorten", "paper"])
async def test_an_overflow_is_asked_again_with_less_and_recorded_exactly(task, unsafe, rule):
    policy = Narrow(9_000)
    episode = await play(task, unsafe, policy, context_rule=rule)
    assert episode.stop_reason == "max_steps"
    assert policy.refused
    assert [episode.seen(index) for index in range(8)] == policy.seen
    assert episode.steps[0].shown is None
    assert episode.steps[-1].shown is not None


@pytest.mark.parametrize("counts", [True, False])
async def test_a_budget_keeps_the_policy_from_overflowing(task, unsafe, counts):
    policy = Narrow(9_000, counts=counts)
    budget = 9_000 if counts else 3_000
    episode = await play(task, unsafe, policy, context_tokens=budget)
    assert episode.stop_reason == "max_steps"
    assert policy.refused == 0
    assert [episode.seen(index) for index in range(8)] == policy.seen


@pytest.mark.parametrize("options", [{"context_tokens": 10}, {}])
async def test_where_not_even_the_prompt_fits_the_episode_ends_by_context(task, unsafe, options):
    episode = await play(task, unsafe, Narrow(10), **options)
    assert (episode.stop_reason, episode.steps) == ("context", ())


async def test_where_the_last_exchange_does_not_fit_the_episode_ends_by_context(task, unsafe):
    policy = Narrow(4_000)
    episode = await play(task, unsafe, policy)
    assert (episode.stop_reason, len(episode.steps)) == ("context", 1)
