"""What a run prints, kept within bounds however much it is."""

from __future__ import annotations

import os

_BLOCK = 1 << 16
_BLOCKS_PER_PULL = 16
"""As much as a pipe can hold (1 MiB for an ordinary user), and an end to a writer without one."""


class Capture:
    """The reading end of a pipe: the first and the last bytes are kept, the rest is counted.

    Args:
        keep_bytes: How many bytes to keep of the head, and again of the tail.
    """

    def __init__(self, keep_bytes: int) -> None:
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)
        self.total = 0
        self._keep = keep_bytes
        self._head = bytearray()
        self._tail = bytearray()

    def pull(self) -> bool:
        """Take what the pipe holds now; return False once every writer has closed it."""
        for _ in range(_BLOCKS_PER_PULL):
            try:
                block = os.read(self.read_end, _BLOCK)
            except BlockingIOError:
                return True
            if not block:
                return False
            self._add(block)
        return True

    def close_write_end(self) -> None:
        """Leave the writing end to the run, which has a copy of it; twice is fine."""
        if self.write_end >= 0:
            os.close(self.write_end)
            self.write_end = -1

    def close(self) -> None:
        """Take what the dead writers left in the pipe, and close it."""
        self.close_write_end()
        self.pull()
        os.close(self.read_end)

    @property
    def dropped(self) -> int:
        """Bytes between head and tail that were not kept."""
        return self.total - len(self._head) - len(self._tail)

    @property
    def head(self) -> bytes:
        """The first bytes."""
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        """The last bytes, without those that are in the head."""
        return bytes(self._tail)

    def _add(self, block: bytes) -> None:
        self.total += len(block)
        room = self._keep - len(self._head)
        self._head += block[:room]
        self._tail += block[room:]
        if len(self._tail) > 2 * self._keep:
            del self._tail[: -self._keep]
