"""Slots that are given out strictly in the order in which they were asked for."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator


class Turns:
    """Lets `slots` threads in at once.

    Args:
        slots: How many.
    """

    def __init__(self, slots: int) -> None:
        self._lock = threading.Lock()
        self._free = list(range(slots))
        self._waiting: deque[tuple[threading.Event, list[int]]] = deque()

    @contextlib.contextmanager
    def one(self) -> Iterator[int]:
        """Wait for a slot and hold it; gives its number."""
        slot = self._take()
        try:
            yield slot
        finally:
            self._give(slot)

    def _take(self) -> int:
        came, mine = threading.Event(), list[int]()
        with self._lock:
            if self._free:
                return self._free.pop()
            self._waiting.append((came, mine))
        came.wait()
        return mine[0]

    def _give(self, slot: int) -> None:
        with self._lock:
            if not self._waiting:
                self._free.append(slot)
                return
            came, mine = self._waiting.popleft()
        mine.append(slot)
        came.set()
