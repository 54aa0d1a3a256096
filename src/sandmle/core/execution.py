"""What running a piece of code came to, and the sandbox that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Protocol, Self

from pydantic import Field

from sandmle.core.record import Record
from sandmle.core.task import Limits

KilledBy = Literal["time", "memory", "processes", "disk", "output"]

INPUT_DIR = "input"
"""Where the task's public files lie, read-only, relative to the work directory."""

SUBMISSION = "submission.csv"
"""The file that a script writes, relative to the work directory."""


class Audit(Record):
    """What a run tried that the sandbox does not give, as far as it was counted."""

    refused: dict[str, int] = Field(default_factory=dict)
    """System calls that were refused, by name; the kernel's word."""
    connects: int = 0
    """Attempts to connect a socket, wherever to; the kernel's word."""
    opens: int = 0
    """Files opened outside of what the sandbox shows; the interpreter's word, which hostile code
    can silence."""

    @property
    def attempts(self) -> int:
        """All of them together; an honest script has none or a few."""
        return sum(self.refused.values()) + self.connects + self.opens


class Execution(Record):
    """The result of one code run."""

    exit_code: int | None
    """None where the run was killed."""
    stdout: str
    stderr: str
    truncated: bool = False
    """Whether stdout or stderr was cut to the limit."""
    seconds: float
    """Wall time of the run itself, without waiting for a slot."""
    cpu_seconds: float
    """Processor time of all processes of the run."""
    peak_mib: float
    """Largest resident memory of a process of the run."""
    killed_by: KilledBy | None = None
    queue_seconds: float = 0.0
    """How long the run waited for a slot."""
    audit: Audit | None = None
    """None where the backend does not count."""

    @property
    def ok(self) -> bool:
        """Whether the run ended by itself with exit code 0."""
        return self.exit_code == 0 and self.killed_by is None


class SandboxSession(Protocol):
    """The work directory of one episode; files in it persist from run to run."""

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run Python code with the work directory as the current one.

        `input/` holds the public files. When this returns, no process of the run is alive.

        Raises:
            SandboxError: If the code could not be run as promised; not the agent's fault.
        """
        ...

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Return a regular file of the work directory, or None where there is no such file.

        Follows no link on the way.

        Raises:
            InvalidSubmission: If it is a link, directory, FIFO or device, or over `max_bytes`.
        """
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put a file into the work directory, through no link; parents are made."""
        ...

    def close(self) -> None:
        """Kill what is left and drop the work directory; calling it twice is fine."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...


class Sandbox(Protocol):
    """A way to run untrusted code; one instance serves many sessions, also from many threads."""

    name: str
    isolated: bool
    """Whether code is kept from the host's files, environment and network."""

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> SandboxSession:
        """Start a session over a task's public files: a folder, or contents by relative path.

        Args:
            public: The files.
            limits: What a session may use.
            stateful: Whether the interpreter and its variables live on from run to run, as in a
                notebook, until one fails to return in time. Nothing is shared between sessions.

        Raises:
            UsageError: If this backend has no stateful sessions.
            SandboxError: If the session cannot be isolated as promised.
        """
        ...

    def close(self) -> None:
        """Release what the sandbox holds; calling it twice is fine."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
