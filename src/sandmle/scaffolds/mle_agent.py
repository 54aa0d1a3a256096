"""`mle_agent`: a conversation over the action set of MLE-Dojo (arXiv 2505.07782).

The published environment has five actions: `request_info` (about the task), `validate_code` (run a
program to see whether it works), `execute_code` (run it and have its submission scored),
`get_history` (what was done so far) and `reset` (back to the start). Its agent takes one of them a
turn, as JSON, until its turns are used up.

Where this differs: all text and the form of the JSON are ours; `execute_code` tells what the
episode's feedback mode allows, and no position on a leaderboard; what is handed in is the
submission of the last `execute_code` that made a valid one, whatever ran later; `validate_code`
runs the whole program and leaves no submission; `reset` clears history and submission and gives no
turns back, and the conversation goes on; `finish` ends the episode early (`early_stop`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sandmle.core.episode import StopReason
from sandmle.core.policy import Completion, Message, Policy
from sandmle.env import Environment, Observation
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, add_step, prompt_file
from sandmle.scaffolds.attempt import attempt
from sandmle.scaffolds.briefing import LOOK, files_text
from sandmle.scaffolds.context import View
from sandmle.scaffolds.mle_agent_format import Call, read_turn, render_turn

NAME = "mle_agent"

_EXAMPLE = json.dumps({"action": "execute_code", "code": "print(1)"})


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class MleAgent:
    """One action of MLE-Dojo a turn."""

    max_steps: int = DEFAULT_MAX_STEPS
    early_stop: bool = True
    """Whether there is an action that ends the episode; the published set has none."""
    context_tokens: int | None = None
    """Most tokens of the messages that are shown; None: as many as the policy takes."""
    name: str = NAME

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Alternate actions and answers; see `Scaffold.run`."""
        trace.prompt = tuple(self._prompt(env))
        view = View(trace.prompt, context_tokens=self.context_tokens)
        desk = _Desk(env)
        for index in range(self.max_steps):
            asked = await view.ask(policy, env=env, trace=trace)
            if isinstance(asked, str):
                return asked
            turn = read_turn(asked.completion.text)
            call, remark = turn.call, turn.remark
            if call is not None and call.action == "finish" and not self.early_stop:
                call, remark = None, "there is no action 'finish'; go on until your turns are over"
            done = call is not None and call.action == "finish"
            observation = Observation("Nothing was done.")
            if done:
                observation = Observation("")
            elif call is not None:
                observation = await desk.carry_out(call)
            left = self.max_steps - index - 1
            add_step(
                trace,
                asked,
                observation,
                parent=index - 1 if index else None,
                tool=_tool(call),
                answer="" if done else _answer(observation.text, remark, left=left),
                well_formed=remark is None,
            )
            if done:
                return "answered"
            view.add(trace.steps[-1])
        return "max_steps"

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write scripts as turns; see `Scaffold.turns`."""
        said = []
        if look:
            said.append(render_turn("I look at the data.", Call("validate_code", code=LOOK)))
        for index, script in enumerate(scripts):
            if repair and index == 0:
                broken = Call("execute_code", code=f"import numpyy\n{script}")
                said.append(render_turn("I train a model.", broken))
            run = Call("execute_code", code=script)
            said.append(render_turn("I train a model and submit.", run))
        if self.early_stop:
            said.append(render_turn("I am done.", Call("finish")))
        else:
            look_back = render_turn("I look back.", Call("get_history"))
            said += [look_back] * (self.max_steps - len(said))
        return tuple(Completion(text=text) for text in said)

    def _prompt(self, env: Environment) -> list[Message]:
        limits = env.limits
        system = prompt_file(
            "mle_agent_system",
            variables=prompt_file("variables_kept" if env.stateful else "variables_dropped"),
            feedback=prompt_file(f"mle_agent_feedback_{env.feedback}"),
            finish=prompt_file("mle_agent_finish") if self.early_stop else "",
            example=_EXAMPLE,
            max_steps=self.max_steps,
            step_seconds=f"{limits.step_seconds:g}",
            total_minutes=f"{limits.total_seconds / 60:g}",
            memory_mib=limits.memory_mib,
        )
        user = prompt_file(
            "react_task", description=env.task.description.strip(), files=files_text(env.task)
        )
        return [Message(role="system", content=system), Message(role="user", content=user)]


@dataclass
class _Desk:
    """Carries actions out and remembers them."""

    env: Environment
    history: list[str] = field(default_factory=list)
    standing: bytes = b""
    """The submission that is handed in as things stand; empty: none."""

    async def carry_out(self, call: Call) -> Observation:
        match call:
            case Call("request_info", info=str(info)):
                said = Observation(_info(self.env, info))
            case Call("validate_code", code=str(code)):
                said = await self._validate(code)
            case Call("execute_code", code=str(code)):
                said = await self._execute(code)
            case Call("reset"):
                self.history.clear()
                self.standing = b""
                await self.env.write_submission(b"")
                return Observation("History and submission are cleared; files are kept.")
            case _:
                return Observation("\n".join(self.history) or "Nothing was done so far.")
        first = said.text.splitlines()[0] if said.text else ""
        last = said.text.splitlines()[-1] if said.text else ""
        line = first if first == last or call.action == "request_info" else f"{first} {last}"
        self.history.append(f"{len(self.history) + 1}. {call.action}: {line[:300]}")
        return said

    async def _validate(self, code: str) -> Observation:
        ran = await self.env.python(code)
        await self.env.write_submission(self.standing)
        return replace(ran, text=f"{ran.text}\nNothing was submitted.")

    async def _execute(self, code: str) -> Observation:
        tried = await attempt(self.env, code, validated=False)
        if tried.data is None:
            await self.env.write_submission(self.standing)
            stays = "The submission before it stays." if self.standing else "There is none so far."
            said = f"{tried.problem} {stays}"
        else:
            self.standing = tried.data
            said = tried.score_text or "Submitted. Submissions are graded at the end."
        return replace(tried.observation, text=f"{tried.observation.text}\n{said}")


def _tool(call: Call | None) -> str | None:
    if call is None:
        return None
    return {"finish": "answer", "execute_code": "python", "validate_code": "python"}.get(
        call.action, call.action
    )


def _answer(text: str, remark: str | None, *, left: int) -> str:
    parts = [text]
    if remark is not None:
        parts.append(
            f"Your turn has not the required form: {remark}. Write your reasoning and then one "
            f"action, for example:\n{_EXAMPLE}"
        )
    if left == 1:
        parts.append("One turn is left.")
    return "\n\n".join(parts)


def _info(env: Environment, info: str) -> str:
    task, limits = env.task, env.limits
    if info == "overview":
        return task.description.strip()
    if info == "data":
        return files_text(task)
    if info == "submission":
        columns = ",".join(task.submission.header)
        return f"submission.csv has the columns {columns} and {task.submission.rows:,} rows."
    return (
        f"One run may take {limits.step_seconds:g} s and {limits.memory_mib} MiB of memory; all "
        f"together {limits.total_seconds / 60:g} minutes."
    )
