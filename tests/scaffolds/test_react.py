"""The ReAct loop: what the agent is told and shown, step by step."""

import json
from pathlib import Path

import pytest

from sandmle.core.episode import Episode
from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion
from sandmle.env import Environment
from sandmle.policies.replay import ReplayPolicy
from sandmle.policies.scripted import ScriptedPolicy
from sandmle.rewards import get_reward
from sandmle.rollout import RolloutSettings, Setup, run_episode
from sandmle.scaffolds import Trace, make_scaffold, scripted
from sandmle.scaffolds.react_format import CODE_EXAMPLE, parse
from sandmle.testing.tiny_task import TINY_SCRIPTS, tiny_task

GOLDEN = Path(__file__).parents[1] / "golden" / "react_episode.json"
THINK = "<think>a</think>\n"
ANSWER = f"{THINK}<answer>submission</answer>"


def told(trace):
    return "\n\n".join(message.content for message in trace.prompt)


async def play(task, sandbox, *turns, max_steps=15, **settings):
    trace = Trace()
    policy = ScriptedPolicy("scripted", turns)
    async with Environment(task, sandbox, **settings) as env:
        stop = await make_scaffold("react", max_steps=max_steps).run(env, policy, trace=trace)
    return stop, trace


async def test_a_tools_answer_comes_in_a_tool_response(task, unsafe):
    stop, trace = await play(task, unsafe, THINK + CODE_EXAMPLE, ANSWER)
    assert stop == "answered"
    assert trace.steps[0].observation == (
        "<tool_response>\nThe run ended with exit code 0.\nstdout:\n1\n</tool_response>"
    )
    assert trace.steps[1].observation == ""


async def test_a_malformed_turn_costs_a_step_and_gets_a_hint_with_an_example(task, unsafe):
    _, trace = await play(task, unsafe, "print(1)", CODE_EXAMPLE, ANSWER)
    nothing, kind, _ = trace.steps
    assert (nothing.tool, nothing.well_formed, nothing.execution) == (None, False, None)
    assert "Nothing was run." in nothing.observation
    assert CODE_EXAMPLE in nothing.observation
    assert (kind.tool, kind.well_formed, kind.execution.exit_code) == ("python", False, 0)
    assert "no <think>...</think>" in kind.observation


async def test_with_plans_only_what_was_planned_is_run(task, unsafe):
    trace = Trace()
    program = (
        "<think>plan:\n# {}\n</think>\n"
        "<tool_call>\npython\n<code>\n# fit\nprint(1)\n</code>\n</tool_call>"
    )
    policy = ScriptedPolicy("s", (program.format("load"), program.format("fit"), ANSWER))
    react = make_scaffold("react", briefing="card", plan=True)
    async with Environment(task, unsafe) as env:
        await react.run(env, policy, trace=trace)
    first, second, _ = trace.steps
    assert (first.tool, first.well_formed, first.execution) == (None, False, None)
    assert "PlanError: its plan has `# load` in place 1, its program `# fit`" in first.observation
    assert (second.tool, second.well_formed, second.execution.exit_code) == ("python", True, 0)


async def test_text_that_cannot_be_sent_again_is_replaced(task, unsafe):
    _, trace = await play(task, unsafe, "\ud800", ANSWER)
    assert trace.steps[0].action == "?"


async def test_the_last_turn_but_one_is_told_that_one_is_left(task, unsafe):
    stop, trace = await play(task, unsafe, "x", "y", "z", max_steps=3)
    assert stop == "max_steps"
    assert ["One turn is left." in step.observation for step in trace.steps] == [False, True, False]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"feedback": "none"}, "says nothing about the submission"),
        ({"feedback": "valid"}, "it shows no score"),
        ({"feedback": "public"}, "on a public part of the test set"),
        ({"feedback": "milestone"}, "bronze, silver or gold"),
        ({"counts": "best"}, "the best of all that you had measured"),
    ],
)
async def test_the_prompt_tells_the_rules_of_the_episode(task, unsafe, settings, said):
    _, trace = await play(task, unsafe, ANSWER, max_steps=7, **settings)
    assert said in told(trace)
    assert "You have 7 turns and 2 minutes in all." in told(trace)
    assert "$" not in told(trace)
    assert task.task.description.strip() in told(trace)
    assert "- input/train.csv (" in told(trace)


@pytest.mark.parametrize(
    ("stateful", "said"),
    [(False, "Variables do not: each run is a fresh"), (True, "So do variables and imports")],
)
async def test_the_prompt_tells_whether_variables_are_kept(task, unsafe, stateful, said):
    trace = Trace()
    env = Environment(task, unsafe, stateful=stateful, clock=lambda: 0.0)
    stop = await make_scaffold("react").run(env, ScriptedPolicy("one", [ANSWER]), trace=trace)
    assert stop == "answered"
    assert f"files in it stay from run to run. {said}" in told(trace)


async def test_every_example_of_the_prompt_is_a_valid_turn(task, unsafe):
    _, trace = await play(task, unsafe, ANSWER)
    examples = [part for part in told(trace).split("\n\n") if "\n<tool_call>" in part]
    examples += [part for part in told(trace).split("\n\n") if "\n<answer>" in part]
    assert len(examples) == 3
    for example in examples:
        assert parse(THINK + example.partition("\n")[2]).well_formed


async def test_a_folder_of_many_files_is_one_line_of_the_prompt(tmp_path, unsafe):
    task_dir = tiny_task(tmp_path / "task")
    task = task_dir.task
    many = tuple(task.files[0].model_copy(update={"path": f"train/{i}.png"}) for i in range(500))
    edited = task.model_copy(update={"files": (*task.files, *many)})
    (task_dir.path / "task.json").write_text(edited.model_dump_json())
    _, trace = await play(task_dir, unsafe, ANSWER)
    assert "- input/train/: 500 files, one is train/0.png" in told(trace)
    assert "499.png" not in told(trace)


async def test_tokens_and_usage_are_recorded_as_the_policy_gave_them(task, unsafe):
    tokens = {"prompt_ids": (1, 2), "ids": (3,), "logprobs": (-0.5,)}
    usage = {"prompt_tokens": 2, "completion_tokens": 1}
    completion = Completion.model_validate({"text": ANSWER, "usage": usage, "tokens": tokens})

    class Sampled:
        name = "sampled"

        async def act(self, messages, *, tools=()):
            return completion

    trace = Trace()
    async with Environment(task, unsafe) as env:
        await make_scaffold("react").run(env, Sampled(), trace=trace)
    assert trace.steps[0].tokens == completion.tokens
    assert trace.steps[0].usage == completion.usage


def test_scripts_are_written_as_well_formed_turns():
    turns = make_scaffold("react").turns(list(TINY_SCRIPTS.values()), look=True, repair=True)
    kinds = [type(parse(turn.text).action).__name__ for turn in turns]
    assert kinds == ["Python", "Python", "Python", "Score", "Python", "Score", "Answer"]
    assert all(parse(turn.text).well_formed for turn in turns)


def test_a_scaffold_without_a_step_is_refused():
    with pytest.raises(UsageError, match="at least one step"):
        make_scaffold("react", max_steps=0)
    with pytest.raises(UsageError, match="Did you mean 'react'"):
        make_scaffold("reakt")


async def golden_play(task, sandbox, policy):
    setup = Setup(
        sandbox=sandbox,
        scaffold=make_scaffold("react", max_steps=9),
        policy=lambda task_dir, *, replica, seed: policy,
        reward=get_reward("milestone"),
        settings=RolloutSettings(max_attempts=1),
    )
    return await run_episode(task, setup)


def stable(episode: Episode) -> dict[str, object]:
    """Return the record without clocks, memory and versions, which differ from run to run."""
    record = json.loads(episode.to_record())
    del record["versions"], record["seconds"], record["policy"], record["timings"]
    for step in record["steps"]:
        del step["policy_seconds"], step["tool_seconds"], step["queue_seconds"]
        for measured in ("seconds", "cpu_seconds", "peak_mib", "queue_seconds"):
            (step["execution"] or {}).pop(measured, None)
    return record


async def test_the_golden_episode_plays_again_to_the_same_record(task, unsafe, regen):
    if regen:
        turns = scripted(make_scaffold("react"), "", list(TINY_SCRIPTS.values()), look=True)
        said = [(await turns.act([])).text for _ in range(6)]
        said.insert(1, "<think>I forget the tool.</think>\n```python\nprint(1)\n```")
        said.insert(3, f"{THINK}<tool_call>python<code>print('</code>')</code></tool_call>")
        episode = await golden_play(task, unsafe, ScriptedPolicy("golden", said))
        GOLDEN.write_text(json.dumps(json.loads(episode.to_record()), indent=1) + "\n")
    golden = Episode.model_validate_json(GOLDEN.read_bytes())
    assert [step.tool for step in golden.steps].count("python") == 4
    again = await golden_play(task, unsafe, ReplayPolicy(golden))
    assert stable(again) == stable(golden)
