"""The turn of `mle_agent` as text: reasoning and one action as a JSON object.

`{"action": "execute_code", "code": "..."}`; a program may stand in a ```python block of the same
turn instead. Reading never fails; it gives the call, if there is one that can be carried out, and a
remark on whatever had not the required form.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sandmle.scaffolds.program import take_apart

Action = Literal["request_info", "validate_code", "execute_code", "get_history", "reset", "finish"]
ACTIONS: tuple[Action, ...] = get_args(Action)
INFO = ("overview", "data", "submission", "limits")
"""What `request_info` can be asked for."""

_TRIES = 50
"""Braces that are tried as the start of an object: a text of braces is read in linear time."""


@dataclass(frozen=True)
class Call:
    """One action with what it needs."""

    action: Action
    code: str | None = None
    """For `validate_code` and `execute_code`."""
    info: str | None = None
    """For `request_info`."""


@dataclass(frozen=True)
class AgentTurn:
    """One turn of the agent."""

    call: Call | None
    """None where what it asks for cannot be made out."""
    remark: str | None = None
    """What had not the required form, for the agent; None: all had."""

    @property
    def well_formed(self) -> bool:
        """Whether the turn had the required form."""
        return self.remark is None


def read_turn(text: str) -> AgentTurn:
    """Read a turn, whatever it is; of several actions the first one counts."""
    parts = take_apart(text)
    programs = [b.text for b in parts.blocks if b.language.startswith("py") and b.text.strip()]
    others = [b.text for b in parts.blocks if not b.language.startswith("py")]
    calls = [found for part in (parts.prose, *others) for found in _objects(part)]
    if not calls:
        return AgentTurn(None, 'it has no JSON object with an "action" that can be read')
    read = _call(calls[0], programs)
    if isinstance(read, str):
        return AgentTurn(None, read)
    if len(calls) > 1:
        return AgentTurn(read, f"it has {len(calls)} actions and only the first was carried out")
    return AgentTurn(read)


def render_turn(words: str, call: Call) -> str:
    """Write a turn; `read_turn` gives back the same call."""
    fields = {"action": call.action, "info": call.info, "code": call.code}
    return f"{words}\n\n{json.dumps({k: v for k, v in fields.items() if v is not None})}"


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the JSON objects of a text that name an action."""
    found = []
    # strict=False: a line break within a string is understood, though JSON wants \n
    decoder = json.JSONDecoder(strict=False)
    at = text.find("{")
    for _ in range(_TRIES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            if "action" in value or "name" in value:
                found.append(value)
        at = text.find("{", end)
    return found


def _call(value: dict[str, Any], programs: list[str]) -> Call | str:
    """Return what an object asks for, or what is wrong with it."""
    name = value.get("action", value.get("name"))
    if not isinstance(name, str):
        return 'the "action" of its JSON is not a text'
    action = next((known for known in ACTIONS if known == name.strip().lower()), None)
    if action is None:
        return f"there is no action {name[:40]!r}; the actions are {', '.join(ACTIONS)}"
    nested: dict[str, Any] = next(
        (value[key] for key in ("params", "arguments") if isinstance(value.get(key), dict)), {}
    )
    fields = {**value, **nested}
    if action == "request_info":
        info = fields.get("info")
        if info not in INFO:
            return f'request_info needs "info", one of {", ".join(INFO)}'
        return Call(action, info=info)
    if action not in ("validate_code", "execute_code"):
        return Call(action)
    code = fields.get("code")
    if isinstance(code, str) and code.strip():
        return Call(action, code=code)
    if programs:
        return Call(action, code=max(programs, key=len))
    return f'{action} needs "code": "..." with the program, or a ```python block'
