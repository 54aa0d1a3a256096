"""The policy that plays playbooks."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experts._tiny_book import BOOK, always
from sandmle.core.errors import UsageError
from sandmle.core.policy import Message
from sandmle.core.seeding import Streams
from sandmle.experts import PLAYBOOKS
from sandmle.experts._manner import draw_manner
from sandmle.experts._reasons import LONGEST, evidence, reasons
from sandmle.experts._slips import SLIPS
from sandmle.experts.expert import ExpertPolicy, known_modalities, playbook_for
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup, play_episode
from sandmle.rollout.expert_policy import ExpertPlayers
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import make_scaffold
from sandmle.scaffolds.plans import mismatch, planned
from sandmle.scaffolds.react_format import Answer, Python, Score, parse
from sandmle.testing.tiny_task import tiny_task

pytestmark = pytest.mark.filterwarnings("ignore::sandmle.sandbox.UnisolatedWarning")
CARD = "modality: tabular\npredict: a number"
RAN = "<tool_response>\nThe run ended with exit code 0.\nIt printed nothing.\n</tool_response>"
LOOKED = "<tool_response>\nThe run ended with exit code 0.\nstdout:\nslope: one\n</tool_response>"
FAILED = (
    "<tool_response>\nThe run ended with exit code 1.\nstderr:\nKeyError: 'z'\n</tool_response>"
)


def scored(value, direction="lower"):
    said = "submission.csv is valid. On the public part of the test set: root mean squared error"
    return f"<tool_response>\n{said} = {value:g} ({direction} is better).\n</tool_response>"


def manner(seed):
    return draw_manner(Streams(seed).child("expert").rng("manner"))


def seed_where(wanted):
    """Return the first seed of an expert of such a manner."""
    return next(seed for seed in itertools.count() if wanted(manner(seed)))


async def talk(policy, answers, *, most=99):
    """Let an expert speak to somebody who answers by a function of its turn; return its turns."""
    messages = [Message(role="system", content="s"), Message(role="user", content=CARD)]
    turns = []
    for _ in range(most):
        text = (await policy.act(messages)).text
        turns.append(parse(text))
        if isinstance(turns[-1].action, Answer):
            break
        reply = answers(turns[-1].action)
        messages += [
            Message(role="assistant", content=text),
            Message(role="user", content=reply),
        ]
    return turns


def plans(turns):
    return [planned(turn.think) for turn in turns if isinstance(turn.action, Python)]


@pytest.fixture(scope="module")
def sandbox():
    with UnsafeSandbox(preload=["pandas"]) as sandbox:
        yield sandbox


@pytest.fixture
def play(tmp_path, sandbox):
    """Play one expert on the tiny task for real."""

    async def run(seed, book=BOOK, max_steps=8):
        task_dir = tiny_task(tmp_path / "tiny")
        scaffold = make_scaffold("react", max_steps=max_steps, briefing="card", plan=True)

        def policy(_, *, replica, seed_of_run=seed, **__):
            return ExpertPolicy(seed=seed_of_run, max_steps=max_steps, book=book)

        setup = Setup(sandbox, scaffold, policy, get_reward("milestone"), RolloutSettings())
        return (await play_episode(task_dir, setup, replica=0)).episode

    return run


@given(
    st.integers(0, 2**63 - 1),
    st.integers(1, 12),
    st.lists(st.sampled_from([RAN, LOOKED, FAILED, "", scored(0.3), scored(0.2)]), min_size=1),
    st.sampled_from(["copy", "half", "broken"]),
)
async def test_whatever_it_hears_it_keeps_the_form_and_answers_in_time(
    seed, max_steps, replies, value
):
    reply = itertools.cycle(replies)
    policy = ExpertPolicy(seed=seed, max_steps=max_steps, book=always(value))
    turns = await talk(policy, lambda _: next(reply), most=max_steps)
    assert isinstance(turns[-1].action, Answer)
    assert all(turn.well_formed for turn in turns)
    for turn in turns:
        if isinstance(turn.action, Python):
            assert mismatch(turn.think, turn.action.code) is None
        assert all(len(line) <= LONGEST for line in turn.think.splitlines()[1:])


async def test_equal_seeds_say_the_same_and_seeds_differ():
    def said(seed):
        policy = ExpertPolicy(seed=seed, max_steps=8, book=BOOK)
        return talk(policy, lambda action: scored(0.3) if isinstance(action, Score) else LOOKED)

    stories = [await said(seed) for seed in range(40)]
    assert stories == [await said(seed) for seed in range(40)]
    assert len({repr(story) for story in stories}) > 8


def test_experts_are_of_all_manners():
    drawn = [manner(seed) for seed in range(600)]
    for name in ("follows", "mixed", "guesses"):
        assert 150 < sum(one.name == name for one in drawn) < 250
    assert {one.slip for one in drawn} == {None, *SLIPS}
    assert 0.8 < sum(one.looks for one in drawn) / 600 < 0.95
    assert any(one.checks and one.goes_on for one in drawn)


async def test_one_who_follows_takes_what_the_look_speaks_for_and_says_why(play):
    seed = seed_where(lambda m: m.name == "follows" and m.looks and not m.slip and not m.checks)
    episode = await play(seed, always("half"))
    assert [step.tool for step in episode.steps] == ["python", "python", "answer"]
    think = parse(episode.steps[1].action).think
    assert think == "plan:\n# load\n# copy\n# number\nslope one, so copy"
    assert episode.grade.medal.name == "GOLD"
    assert episode.policy == "expert:follows"


async def test_one_who_guesses_pays_no_heed_to_it(play):
    seed = seed_where(lambda m: m.name == "guesses" and m.looks and not m.slip and not m.checks)
    episode = await play(seed, always("half"))
    assert "plan:\n# load\n# half\n# number" in episode.steps[1].action
    assert "slope" not in parse(episode.steps[1].action).think
    assert episode.grade.medal.name == "NONE"


async def test_without_a_look_there_is_nothing_to_follow(play):
    seed = seed_where(lambda m: m.name == "follows" and not (m.looks or m.slip or m.checks))
    episode = await play(seed, always("half"))
    assert [step.tool for step in episode.steps] == ["python", "answer"]
    assert "plan:\n# load\n# half\n# number" in episode.steps[0].action


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.wrong)
async def test_every_mistake_happens_is_noticed_and_ends_well(play, slip):
    episode = await play(seed_where(lambda m: m.slip == slip and not m.looks and not m.checks))
    first, *noticed, repaired = [step for step in episode.steps if step.tool == "python"]
    assert slip.wrong in first.action
    assert noticed == []
    assert slip.wrong not in repaired.action
    assert slip.repair in repaired.action
    assert first.execution.ok is slip.silent
    assert repaired.execution.ok
    assert episode.grade.valid
    assert ("Not valid" in episode.steps[1].observation) is slip.silent
    assert "site-packages" not in first.observation


async def test_after_a_real_failure_it_plays_what_the_evidence_speaks_for(play):
    seed = seed_where(lambda m: m.name == "guesses" and m.looks and not m.slip and not m.checks)
    episode = await play(seed, always("broken"))
    assert [step.execution.ok for step in episode.steps[:3]] == [True, False, True]
    assert "That failed" in episode.steps[2].action
    assert episode.grade.medal.name == "GOLD"


async def test_where_the_advice_is_what_failed_it_takes_another_way(play):
    seed = seed_where(lambda m: m.looks and not m.slip and not m.checks)
    episode = await play(seed, always("broken", advised="broken"))
    assert [step.execution.ok for step in episode.steps[:3]] == [True, False, True]
    assert episode.grade.valid


async def test_it_gives_up_after_two_repairs():
    seed = seed_where(lambda m: m.looks and not m.slip)
    replies = itertools.chain([LOOKED], itertools.repeat(FAILED))
    turns = await talk(ExpertPolicy(seed=seed, max_steps=12, book=BOOK), lambda _: next(replies))
    assert len(plans(turns)) == 1 + 1 + 2
    assert "could not repair" in turns[-1].think


async def test_a_worse_second_program_is_taken_back():
    seed = seed_where(lambda m: m.checks and m.goes_on and not m.slip)
    values = iter([0.2, 0.3])
    turns = await talk(
        ExpertPolicy(seed=seed, max_steps=8, book=BOOK),
        lambda action: scored(next(values)) if isinstance(action, Score) else RAN,
    )
    first, second, third = [plan for plan in plans(turns) if plan != ("look",)]
    assert first == third != second


async def test_a_better_second_program_is_kept():
    seed = seed_where(lambda m: m.checks and m.goes_on and not m.slip)
    values = iter([0.2, 0.3])
    turns = await talk(
        ExpertPolicy(seed=seed, max_steps=8, book=BOOK),
        lambda action: scored(next(values), "higher") if isinstance(action, Score) else RAN,
    )
    assert len([plan for plan in plans(turns) if plan != ("look",)]) == 2


async def test_a_second_program_that_fails_leaves_the_first_one_s_submission():
    seed = seed_where(lambda m: m.checks and m.goes_on and not m.slip and not m.looks)
    replies = iter([RAN, scored(0.2), FAILED])
    turns = await talk(ExpertPolicy(seed=seed, max_steps=8, book=BOOK), lambda _: next(replies))
    assert len(plans(turns)) == 2
    assert "stands" in turns[-1].think


def test_reasons_name_the_fact_that_decides():
    facts = {"modality": "tabular", "slope": "one"}
    assert evidence(BOOK, facts) == {"value": ("slope",)}
    assert reasons(evidence(BOOK, facts), facts, {"value": "copy"}, ["value", "load"]) == [
        "slope one, so copy"
    ]
    long = {"slope": "one" * 30}
    assert reasons({"value": ("slope",)}, long, {"value": "copy"}, ["value"]) == []


async def test_without_a_card_it_says_how_to_give_it_one():
    policy = ExpertPolicy(seed=0, max_steps=8)
    with pytest.raises(UsageError, match=r"briefing=card and plan=true"):
        await policy.act([Message(role="user", content="# A task\n\nPredict y.")])


def test_a_kind_of_data_without_a_playbook_is_named_with_those_that_have_one():
    assert playbook_for("tabular") is PLAYBOOKS.get("tabular")
    assert "tabular" in known_modalities()
    with pytest.raises(UsageError, match=r"'graph'; there are playbooks for .*tabular"):
        playbook_for("graph")


@pytest.mark.parametrize("scaffold", ["aide", "react"])
def test_players_refuse_scaffolds_without_cards(scaffold):
    with pytest.raises(UsageError, match=f"cannot play {scaffold}.*briefing=card"):
        ExpertPlayers(make_scaffold(scaffold, max_steps=8))


async def test_an_expert_needs_nothing_that_is_private(tmp_path):
    task_dir = tiny_task(tmp_path / "tiny")
    for file in (task_dir.path / "private").iterdir():
        file.unlink()
    players = ExpertPlayers(make_scaffold("react", max_steps=8, briefing="card", plan=True))
    policy = players(task_dir, replica=0, seed=3)
    assert (await talk(policy, lambda _: RAN))[-1].action == Answer()
