"""What the environment runs, tells and grades."""

import asyncio
import time

import pytest

from sandmle.core.errors import SandboxError, UsageError
from sandmle.core.task import Limits, Medal
from sandmle.env import Environment
from sandmle.sandbox.unsafe import UnsafeSandbox
from sandmle.testing.flaky import FlakySandbox
from sandmle.testing.tiny_task import TINY_SCRIPTS, TINY_SECRET

DUMMY, EXPERT = TINY_SCRIPTS["dummy"], TINY_SCRIPTS["expert"]
SPOIL = "open('submission.csv', 'w').write('id,y\\n')"


async def play(task, sandbox, *, codes, **settings):
    """Run programs, each followed by a call of score; return what score said, and the grade."""
    async with Environment(task, sandbox, **settings) as env:
        said = []
        for code in codes:
            await env.python(code)
            said.append(await env.score())
        return said, await env.finish()


async def test_a_run_is_described_with_exit_code_and_both_streams(task, unsafe):
    async with Environment(task, unsafe) as env:
        seen = await env.python("import sys; print('hello'); sys.stderr.write('oh'); sys.exit(3)")
    assert seen.text == "The run ended with exit code 3.\nstdout:\nhello\nstderr:\noh"
    assert seen.execution is not None
    assert seen.execution.exit_code == 3


async def test_files_stay_from_run_to_run_and_variables_do_not(task, unsafe):
    async with Environment(task, unsafe) as env:
        await env.python("open('note.txt', 'w').write('kept'); note = 1")
        assert "kept" in (await env.python("print(open('note.txt').read())")).text
        assert "NameError" in (await env.python("print(note)")).text


async def test_variables_are_kept_only_where_the_sandbox_can(task, unsafe, cold):
    for sandbox in (unsafe, cold):
        with pytest.raises(UsageError, match=f"'{sandbox.name}'.* use 'warm'"):
            await play(task, sandbox, codes=["pass"], stateful=True)


@pytest.mark.isolation
async def test_a_session_that_keeps_variables_says_when_they_are_lost(task, warm):
    limits = Limits(step_seconds=1.0, total_seconds=60)
    async with Environment(task, warm, stateful=True, limits=limits) as env:
        await env.python("note = 1; open('note.txt', 'w').write('kept')")
        assert "stdout:\n1" in (await env.python("print(note)")).text
        killed = (await env.python("while True: pass")).text
        assert "after 1 s, the time limit of one run" in killed
        assert killed.endswith("variables and imports are lost, files are kept.")
        after = (await env.python("print(open('note.txt').read(), 'note' in globals())")).text
        assert "kept False" in after
        assert "lost" not in after


@pytest.mark.isolation
async def test_without_variables_to_lose_nothing_is_said_of_them(task, warm):
    async with Environment(task, warm, limits=Limits(step_seconds=0.5)) as env:
        assert "lost" not in (await env.python("while True: pass")).text


async def test_the_wait_for_a_slot_is_recorded_with_the_run(task):
    with UnsafeSandbox(slots=1) as sandbox:
        async with Environment(task, sandbox) as one, Environment(task, sandbox) as other:
            await one.python("pass")
            seen = await asyncio.gather(
                *(env.python("import time; time.sleep(0.4)") for env in (one, other))
            )
    waits = sorted(observation.execution.queue_seconds for observation in seen)
    assert waits[0] < 0.3 < waits[1] < 1.0
    assert all(observation.execution.seconds < 0.7 for observation in seen)


async def test_the_grade_is_of_the_private_rows_and_the_score_of_the_public_ones(task, unsafe):
    only_public_right = """
rows = open('input/test.csv').read().split()[1:]
with open('submission.csv', 'w') as out:
    out.write('id,y\\n')
    for index, row in enumerate(rows):
        name, x = row.split(',')
        out.write(f"{name},{x if index < 6 else 9}\\n")
"""
    said, grade = await play(task, unsafe, codes=[only_public_right])
    assert said[0].grade.score == 0
    assert "root mean squared error = 0 (lower is better)" in said[0].text
    assert grade.score > 8
    assert grade.medal is Medal.NONE


async def test_feedback_tells_no_more_than_its_mode_allows(task, unsafe):
    texts = {}
    for mode in ("none", "valid", "public", "milestone"):
        said, grade = await play(task, unsafe, codes=[SPOIL, DUMMY], feedback=mode)
        assert grade.valid
        texts[mode] = [observation.text for observation in said]
    assert len(set(texts["none"])) == 1
    for mode in ("valid", "public", "milestone"):
        assert texts[mode][0].startswith("Not valid: ")
    assert texts["valid"][1] == "submission.csv is valid. Its score is not shown."
    assert "0.384599" in texts["public"][1]
    assert not any(word in texts["public"][1] for word in ("gold", "bronze", "median"))
    assert "gold 0.02. Medal: none." in texts["milestone"][1]


async def test_milestone_measures_all_rows_and_still_grades_the_private_ones(task, unsafe):
    said, grade = await play(task, unsafe, codes=[DUMMY], feedback="milestone")
    _, public_grade = await play(task, unsafe, codes=[DUMMY], feedback="public")
    assert said[0].grade.score != grade.score
    assert grade == public_grade


async def test_the_last_submission_counts_unless_the_best_is_asked_for(task, unsafe):
    codes = [DUMMY, EXPERT, DUMMY]
    _, last = await play(task, unsafe, codes=codes)
    _, best = await play(task, unsafe, codes=codes, counts="best")
    _, spoilt = await play(task, unsafe, codes=[EXPERT, SPOIL], counts="best", feedback="none")
    assert last.medal is Medal.NONE
    assert best.medal is Medal.GOLD
    assert spoilt.medal is Medal.GOLD


async def test_the_best_is_chosen_without_a_call_of_score_too(task, unsafe):
    async with Environment(task, unsafe, counts="best") as env:
        await env.python(DUMMY)
        await env.score()
        await env.python(EXPERT)
        assert (await env.finish()).medal is Medal.GOLD


async def test_no_submission_is_an_invalid_one(task, unsafe):
    for counts in ("last", "best"):
        _, grade = await play(task, unsafe, codes=["pass"], counts=counts)
        assert not grade.valid
        assert "no submission.csv was written" in grade.reason


@pytest.mark.parametrize(
    ("code", "limits", "sentence"),
    [
        (
            "import time; time.sleep(60)",
            {"step_seconds": 0.5},
            "after 0.5 s, the time limit of one",
        ),
        (
            "import time; time.sleep(60)",
            {"step_seconds": 50, "total_seconds": 1},
            "all the time that was left for this task",
        ),
        ("x = bytearray(10**9)\nwhile True: pass", {"memory_mib": 300}, "300 MiB of memory"),
        ("while True: print('x\\n' * 5_000)", {}, "printed without end"),
    ],
)
async def test_a_broken_limit_is_named(task, unsafe, code, limits, sentence):
    limits = Limits(**{"step_seconds": 20, "total_seconds": 60, **limits})
    async with Environment(task, unsafe, limits=limits) as env:
        assert sentence in (await env.python(code)).text


async def test_cut_output_is_said_to_be_cut(task, unsafe):
    async with Environment(task, unsafe, limits=Limits(output_bytes=100)) as env:
        text = (await env.python("print('x' * 1000)")).text
    assert len(text) < 400
    assert "longer than 100 bytes and its middle was cut" in text


async def test_code_that_no_file_can_hold_is_refused_and_costs_nothing(task, unsafe):
    async with Environment(task, unsafe) as env:
        half = (await env.python("print('\ud800')")).text
        assert "character 8 is half of a surrogate pair" in half
        assert "1,048,576 are allowed" in (await env.python("#" * 2_000_000)).text
        assert "null bytes" in (await env.python("print('\x00')")).text


async def test_when_time_is_over_nothing_is_run_and_the_submission_is_still_graded(task, unsafe):
    now = 0.0
    async with Environment(task, unsafe, clock=lambda: now) as env:
        await env.python(EXPERT)
        now = env.limits.total_seconds + 1
        assert env.seconds_left < 0
        assert "time for this task is over" in (await env.python(SPOIL)).text
        assert (await env.finish()).medal is Medal.GOLD


async def test_waiting_for_a_slot_and_grading_cost_the_agent_no_time(task, unsafe):
    async with Environment(task, unsafe) as env:
        before = env.seconds_left
        began = time.monotonic()
        seen = [await env.python("import time; time.sleep(0.2)") for _ in range(3)]
        seen += [await env.score() for _ in range(20)]
        wall = time.monotonic() - began
        charged = before - env.seconds_left
    ran = sum(s.execution.seconds for s in seen if s.execution)
    waited = sum(s.seconds for s in seen) - ran
    assert charged == pytest.approx(wall - waited, abs=0.05)
    assert charged < wall


async def test_an_environment_is_used_once_and_only_while_it_is_open(task, unsafe):
    env = Environment(task, unsafe)
    with pytest.raises(UsageError, match="is not open"):
        await env.score()
    async with env:
        await env.finish()
        with pytest.raises(UsageError, match="before `finish"):
            await env.python("pass")
    with pytest.raises(UsageError, match="make a new one"):
        async with env:
            pass


@pytest.mark.parametrize("operation", ["open", "run", "read"])
async def test_a_failing_sandbox_is_never_an_observation(task, unsafe, operation):
    sandbox = FlakySandbox(unsafe, fail_times=1, operation=operation)
    with pytest.raises(SandboxError, match=f"during '{operation}'"):
        await play(task, sandbox, codes=[EXPERT])
    _, grade = await play(task, sandbox, codes=[EXPERT])
    assert grade.medal is Medal.GOLD


async def test_cancelling_ends_the_run_at_once(task, cold):
    env = Environment(task, cold)

    async def endless():
        async with env:
            await env.python("import time; time.sleep(15)")

    playing = asyncio.create_task(endless())
    await asyncio.sleep(0.5)
    began = time.monotonic()
    playing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await playing
    assert time.monotonic() - began < 5
    with pytest.raises(UsageError, match="is not open"):
        await env.score()


async def test_cancelling_while_the_session_opens_closes_it(task, unsafe):
    opening = asyncio.create_task(Environment(task, unsafe).__aenter__())
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening


async def test_nothing_that_the_agent_sees_holds_a_private_answer(task, unsafe):
    spying = "from pathlib import Path\nfor p in Path('.').rglob('*'):\n    print(p)"
    for mode in ("none", "valid", "public", "milestone"):
        async with Environment(task, unsafe, feedback=mode) as env:
            texts = [(await env.python(code)).text for code in (spying, EXPERT)]
            texts.append((await env.score()).text)
        for text in texts:
            assert str(TINY_SECRET) not in text
            assert "private" not in text
            assert "answers" not in text
