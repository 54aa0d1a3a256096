"""The ReAct turn as a native tool call: the tools, how a call is read, what is said of mistakes.

A turn is well formed if it makes exactly one call that can be carried out. Reasoning may stand in
the text or nowhere: servers take it out of what they return.
"""

from __future__ import annotations

import json

from sandmle.core.policy import Completion, ToolCall, ToolSpec
from sandmle.scaffolds.react_format import Action, Answer, Python, Score, Turn

NATIVE_TOOLS = (
    ToolSpec(
        name="python",
        description="Run a Python program in your work directory and return what it prints.",
        parameters={
            "type": "object",
            "properties": {"code": {"type": "string", "description": "The program."}},
            "required": ["code"],
        },
    ),
    ToolSpec(name="score", description="Have submission.csv measured as it is now."),
    ToolSpec(name="submit", description="End: hand in submission.csv as it is."),
)
"""What a server is told of the tools."""


def parse_native(completion: Completion) -> Turn:
    """Read a turn, whatever it is; of several calls the first one counts."""
    think = completion.text.strip() or None
    if not completion.tool_calls:
        return Turn(think, None, "it has no tool call")
    first, *others = completion.tool_calls
    read = _read(first)
    remarks = [read] if isinstance(read, str) else []
    if others:
        remarks.append(f"it has {len(others) + 1} tool calls and only the first counts")
    return Turn(think, None if isinstance(read, str) else read, "; ".join(remarks) or None)


def render_native(think: str, action: Action, *, call_id: str) -> Completion:
    """Write a turn; `parse_native` gives back the same reasoning and action."""
    names = {Python: "python", Score: "score", Answer: "submit"}
    arguments = {"code": action.code} if isinstance(action, Python) else {}
    call = ToolCall(id=call_id, name=names[type(action)], arguments=json.dumps(arguments))
    return Completion(text=think, tool_calls=(call,))


def _read(call: ToolCall) -> Action | str:
    """Return what a call asks for, or what is wrong with it."""
    name = call.name.strip().lower()
    if name not in ("python", "score", "submit"):
        return f"there is no tool {call.name[:40]!r}; the tools are python, score and submit"
    try:
        # strict=False: a line break within a string is understood, though JSON wants \n
        arguments = json.loads(call.arguments, strict=False) if call.arguments.strip() else {}
    except json.JSONDecodeError as exc:
        return f"the arguments of its call to {name} are broken JSON: {exc}"
    except (ValueError, RecursionError):
        # Numbers of thousands of digits and very deep nesting are JSON that Python does not read.
        return f"the arguments of its call to {name} are too deep or have huge numbers"
    if name == "score":
        return Score()
    if name == "submit":
        return Answer()
    code = arguments.get("code") if isinstance(arguments, dict) else None
    if not isinstance(code, str):
        return 'its call to python needs the arguments {"code": "..."} with the code as a text'
    return Python(code)
