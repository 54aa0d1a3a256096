"""A sandbox that fails on purpose, for testing what is done about infrastructure failures."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from sandmle.core.errors import SandboxError
from sandmle.core.execution import Execution, Sandbox, SandboxSession
from sandmle.core.task import Limits

Operation = Literal["open", "run", "read"]


class FlakySandbox:
    """Another sandbox whose first calls of one operation raise `SandboxError`.

    Args:
        inner: What does the work; it is not closed with this one.
        fail_times: How many calls fail, over all sessions.
        operation: Which calls fail.
    """

    def __init__(self, inner: Sandbox, *, fail_times: int, operation: Operation = "run") -> None:
        self.name = inner.name
        self.isolated = inner.isolated
        self.sessions_opened = 0
        self._inner = inner
        self._left = fail_times
        self._operation = operation
        self._lock = threading.Lock()

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> FlakySession:
        """Open a session of the other sandbox, or fail."""
        self.fail(during="open")
        self.sessions_opened += 1
        return FlakySession(self, self._inner.open(public, limits, stateful=stateful))

    def fail(self, *, during: Operation) -> None:
        """Raise if this operation is to fail once more."""
        with self._lock:
            if during != self._operation or self._left == 0:
                return
            self._left -= 1
        raise SandboxError(f"the sandbox failed on purpose during {during!r}")

    def close(self) -> None:
        """Do nothing: the other sandbox is its owner's."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class FlakySession:
    """A session of the other sandbox, between its failures."""

    def __init__(self, sandbox: FlakySandbox, inner: SandboxSession) -> None:
        self._sandbox = sandbox
        self._inner = inner

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code, or fail."""
        self._sandbox.fail(during="run")
        return self._inner.run(code, timeout_seconds=timeout_seconds)

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Read a file, or fail."""
        self._sandbox.fail(during="read")
        return self._inner.read(path, max_bytes=max_bytes)

    def write(self, path: str, data: bytes) -> None:
        """Write a file."""
        self._inner.write(path, data)

    def close(self) -> None:
        """Close the session."""
        self._inner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
