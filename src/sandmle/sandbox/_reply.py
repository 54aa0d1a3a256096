"""The message that a companion sends when a run is over."""

from __future__ import annotations

from typing import NamedTuple

from sandmle.sandbox._capture import Capture
from sandmle.sandbox._frames import Frame
from sandmle.sandbox._watch import Observed


class Spent(NamedTuple):
    """What a run's dead processes have used."""

    cpu_seconds: float = 0.0
    peak_mib: float = 0.0


def reply(
    exit_code: int | None, *, seen: Observed, spent: Spent, captures: tuple[Capture, Capture]
) -> Frame:
    """Close the captures and put everything about a run into a message.

    Args:
        exit_code: The code's exit code; None where it was killed.
        seen: What was observed while it ran.
        spent: What was accounted when it was dead; processes that were killed are missing in it.
        captures: Its stdout and stderr.
    """
    for capture in captures:
        capture.close()
    head = {
        "exit_code": exit_code,
        "killed_by": seen.killed_by,
        "seconds": seen.seconds,
        "cpu_seconds": max(seen.cpu_seconds, spent.cpu_seconds),
        "peak_mib": max(seen.peak_mib, spent.peak_mib),
        "streams": [[len(c.head), len(c.tail), c.dropped] for c in captures],
    }
    return Frame(head, b"".join(part for c in captures for part in (c.head, c.tail)))


def failure(sentence: str, captures: tuple[Capture, Capture]) -> Frame:
    """Close the captures and say, with what the run wrote to stderr, why it was none."""
    for capture in captures:
        capture.close()
    said = (captures[1].head + captures[1].tail)[-2_000:].decode(errors="replace").strip()
    return Frame({"error": f"{sentence}: {said}" if said else sentence})
