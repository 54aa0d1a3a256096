"""Native calls in a local model's text: `<tool_call>` around `{"name": ..., "arguments": ...}`.

The form that the chat templates of Qwen and Hermes models ask for.
"""

from __future__ import annotations

import json
import re

from sandmle.core.policy import ToolCall

_CALL = re.compile(r"<tool_call>(.*?)(?:</tool_call>|\Z)", re.DOTALL)


def split_calls(text: str) -> tuple[str, tuple[ToolCall, ...]]:
    """Return the text before the first call, and the calls, broken ones included."""
    first = text.find("<tool_call>")
    if first < 0:
        return text, ()
    calls = (
        _call(found[1].strip(), f"call_{index}")
        for index, found in enumerate(_CALL.finditer(text, first))
    )
    return text[:first].rstrip(), tuple(calls)


def _call(body: str, call_id: str) -> ToolCall:
    try:
        read = json.loads(body, strict=False)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict):
        # No name: whoever reads the call says what is wrong with it, and sees what was written.
        return ToolCall(id=call_id, name="", arguments=body)
    arguments = read.get("arguments", {})
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return ToolCall(id=call_id, name=str(read.get("name", "")), arguments=written)
