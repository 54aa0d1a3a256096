"""`react`, the paper's loop: think, call one tool, read what it says, until the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from sandmle.core.episode import StopReason
from sandmle.core.errors import UsageError
from sandmle.core.policy import Completion, Message, Policy
from sandmle.core.task import Task
from sandmle.env import Environment, Observation
from sandmle.scaffolds import SCAFFOLDS
from sandmle.scaffolds._base import DEFAULT_MAX_STEPS, Trace, add_step, prompt_file
from sandmle.scaffolds.briefing import LOOK, files_text
from sandmle.scaffolds.card import card
from sandmle.scaffolds.context import ContextRule, View
from sandmle.scaffolds.plans import mismatch, plan_text, sections
from sandmle.scaffolds.react_format import (
    ANSWER_EXAMPLE,
    CODE_EXAMPLE,
    SCORE_EXAMPLE,
    Action,
    Answer,
    Python,
    Score,
    Turn,
    parse,
    render,
)
from sandmle.scaffolds.react_native import NATIVE_TOOLS, parse_native, render_native

NAME = "react"

ToolForm = Literal["text", "native"]
"""`text`: calls are written in the turn, as in the paper. `native`: by the server's tool calls."""

Briefing = Literal["full", "card"]
"""`full`: the description as it is. `card`: its facts in a few lines, for small models."""

_TEXT_FORM = (
    "Write <think>your reasoning</think> and then one action, for example:\n"
    f"{CODE_EXAMPLE}\nor\n{SCORE_EXAMPLE}\nor\n{ANSWER_EXAMPLE}"
)
_NATIVE_FORM = "End every turn with exactly one call of python, score or submit."


@SCAFFOLDS.register(NAME)
@dataclass(frozen=True)
class React:
    """The loop of arXiv 2604.04872: think, call one tool, read its answer.

    Args:
        max_steps: How often the policy is asked at most.
        tools: How tools are called; see `react_format` and `react_native`.
        context_tokens: Most tokens of the messages that are shown, the new turn not counted; None:
            as many as the policy takes (paper: 32,768 with the new turn).
        context_rule: What is left out when they are more; see `context`.
        briefing: What the prompt says; see `card`.
        plan: Whether only programs are run whose sections the reasoning names; see `plans`. Text
            form only.

    Raises:
        UsageError: If an option has no such value.
    """

    max_steps: int = DEFAULT_MAX_STEPS
    name: str = NAME
    tools: ToolForm = "text"
    context_tokens: int | None = None
    context_rule: ContextRule = "shorten"
    briefing: Briefing = "full"
    plan: bool = False

    def __post_init__(self) -> None:
        if self.tools == "native" and (self.plan or self.briefing == "card"):
            raise UsageError(
                "plan and briefing=card of react are for tools=text; leave tools=native out"
            )
        options = (("tools", ToolForm), ("context_rule", ContextRule), ("briefing", Briefing))
        for option, kinds in options:
            if getattr(self, option) not in get_args(kinds):
                raise UsageError(
                    f"{option} of react is {getattr(self, option)!r}; "
                    f"it is one of {', '.join(get_args(kinds))}"
                )
        most: object = self.context_tokens
        if most is not None and (not isinstance(most, int) or most < 1):
            raise UsageError(f"context_tokens of react is {most!r}; give an integer of at least 1")

    async def run(self, env: Environment, policy: Policy, *, trace: Trace) -> StopReason:
        """Alternate turns of the policy and answers of the tools; see `Scaffold.run`."""
        trace.prompt = tuple(self._prompt(env))
        view = View(trace.prompt, context_tokens=self.context_tokens, rule=self.context_rule)
        offered = NATIVE_TOOLS if self.tools == "native" else ()
        for index in range(self.max_steps):
            asked = await view.ask(policy, env=env, trace=trace, tools=offered)
            if isinstance(asked, str):
                return asked
            turn = self._read(asked.completion)
            observation = await _carry_out(turn, env)
            done = isinstance(turn.action, Answer)
            left = self.max_steps - index - 1
            answer = "" if done else self._response(turn, observation, left=left)
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
            view.add(trace.steps[-1])
        return "max_steps"

    def card(self, task: Task) -> str:
        """Return what the prompt says of a task with `briefing=card`."""
        return card(task)

    def turns(
        self, scripts: Sequence[str], *, look: bool = False, repair: bool = False
    ) -> tuple[Completion, ...]:
        """Write scripts as turns; see `Scaffold.turns`."""
        said: list[tuple[str, Action]] = []
        if look:
            said.append(self._run("I look at the data first.", LOOK))
        for index, script in enumerate(scripts):
            if repair and index == 0:
                broken = f"import numpyy\n{script}"
                said.append(self._run("I train a model and write the submission.", broken))
                said.append(self._run("An import was misspelt; I repair it.", script))
            else:
                said.append(self._run("I train a model and write the submission.", script))
            said.append(("I check what the submission is worth.", Score()))
        said.append(("The submission is written; I am done.", Answer()))
        if self.tools == "native":
            return tuple(
                render_native(think, action, call_id=f"call_{index}")
                for index, (think, action) in enumerate(said)
            )
        return tuple(Completion(text=render(think, action)) for think, action in said)

    def _run(self, think: str, script: str) -> tuple[str, Action]:
        """Say a program; where plans are asked for, it has a section and the reasoning names it."""
        if not self.plan:
            return think, Python(script)
        if not sections(script):
            script = f"# program\n{script}"
        return f"{plan_text(sections(script))}\n{think}", Python(script)

    def _read(self, completion: Completion) -> Turn:
        if self.tools == "native":
            return parse_native(completion)
        turn = parse(completion.text)
        if self.plan and isinstance(turn.action, Python):
            return replace(turn, refused=mismatch(turn.think, turn.action.code))
        return turn

    def _response(self, turn: Turn, observation: Observation, *, left: int) -> str:
        parts = [observation.text]
        if turn.remark is not None:
            form = _NATIVE_FORM if self.tools == "native" else _TEXT_FORM
            parts.append(f"Your turn has not the required form: {turn.remark}. {form}")
        if left == 1:
            parts.append("One turn is left.")
        body = "\n\n".join(parts)
        return body if self.tools == "native" else f"<tool_response>\n{body}\n</tool_response>"

    def _prompt(self, env: Environment) -> list[Message]:
        if self.briefing == "card":
            return [
                Message(role="system", content=prompt_file("react_card_system")),
                Message(role="user", content=self.card(env.task)),
            ]
        limits = env.limits
        examples = {
            "code_example": CODE_EXAMPLE,
            "score_example": SCORE_EXAMPLE,
            "answer_example": ANSWER_EXAMPLE,
        }
        system = prompt_file(
            "react_native_system" if self.tools == "native" else "react_system",
            **examples,
            feedback=prompt_file(f"feedback_{env.feedback}"),
            counts=prompt_file(f"counts_{env.counts}"),
            variables=prompt_file("variables_kept" if env.stateful else "variables_dropped"),
            max_steps=self.max_steps,
            step_seconds=f"{limits.step_seconds:g}",
            total_minutes=f"{limits.total_seconds / 60:g}",
            memory_mib=limits.memory_mib,
        )
        user = prompt_file(
            "react_task", description=env.task.description.strip(), files=files_text(env.task)
        )
        return [Message(role="system", content=system), Message(role="user", content=user)]


async def _carry_out(turn: Turn, env: Environment) -> Observation:
    if turn.refused is not None:
        # in the form of a run that failed, which the agent knows how to go on from
        return Observation(f"The run ended with exit code 1.\nstderr:\nPlanError: {turn.refused}")
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
    nothing = turn.action is None or turn.refused is not None
    return None if nothing else type(turn.action).__name__.lower()
