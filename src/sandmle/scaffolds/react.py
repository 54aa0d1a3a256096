"""`react`, the paper's loop: think, call one tool, read what it says, until the answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from sandmle.core.episode import StopReason
from sandmle.core.execution import INPUT_DIR
from sandmle.core.policy import Completion, Message, Policy
from sandmle.core.task import Task
from sandmle.env import Environment, Observation
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, add_step, ask, prompt_file
from sandmle.scaffolds.react_format import (
    ANSWER_EXAMPLE,
    CODE_EXAMPLE,
    SCORE_EXAMPLE,
    Answer,
    Python,
    Score,
    Turn,
    parse,
    render,
)

NAME = "react"

_FILES_SHOWN = 12
"""A folder with more files than this is described by their number."""

_LOOK = """\
from pathlib import Path

for path in sorted(Path("input").rglob("*.csv")):
    print(path, path.stat().st_size, "bytes")
    with path.open(encoding="utf-8") as file:
        for _, line in zip(range(4), file):
            print(line.rstrip())
"""


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class React:
    """The paper's loop; see `react_format` for the turns."""

    max_steps: int = DEFAULT_MAX_STEPS
    name: str = NAME

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Alternate turns of the policy and answers of the tools; see `Scaffold.run`."""
        trace.prompt = tuple(self._prompt(env))
        messages = list(trace.prompt)
        for index in range(self.max_steps):
            asked = await ask(policy, messages, env=env, trace=trace)
            if asked is None:
                return "total_time"
            turn = parse(asked.completion.text)
            observation = await _carry_out(turn, env)
            done = isinstance(turn.action, Answer)
            answer = "" if done else _response(turn, observation, left=self.max_steps - index - 1)
            add_step(
                trace,
                asked,
                observation,
                parent=index - 1 if index else None,
                tool=_tool(turn),
                answer=answer,
                well_formed=turn.well_formed,
            )
            if done:
                return "answered"
            messages += trace.steps[-1].messages
        return "max_steps"

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write scripts as turns; see `Scaffold.turns`."""
        said = [render("I look at the data first.", Python(_LOOK))] if look else []
        for index, script in enumerate(scripts):
            if repair and index == 0:
                broken = f"import numpyy\n{script}"
                said.append(render("I train a model and write the submission.", Python(broken)))
                said.append(render("An import was misspelt; I repair it.", Python(script)))
            else:
                said.append(render("I train a model and write the submission.", Python(script)))
            said.append(render("I check what the submission is worth.", Score()))
        said.append(render("The submission is written; I am done.", Answer()))
        return tuple(Completion(text=text) for text in said)

    def _prompt(self, env: Environment) -> list[Message]:
        limits = env.limits
        system = prompt_file(
            "react_system",
            code_example=CODE_EXAMPLE,
            score_example=SCORE_EXAMPLE,
            answer_example=ANSWER_EXAMPLE,
            feedback=prompt_file(f"feedback_{env.feedback}"),
            counts=prompt_file(f"counts_{env.counts}"),
            variables=prompt_file("variables_kept" if env.stateful else "variables_dropped"),
            max_steps=self.max_steps,
            step_seconds=f"{limits.step_seconds:g}",
            total_minutes=f"{limits.total_seconds / 60:g}",
            memory_mib=limits.memory_mib,
        )
        user = prompt_file(
            "react_task", description=env.task.description.strip(), files=_files(env.task)
        )
        return [Message(role="system", content=system), Message(role="user", content=user)]


async def _carry_out(turn: Turn, env: Environment) -> Observation:
    match turn.action:
        case Python(code):
            return await env.python(code)
        case Score():
            return await env.score()
        case Answer():
            return Observation("")
        case None:
            return Observation("Nothing was run.")


def _tool(turn: Turn) -> str | None:
    return None if turn.action is None else type(turn.action).__name__.lower()


def _response(turn: Turn, observation: Observation, *, left: int) -> str:
    parts = [observation.text]
    if turn.remark is not None:
        parts.append(
            f"Your turn has not the required form: {turn.remark}. Write "
            f"<think>your reasoning</think> and then one action, for example:\n{CODE_EXAMPLE}"
            f"\nor\n{SCORE_EXAMPLE}\nor\n{ANSWER_EXAMPLE}"
        )
    if left == 1:
        parts.append("One turn is left.")
    body = "\n\n".join(parts)
    return f"<tool_response>\n{body}\n</tool_response>"


def _files(task: Task) -> str:
    """List the task's files; a folder of many is one line."""
    folders = Counter(PurePosixPath(file.path).parent for file in task.files)
    lines = []
    for file in task.files:
        folder = PurePosixPath(file.path).parent
        if folders[folder] <= _FILES_SHOWN:
            lines.append(f"- {INPUT_DIR}/{file.path} ({file.bytes:,} bytes)")
    for folder, count in sorted(folders.items()):
        if count > _FILES_SHOWN:
            some = next(f.path for f in task.files if PurePosixPath(f.path).parent == folder)
            lines.append(f"- {INPUT_DIR}/{folder.as_posix()}/: {count:,} files, one is {some}")
    return "\n".join(lines)
