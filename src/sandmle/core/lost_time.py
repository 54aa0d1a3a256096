"""Time that failures of the model's server took: reported where it is lost, given back elsewhere.

A policy knows what it lost and not whose clock is running; a scaffold has the clock and does not
see the attempts. The context of the call joins them, through any policy that wraps another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("lost_time", default=None)


def report_lost(seconds: float) -> None:
    """Say that `seconds` of wall time are not the agent's: a failed attempt, a wait after it.

    A wait may be reported before it begins, so that the agent's time cannot end within it.
    """
    listener = _listener.get()
    if listener is not None:
        listener(seconds)


@contextmanager
def lost_time_to(listener: Callable[[float], None]) -> Iterator[None]:
    """Have `listener` called with each loss that is reported within the block."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
