"""Answers and counts the system calls that a run's filter asks about.

Stops: nothing by itself; the filter does. A run that asks too often is not answered any more, and
the kernel then says that there is no such call.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections import Counter

_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_RECEIVE, _SEND = 0xC050_2100, 0xC018_2101
_CONTINUE = 1
_ANSWERED_AT_MOST = 1_000


class Audit:
    """The listening end of one run's filter.

    Args:
        listener: Descriptor of the filter; it belongs to this object.
        errors: Name and error of each call by number, 0 to let it go on.
    """

    def __init__(self, listener: int, errors: dict[int, tuple[str, int]]) -> None:
        self.listener = listener
        self._counts: Counter[str] = Counter()
        self._answered = 0
        self._errors = errors

    def answer(self) -> bool:
        """Answer the call that waits; return False once none will be answered any more."""
        asked = bytearray(_NOTIFICATION.size)
        # Who asked may have been killed meanwhile.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self.listener, _RECEIVE, asked)
            number, _, _, call = _NOTIFICATION.unpack(asked)[:4]
            name, error = self._errors[call]
            self._counts[name] += 1
            flags = 0 if error else _CONTINUE
            fcntl.ioctl(self.listener, _SEND, _RESPONSE.pack(number, 0, -error, flags))
        self._answered += 1
        if self._answered < _ANSWERED_AT_MOST:
            return True
        self.close()
        return False

    def take(self) -> dict[str, int]:
        """Return what was counted since the last call, by name."""
        counts, self._counts = self._counts, Counter()
        return dict(counts)

    def close(self) -> None:
        """Answer nothing any more; calling it twice is fine."""
        if self.listener >= 0:
            os.close(self.listener)
            self.listener = -1
