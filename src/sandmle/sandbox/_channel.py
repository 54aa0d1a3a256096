"""A conversation over a socket with a process of ours: one question, one answer."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import Any

from sandmle.core.errors import SandboxError
from sandmle.sandbox._frames import Frame, receive, send


class Channel:
    """One end; not safe for use from several threads at once.

    Args:
        sock: The socket, which is closed with the channel.
        who: What is at the other end, for errors.
        last_words: Tells why the other end is gone.
    """

    def __init__(
        self, sock: socket.socket, who: str, *, last_words: Callable[[], str] = lambda: ""
    ) -> None:
        self._socket = sock
        self._who = who
        self._last_words = last_words
        self.closed = False

    def request(
        self,
        head: dict[str, Any],
        *,
        payload: bytes = b"",
        descriptors: tuple[int, ...] = (),
        seconds: float,
    ) -> Frame:
        """Send a message and return the answer.

        Raises:
            SandboxError: If none came in time, or the answer is an error; the channel is closed.
        """
        if self.closed:
            raise SandboxError(f"the process that runs the code ({self._who}) has ended before")
        self._socket.settimeout(seconds)
        try:
            send(self._socket, Frame(head, payload, descriptors))
            answer = receive(self._socket)
        except (EOFError, OSError) as exc:
            if self.closed:
                why = "was closed meanwhile"
            elif isinstance(exc, TimeoutError):
                why = f"did not answer within {seconds:.0f} s"
            else:
                why = f"ended{self._last_words()}"
            self.close()
            raise SandboxError(f"the process that runs the code ({self._who}) {why}") from exc
        except BaseException:
            # An exchange that Ctrl-C cuts short would leave its answer to the next one.
            self.close()
            raise
        if "error" in answer.head:
            if not answer.head.get("usable"):
                self.close()
            raise SandboxError(answer.head["error"])
        return answer

    def hand_over(self, descriptor: int) -> None:
        """Send a descriptor, to which there is no answer.

        Raises:
            SandboxError: If the other end is gone; the channel is closed.
        """
        try:
            send(self._socket, Frame({}, descriptors=(descriptor,)))
        except OSError as exc:
            self.close()
            raise SandboxError(
                f"the process that runs the code ({self._who}) ended{self._last_words()}"
            ) from exc

    def close(self) -> None:
        """Close the socket; calling it twice is fine."""
        if self.closed:
            return
        self.closed = True
        with contextlib.suppress(OSError):
            # Wakes a thread that waits for an answer, which closing alone would not.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
