"""What the trainer and a node say to each other: heads of messages, checked on arrival."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from sandmle.core.errors import InvalidSubmission, SandboxError, SandmleError, UsageError
from sandmle.core.record import Record
from sandmle.core.task import Limits
from sandmle.sandbox._frames import Frame
from sandmle.sandbox._remote_wire import LostError, Wire

_ERRORS: dict[str, type[SandmleError]] = {
    kind.__name__: kind for kind in (SandboxError, InvalidSubmission, UsageError)
}
_MAX_MESSAGE = 8_000
_Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]

R = TypeVar("R", bound=Record)


class Introduction(Record):
    """Node to trainer: what a connection is for."""

    role: Literal["node", "session"]
    number: int
    """Which session it was opened for, or which launch started the node."""
    node: str = Field(max_length=255)
    version: str = Field(max_length=100)


class Settings(Record):
    """Trainer to node: the sandbox that it shall make; see `make_sandbox`."""

    backend: str
    python: str | None
    slots: int | None = Field(ge=1)
    preload: tuple[str, ...] | None
    gpus: tuple[int, ...]


class Hello(Record):
    """Node to trainer: the sandbox works."""

    slots: int = Field(ge=1, le=1 << 16)


class SessionWanted(Record):
    """Trainer to node: open a connection for a session."""

    number: int


class Open(Record):
    """The first message of a session; the files' contents follow one another in the payload."""

    limits: Limits
    stateful: bool
    files: tuple[tuple[str, Annotated[int, Field(ge=0)]], ...]


class Run(Record):
    """Run the code in the payload."""

    op: Literal["run"] = "run"
    timeout_seconds: _Seconds


class Read(Record):
    """Send a file of the work directory."""

    op: Literal["read"] = "read"
    path: str
    max_bytes: int = Field(ge=0)


class Write(Record):
    """Put the payload into a file of the work directory."""

    op: Literal["write"] = "write"
    path: str


class Close(Record):
    """End the session."""

    op: Literal["close"] = "close"


class Done(Record):
    """Node to trainer: it was done; the payload has what was asked for."""

    found: bool = True
    """Whether there is a file."""


Request = Run | Read | Write | Close
_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="op")])


def say(wire: Wire, message: Record, payload: bytes = b"", *, seconds: float | None = None) -> None:
    """Send a message."""
    wire.send(message.model_dump(mode="json"), payload, seconds=seconds)


def say_fault(wire: Wire, error: SandmleError) -> None:
    """Send an error; on the other side `expect` raises it."""
    kind = type(error).__name__ if type(error).__name__ in _ERRORS else SandboxError.__name__
    wire.send({"error": kind, "message": str(error)[:_MAX_MESSAGE]})


def expect(kind: type[R], frame: Frame, *, node: str) -> R:
    """Return a message as what it should be.

    Raises:
        SandmleError: That the node sent, of its own kind; infrastructure errors name the node.
        LostError: If it is something else.
    """
    error = _ERRORS.get(str(frame.head.get("error")))
    if error is not None:
        words = str(frame.head.get("message"))[:_MAX_MESSAGE]
        raise error(f"{node}: {words}" if error is SandboxError else words)
    try:
        return kind.model_validate(frame.head)
    except ValidationError as exc:
        raise LostError(f"sent something else than {kind.__name__}") from exc


def request_of(frame: Frame) -> Request:
    """Return what the trainer asks of a session.

    Raises:
        LostError: If it is no request.
    """
    try:
        return _REQUEST.validate_python(frame.head)
    except ValidationError as exc:
        raise LostError("sent something else than a request") from exc
