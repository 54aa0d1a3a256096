"""Trajectories as chats, and the files of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandmle.core.episode import Episode, Step
from sandmle.core.errors import UsageError
from sandmle.core.policy import Message, ToolCall
from sandmle.core.reward import Reward
from sandmle.experts.expert import ExpertPolicy
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup, play_episode
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.scaffolds import make_scaffold
from sandmle.testing.policies import RecordingPolicy
from sandmle.testing.tiny_task import tiny_task
from sandmle.training.sft_data import by_family, chat_rows
from sandmle.training.sft_export import check_folder, write_rows

pytestmark = pytest.mark.filterwarnings("ignore::sandmle.sandbox.UnisolatedWarning")
SYSTEM = Message(role="system", content="You write Python.")
USER = Message(role="user", content="modality: tabular")


def step(action, parent, *, observation="seen", **more):
    return Step(
        parent=parent,
        action=action,
        tool="python",
        observation=observation,
        well_formed=True,
        **more,
    )


def episode(*steps, task="tabular/a-v1:00", replica=0, reward=0.5, **more):
    return Episode(
        task_id=task,
        scaffold="react",
        policy="p",
        replica=replica,
        seed=1,
        prompt=(SYSTEM, USER),
        steps=steps or (step("one", None), step("two", 0, observation="")),
        stop_reason="answered",
        reward=None if reward is None else paid(reward),
        **more,
    )


def paid(total):
    return Reward(terms={"medal": total})


def chat(*pairs):
    return [{"role": role, "content": content} for role, content in pairs]


START = (("system", "You write Python."), ("user", "modality: tabular"))


async def test_a_row_is_exactly_what_the_policy_was_shown_and_said(tmp_path):
    shown = []

    def policy(task_dir, *, replica, seed):
        shown.append(RecordingPolicy(ExpertPolicy(seed=seed, max_steps=8)))
        return shown[-1]

    scaffold = make_scaffold("react", max_steps=8, briefing="card", plan=True)
    task_dir = tiny_task(tmp_path / "tiny")
    with UnsafeSandbox(preload=["pandas", "sklearn.linear_model"]) as sandbox:
        setup = Setup(sandbox, scaffold, policy, get_reward("milestone"), RolloutSettings())
        episodes = [
            (await play_episode(task_dir, setup, replica=replica)).episode for replica in range(4)
        ]
    rows = chat_rows(episodes)
    assert [row.replica for row in rows] == [0, 1, 2, 3]
    for row, policy in zip(rows, shown, strict=True):
        said = [m for m in row.messages if m["role"] == "assistant"]
        assert len(said) == len(policy.seen) == row.turns
        at = [i for i, message in enumerate(row.messages) if message["role"] == "assistant"]
        for index, messages in zip(at, policy.seen, strict=True):
            before = [{"role": m.role, "content": m.content} for m in messages]
            assert row.messages[:index] == before
        assert at[-1] == len(row.messages) - 1
        assert {message["role"] for message in row.messages[1::2]} == {"user"}


def test_rows_tell_the_episode_and_come_by_task_replica_and_branch():
    rows = chat_rows(
        [
            episode(replica=1),
            episode(task="b:1"),
            episode(replica=0, reward=1.0),
            episode(task="a:2"),
        ]
    )
    assert [(row.task_id, row.replica) for row in rows] == [
        ("a:2", 0),
        ("b:1", 0),
        ("tabular/a-v1:00", 0),
        ("tabular/a-v1:00", 1),
    ]
    row = rows[2]
    assert row.messages == chat(
        *START, ("assistant", "one"), ("user", "seen"), ("assistant", "two")
    )
    assert (row.family, row.reward, row.medal, row.valid) == ("tabular/a-v1", 1.0, "none", False)
    assert (row.stop_reason, row.turns, row.branch) == ("answered", 2, 0)


def test_every_branch_of_a_tree_is_a_trajectory():
    tree = episode(step("root", None), step("left", 0), step("right", 0), step("deep", 2))
    first, second = chat_rows([tree])
    said = [[m["content"] for m in row.messages[2::2]] for row in (first, second)]
    assert said == [["root", "left"], ["root", "right", "deep"]]
    assert (first.branch, second.branch) == (0, 1)


def test_of_equal_steps_each_branch_has_its_own_history():
    tree = episode(step("a", None), step("b", None), step("same", 0), step("same", 1))
    assert [[m["content"] for m in row.messages[2::2]] for row in chat_rows([tree])] == [
        ["a", "same"],
        ["b", "same"],
    ]


def test_a_history_that_was_shortened_stands_as_it_was_shown():
    short = (SYSTEM, Message(role="user", content="shortened"))
    (row,) = chat_rows([episode(step("one", None), step("two", 0, shown=short))])
    assert row.messages == chat(START[0], ("user", "shortened"), ("assistant", "two"))
    assert row.turns == 1


def test_native_calls_have_the_conventional_form():
    call = ToolCall(id="c1", name="python", arguments='{"code": "1"}')
    (row,) = chat_rows([episode(step("", None, tool_calls=(call,)), step("done", 0))])
    assert row.messages[2]["tool_calls"] == [
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "python", "arguments": call.arguments},
        }
    ]
    assert row.messages[3] == {"role": "tool", "content": "seen", "tool_call_id": "c1"}


@given(st.lists(st.none() | st.floats(0, 1), min_size=1, max_size=12), st.floats(0, 1))
def test_what_is_left_earned_enough_and_nothing_else_is_left_out(rewards, least):
    episodes = [episode(replica=i, reward=reward) for i, reward in enumerate(rewards)]
    wanted = [i for i, reward in enumerate(rewards) if reward is not None and reward >= least]
    if wanted:
        assert [row.replica for row in chat_rows(episodes, min_reward=least)] == wanted
    else:
        with pytest.raises(UsageError, match="lower --min-reward"):
            chat_rows(episodes, min_reward=least)


def test_families_and_all_of_them_are_summed_up():
    rows = chat_rows([episode(reward=1.0), episode(replica=1, reward=0.0), episode(task="b:1")])
    lines = {line.family: line for line in by_family(rows)}
    assert list(lines) == ["b", "tabular/a-v1", "all"]
    assert (lines["all"].trajectories, lines["all"].mean_reward) == (3, 0.5)
    assert (lines["tabular/a-v1"].mean_reward, lines["b"].mean_turns) == (0.5, 2)


def test_both_files_hold_the_rows(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = chat_rows([episode(), episode(replica=1)])
    written = write_rows(tmp_path / "data", rows)
    lines = [json.loads(line) for line in written.jsonl.read_text().splitlines()]
    assert lines == [row.model_dump() for row in rows]
    assert parquet.read_table(written.parquet).to_pylist() == lines
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == [
        "sft.jsonl",
        "sft.parquet",
    ]


def test_the_same_again_changes_nothing_and_other_rows_are_refused(tmp_path):
    rows = chat_rows([episode(), episode(replica=1)])
    assert write_rows(tmp_path, rows).is_new
    before = (tmp_path / "sft.jsonl").stat()
    assert not write_rows(tmp_path, rows).is_new
    with pytest.raises(UsageError, match=r"other trajectories \(2 there, 1 now\)"):
        write_rows(tmp_path, rows[:1])
    assert (tmp_path / "sft.jsonl").stat() == before


def test_a_folder_of_something_else_is_refused(tmp_path):
    check_folder(tmp_path / "new")
    (tmp_path / ".sft.jsonl.x7").touch()
    check_folder(tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UsageError, match=r"notes\.txt"):
        check_folder(tmp_path)
    with pytest.raises(UsageError, match="is a file"):
        check_folder(tmp_path / "notes.txt")
