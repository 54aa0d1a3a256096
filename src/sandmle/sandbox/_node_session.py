"""A node's end of one session: what the trainer asks for is done in a session of the sandbox."""

from __future__ import annotations

import threading

from sandmle.core.errors import InvalidSubmission, SandboxError, SandmleError, UsageError, boundary
from sandmle.core.execution import Sandbox, SandboxSession
from sandmle.sandbox._frames import Frame
from sandmle.sandbox._remote_messages import (
    Close,
    Done,
    Open,
    Read,
    Request,
    Run,
    Write,
    expect,
    request_of,
    say,
    say_fault,
)
from sandmle.sandbox._remote_wire import MAX_PAYLOAD_BYTES, LostError, Wire


def serve_session(sandbox: Sandbox, wire: Wire) -> None:
    """Serve one session until the trainer closes it or is gone; then nothing of it is left.

    Raises:
        LostError: If the trainer is gone, or does not keep to the protocol.
    """
    try:
        session = _open(sandbox, wire)
        if session is None:
            return
        watcher = threading.Thread(target=_close_at_hangup, args=(session, wire), daemon=True)
        watcher.start()
        try:
            _answer_all(session, wire)
        finally:
            wire.hang_up()
            watcher.join()
    finally:
        wire.close()


def _open(sandbox: Sandbox, wire: Wire) -> SandboxSession | None:
    frame = wire.receive(max_payload=MAX_PAYLOAD_BYTES)
    opening = expect(Open, frame, node="the trainer")
    if sum(size for _, size in opening.files) != len(frame.payload):
        raise LostError("sent files of another size than it says")
    files, at = {}, 0
    for path, size in opening.files:
        files[path] = frame.payload[at : at + size]
        at += size
    try:
        with boundary(SandboxError, "open a session"):
            session = sandbox.open(files, opening.limits, stateful=opening.stateful)
    except SandmleError as exc:
        say_fault(wire, exc)
        return None
    try:
        say(wire, Done())
    except LostError:
        session.close()
        raise
    return session


def _close_at_hangup(session: SandboxSession, wire: Wire) -> None:
    """End the session, and what runs in it, as soon as the trainer is gone."""
    wire.wait_for_hangup()
    session.close()


def _answer_all(session: SandboxSession, wire: Wire) -> None:
    while True:
        frame = wire.receive(max_payload=MAX_PAYLOAD_BYTES)
        request = request_of(frame)
        try:
            with boundary(SandboxError, f"{request.op} in a session"):
                done, payload = _answer(session, request, frame)
        except (InvalidSubmission, SandboxError, UsageError) as exc:
            say_fault(wire, exc)
            continue
        say(wire, done, payload)
        if isinstance(request, Close):
            return


def _answer(session: SandboxSession, request: Request, frame: Frame) -> tuple[Done, bytes]:
    match request:
        case Run():
            code = frame.payload.decode(errors="replace")
            execution = session.run(code, timeout_seconds=request.timeout_seconds)
            return Done(), execution.model_dump_json().encode()
        case Read():
            data = session.read(request.path, max_bytes=request.max_bytes)
            return Done(found=data is not None), data or b""
        case Write():
            session.write(request.path, frame.payload)
        case Close():
            session.close()
    return Done(), b""
