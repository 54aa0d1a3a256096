"""Bytes that a run printed, as text that is safe to show and to feed to a model."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ESCAPE_SEQUENCE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS and their like, up to their end
    r"|[ -/]*[0-~])"
)
_BACKSPACE = re.compile(r"[^\n\x08]\x08")
# Controls, and the marks that reorder or hide text.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True)
class Text:
    """A stream as text."""

    text: str
    truncated: bool
    """Whether something was left out."""


def to_text(head: bytes, tail: bytes, *, dropped: int, limit: int) -> Text:
    """Decode what was kept of a stream, and cut its middle where it is over the limit.

    Terminal escapes are removed, a progress bar is reduced to its last state, and other control
    characters are spelled out, so that the text cannot act on a terminal or hide from a reader.

    Args:
        head: The first bytes.
        tail: The last bytes.
        dropped: Number of bytes between the two that were not kept.
        limit: How many bytes of UTF-8 to return, the sentence about the cut not counted.
    """
    if not dropped:
        data = _clean(head + tail).encode()
        if len(data) <= limit:
            return Text(data.decode(), truncated=False)
        start, end = data, data
        left_out = len(data) - limit
    else:
        start, end = _clean(head).encode(), _clean(tail).encode()
        kept = min(len(start), limit - limit // 2) + min(len(end), limit // 2)
        left_out = len(start) + len(end) - kept + dropped
    first = start[: limit - limit // 2].decode(errors="ignore")
    last = end[max(0, len(end) - limit // 2) :].decode(errors="ignore")
    return Text(f"{first}\n[... {left_out:,} bytes left out here ...]\n{last}", truncated=True)


def _clean(data: bytes) -> str:
    text = data.decode(errors="replace").replace("\r\n", "\n")
    text = _ESCAPE_SEQUENCE.sub("", text)
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
    text = _BACKSPACE.sub("", text)
    return _UNSAFE.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    point = ord(match[0])
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"
