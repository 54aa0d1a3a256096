"""The ReAct turn as text: what an agent may write, how it is read, and what is said of mistakes.

A turn is `<think>...</think>` and then one action: a `<tool_call>` or the `<answer>`. Reading never
fails; it gives the action, if there is one that can be carried out, and a remark on whatever had
not the required form. A turn is well formed if there is no remark.

Two rules settle what would be ambiguous:

- Thinking ends at the first `</think>`; what it says about tags is not read.
- A `<code>` block ends at the first `</code>` that is followed, white space aside, by
  `</tool_call>`; without one, at a `</code>` that ends the turn; without that, at the end of the
  turn, where a stop string may have cut the tags off. So `</code>` or `<answer>` within a program
  are ordinary text. Programs that hold both closing tags in a row go into the JSON form.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

CODE_EXAMPLE = "<tool_call>\npython\n<code>\nprint(1)\n</code>\n</tool_call>"
SCORE_EXAMPLE = '<tool_call>\n{"name": "Score", "arguments": {}}\n</tool_call>'
ANSWER_EXAMPLE = "<answer>submission</answer>"


@dataclass(frozen=True)
class Python:
    """Run a program."""

    code: str


@dataclass(frozen=True)
class Score:
    """Measure the submission as it is."""


@dataclass(frozen=True)
class Answer:
    """End the episode."""


Action = Python | Score | Answer


@dataclass(frozen=True)
class Turn:
    """One turn of the agent."""

    think: str | None
    """Its reasoning; None where there are no tags around any."""
    action: Action | None
    """What it asks for; None where that cannot be made out."""
    remark: str | None = None
    """What had not the required form, for the agent; None: all had."""
    refused: str | None = None
    """Why its program is not run; None: nothing speaks against it."""

    @property
    def well_formed(self) -> bool:
        """Whether the turn had the required form."""
        return self.remark is None and self.refused is None


@dataclass(frozen=True)
class _Call:
    action: Action | None
    end: int
    """Offset behind the action's text."""
    remark: str | None = None


def render(think: str, action: Action) -> str:
    """Write a turn; `parse` gives back the same reasoning and action.

    Raises:
        ValueError: If `think` holds `</think>`, which would end it early.
    """
    if "</think>" in think:
        raise ValueError("reasoning cannot hold '</think>'; leave the tag out")
    head = f"<think>\n{think}\n</think>\n"
    if isinstance(action, Answer):
        return head + ANSWER_EXAMPLE
    if isinstance(action, Score):
        return head + SCORE_EXAMPLE
    tagged = f"{head}<tool_call>\npython\n<code>\n{action.code}\n</code>\n</tool_call>"
    if parse(tagged) == Turn(think, action):
        return tagged
    call = json.dumps({"name": "python", "arguments": {"code": action.code}})
    return f"{head}<tool_call>\n{call}\n</tool_call>"


def parse(text: str) -> Turn:
    """Read a turn, whatever it is."""
    first = re.search(r"<think>|</think>|<tool_call>|<answer>", text)
    think, at, remarks = None, 0, []
    if first is None or first[0] in ("<tool_call>", "<answer>"):
        remarks.append("it has no <think>...</think> before its action")
    else:
        # A chat template may have put the opening tag before the model's own text.
        start = first.end() if first[0] == "<think>" else 0
        end = text.find("</think>", start)
        if end < 0:
            return Turn(None, None, "its <think> is not closed by </think>, so no action was read")
        think, at = _without_outer_newlines(text[start:end]), end + len("</think>")
    call = _read_action(text, at)
    if call.remark is not None:
        remarks.append(call.remark)
    elif text[call.end :].strip():
        remarks.append(
            "there is text behind its action, which was ignored: one action per turn, and only "
            "what stands in <tool_response> is a tool's answer"
        )
    return Turn(think, call.action, "; ".join(remarks) or None)


def _read_action(text: str, at: int) -> _Call:
    tag = re.compile(r"<tool_call>|<answer>").search(text, at)
    if tag is None:
        what = "it has no <tool_call> and no <answer>"
        fenced = "```" in text[at:] or "<code>" in text[at:]
        advice = "; code must stand inside a <tool_call>" if fenced else ""
        return _Call(None, len(text), what + advice)
    if tag[0] == "<answer>":
        return _read_answer(text, tag.end())
    return _read_call(text, tag.end())


def _read_answer(text: str, at: int) -> _Call:
    close = text.find("</answer>", at)
    content = text[at:] if close < 0 else text[at:close]
    end = len(text) if close < 0 else close + len("</answer>")
    if content.strip().strip("`'\"").lower() in ("submission", "submission.csv"):
        return _Call(Answer(), end)
    return _Call(None, end, f"its <answer> must be exactly {ANSWER_EXAMPLE}")


def _read_call(text: str, at: int) -> _Call:
    code = re.compile(r"\s*+(?:(python)\s*+)?<code>", re.IGNORECASE).match(text, at)
    if code is not None:
        call = _read_code(text, code.end())
        named = None if code[1] else "its <tool_call> must name the tool before <code>: python"
        return _Call(call.action, call.end, named)
    word = re.compile(r"\s*+score\s*+(</tool_call>|\Z)", re.IGNORECASE).match(text, at)
    if word is not None:
        return _Call(Score(), word.end())
    brace = re.compile(r"\s*+(?:```(?:json)?\s*+)?(?=\{)").match(text, at)
    if brace is not None:
        return _read_json(text, brace.end())
    return _Call(None, len(text), "its <tool_call> holds neither python with <code> nor JSON")


def _read_code(text: str, at: int) -> _Call:
    close = re.compile(r"</code>\s*+</tool_call>").search(text, at)
    if close is None:
        close = re.compile(r"</code>\s*+\Z").search(text, at)
    start, end = (len(text), len(text)) if close is None else close.span()
    return _Call(Python(_without_fence(_without_outer_newlines(text[at:start]))), end)


def _read_json(text: str, at: int) -> _Call:
    try:
        # strict=False: a line break within a string is understood, though JSON wants \n
        value, end = json.JSONDecoder(strict=False).raw_decode(text, at)
    except json.JSONDecodeError as exc:
        read = text[at : exc.pos]
        line, column = read.count("\n") + 1, exc.pos - at - read.rfind("\n")
        where = f"line {line}, column {column}, near {text[max(at, exc.pos - 10) : exc.pos + 10]!r}"
        return _Call(None, len(text), f"its <tool_call> is broken JSON: {exc.msg} ({where})")
    except (ValueError, RecursionError):
        # Numbers of thousands of digits and very deep nesting are JSON that Python does not read.
        return _Call(None, len(text), "the JSON of its <tool_call> is too deep or has huge numbers")
    close = re.compile(r"\s*+(?:```\s*+)?(?:</tool_call>|\Z)").match(text, end)
    if close is None:
        return _Call(None, len(text), "the JSON of its <tool_call> is not followed by </tool_call>")
    call = _named_call(value)
    return _Call(call, close.end()) if not isinstance(call, str) else _Call(None, close.end(), call)


def _named_call(value: dict[str, Any]) -> Action | str:
    """Return the action that a JSON call asks for, or what is wrong with it."""
    name, arguments = value.get("name"), value.get("arguments")
    if not isinstance(name, str):
        return 'the JSON of its <tool_call> has no "name" that is a text'
    if name.strip().lower() == "score":
        return Score()
    if name.strip().lower() != "python":
        return f"there is no tool {name[:40]!r}; the tools are python and Score"
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments, strict=False)
        except (ValueError, RecursionError):
            return 'the "arguments" of its call to python are a text that is not JSON'
    code = arguments.get("code") if isinstance(arguments, dict) else None
    if not isinstance(code, str):
        return 'its call to python needs "arguments": {"code": "..."} with the code as a text'
    return Python(code)


def _without_outer_newlines(text: str) -> str:
    """Drop the line break behind the opening tag and the one before the closing tag."""
    start = 2 if text.startswith("\r\n") else int(text.startswith("\n"))
    return text[start:].removesuffix("\n")


def _without_fence(code: str) -> str:
    """Drop a Markdown fence around a whole program; no program starts with one."""
    fenced = code.strip()
    opening, _, body = fenced.partition("\n")
    if opening.startswith("```") and len(fenced) > len("``````") and body.endswith("```"):
        return body.removesuffix("```").removesuffix("\n")
    return code
