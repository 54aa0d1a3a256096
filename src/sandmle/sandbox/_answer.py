"""From the answer of a companion to an `Execution`."""

from __future__ import annotations

from sandmle.core.execution import Execution
from sandmle.sandbox._frames import Frame
from sandmle.sandbox._text import to_text

_KEEP_AT_LEAST = 256 << 10


def keep_bytes(output_bytes: int) -> int:
    """Return how much raw output to keep at each end, so that text of `output_bytes` remains.

    More than the limit, because a progress bar shrinks when it is reduced to its last state.
    """
    return max(output_bytes, _KEEP_AT_LEAST)


def to_execution(answer: Frame, *, output_bytes: int) -> Execution:
    """Turn a companion's answer into the result of a run."""
    texts, at = [], 0
    for head, tail, dropped in answer.head["streams"]:
        middle, end = at + head, at + head + tail
        texts.append(
            to_text(
                answer.payload[at:middle],
                answer.payload[middle:end],
                dropped=dropped,
                limit=output_bytes,
            )
        )
        at = end
    out, err = texts
    killed_by = answer.head["killed_by"]
    return Execution(
        exit_code=None if killed_by else answer.head["exit_code"],
        stdout=out.text,
        stderr=err.text,
        truncated=out.truncated or err.truncated,
        seconds=answer.head["seconds"],
        cpu_seconds=answer.head["cpu_seconds"],
        peak_mib=answer.head["peak_mib"],
        killed_by=killed_by,
        audit=answer.head.get("audit"),
    )
