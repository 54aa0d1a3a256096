"""A model server for tests: real HTTP on the loopback, answers by script, faults by plan.

It speaks `/v1/chat/completions`, streamed or not, and `/v1/models`, as vLLM does.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from sandmle.core.policy import Completion
from sandmle.scaffolds import Scaffold
from sandmle.store import TaskDir
from sandmle.testing._model_answer import chunks, whole


@dataclass(frozen=True)
class ModelRequest:
    """One request for a completion."""

    number: int
    """From 0, over all requests of the server."""
    body: Mapping[str, Any]

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation."""
        return list(self.body["messages"])

    @property
    def said(self) -> int:
        """How many turns of the model the conversation holds."""
        return sum(message["role"] == "assistant" for message in self.messages)

    @property
    def prompt(self) -> str:
        """What stands before the first turn of the model."""
        texts = []
        for message in self.messages:
            if message["role"] == "assistant":
                break
            texts.append(str(message["content"]))
        return "\n".join(texts)


Responder = Callable[[ModelRequest], Completion | str]
"""What answers: `lambda request: "Hello."`; a text is a turn without native calls."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong instead of an answer, or within it."""

    kind: Literal[
        "status", "hang", "reset", "broken_json", "truncated_body", "cut_stream", "no_choices"
    ]
    """`status`: an error with `status`, `message` and `retry_after`; `hang`: no answer until the
    client goes; `reset`: the connection is torn down; `broken_json`: a whole body that does not
    parse; `truncated_body`: the connection ends within the body; `cut_stream`: a stream ends well
    but too early (a body in one piece is truncated); `no_choices`: an answer with an empty list."""
    status: int = 500
    message: str = "failed on purpose"
    retry_after: float | None = None
    """Seconds."""


BUSY = Fault("status", 429, "too many requests", retry_after=0)
BROKEN = Fault("status", 500)
UNAVAILABLE = Fault("status", 503, "overloaded")
HANG = Fault("hang")
RESET = Fault("reset")
BROKEN_JSON = Fault("broken_json")
TRUNCATED_BODY = Fault("truncated_body")
CUT_STREAM = Fault("cut_stream")
NO_CHOICES = Fault("no_choices")
TOO_LONG = Fault(
    "status",
    400,
    "This model's maximum context length is 4096 tokens. However, your request has 5000 input "
    "tokens. Please reduce the length of the input messages.",
)
WRONG_KEY = Fault("status", 401, "Incorrect API key provided")

TRANSIENT = (
    BUSY, BROKEN, UNAVAILABLE, HANG, RESET, BROKEN_JSON, TRUNCATED_BODY, CUT_STREAM, NO_CHOICES,
)  # fmt: skip
"""All that another attempt may get over."""

FaultPlan = Callable[[int], Fault | None]
"""The fault of a request by its number; None where it is answered."""


def first(faults: Sequence[Fault]) -> FaultPlan:
    """Plan one fault for each of the first requests."""
    return lambda number: faults[number] if number < len(faults) else None


def always(fault: Fault) -> FaultPlan:
    """Plan one fault for every request."""
    return lambda number: fault


def every(step: int, faults: Sequence[Fault]) -> FaultPlan:
    """Plan the faults in turn, for each `step`-th request."""

    def plan(number: int) -> Fault | None:
        round_, rest = divmod(number, step)
        return faults[round_ % len(faults)] if rest == 0 else None

    return plan


def scripted_turns(turns: Mapping[str, Sequence[Completion | str]]) -> Responder:
    """Answer with the next turn of a script.

    The script is the one of the longest text that stands in the prompt; how far it has come is the
    number of turns in the conversation, so that a request that is sent again gets the same turn.

    Args:
        turns: Scripts by a text of the prompt, a task's description for example.
    """

    def respond(request: ModelRequest) -> Completion | str:
        prompt = request.prompt
        known = [text for text in turns if text in prompt]
        if not known:
            return f"No script is known for a prompt of {len(prompt)} characters."
        script = turns[max(known, key=len)]
        return script[min(request.said, len(script) - 1)]

    return respond


def ladder_turns(
    task_dirs: Iterable[TaskDir], scaffold: Scaffold, *, rung: str | None = None
) -> Responder:
    """Answer so that every episode plays a baseline of its task, which the prompt describes.

    Args:
        task_dirs: The tasks.
        scaffold: The scaffold that the turns are written for.
        rung: Name of the baseline; None for the one that scored best.
    """
    turns = {}
    for task_dir in task_dirs:
        scripts = {baseline.name: baseline.script for baseline in task_dir.ladder()}
        scores = {r.name: r.gain for r in task_dir.report.rungs if r.name in scripts}
        best = max(scores, key=lambda name: _or_lowest(scores[name]))
        turns[task_dir.task.description.strip()] = scaffold.turns([scripts[rung or best]])
    return scripted_turns(turns)


def _or_lowest(gain: float | None) -> float:
    return float("-inf") if gain is None else gain


class ModelServer:
    """A server in a thread of its own; use it inside `with`.

    Args:
        respond: What answers.
        faults: What goes wrong; by default nothing.
        api_key: The key that it asks for; None: any.
        model: The model that it names in `/v1/models`.
        reasoning_field: Where a turn's leading `<think>` is put, as servers with a reasoning parser
            do: `reasoning_content` or `reasoning`; None: it stays in the text.
        refused_fields: Fields of a request that it answers with an error.
    """

    def __init__(
        self,
        respond: Responder,
        *,
        faults: FaultPlan | None = None,
        api_key: str | None = None,
        model: str = "scripted",
        reasoning_field: str | None = None,
        refused_fields: Sequence[str] = (),
    ) -> None:
        self.requests: list[ModelRequest] = []
        """All requests so far, those that met a fault included."""
        self.hangups = 0
        """How often a client went away while the server was silent."""
        self._respond = respond
        self._faults = faults or (lambda number: None)
        self._api_key = api_key
        self._model = model
        self._reasoning_field = reasoning_field
        self._refused_fields = refused_fields
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="model-server")
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """The address, as `ModelSettings.base_url` takes it."""
        if self._server is None:
            raise RuntimeError("the model server does not run; use it inside `with`")
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            while await self._one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; say whether the connection goes on."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        path = head[0].split(" ")[1]
        headers = {
            name.strip().lower(): value.strip()
            for name, _, value in (line.partition(":") for line in head[1:])
        }
        data = await reader.readexactly(int(headers.get("content-length", 0)))
        sent = headers.get("authorization", "").encode()
        if self._api_key is not None and not hmac.compare_digest(
            sent, f"Bearer {self._api_key}".encode()
        ):
            return await _send_error(writer, WRONG_KEY)
        if path == "/v1/models":
            return await _send(writer, {"object": "list", "data": [{"id": self._model}]})
        if path != "/v1/chat/completions":
            return await _send_error(writer, Fault("status", 404, f"no {path} here"))
        request = ModelRequest(len(self.requests), json.loads(data))
        self.requests.append(request)
        fault = self._faults(request.number) or self._refusal(request)
        return await self._reply(request, fault, reader, writer)

    def _refusal(self, request: ModelRequest) -> Fault | None:
        for name in self._refused_fields:
            if name in request.body:
                return Fault("status", 400, f"Unrecognized request argument supplied: {name}")
        return None

    async def _reply(
        self,
        request: ModelRequest,
        fault: Fault | None,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        kind = None if fault is None else fault.kind
        if fault is not None and kind == "status":
            return await _send_error(writer, fault)
        if kind == "hang":
            await reader.read()
            self.hangups += 1
            return False
        if kind == "reset":
            _reset(writer)
            return False
        said = self._respond(request)
        completion = Completion(text=said) if isinstance(said, str) else said
        answer = whole(completion, request.body, reasoning_field=self._reasoning_field)
        if kind == "no_choices":
            answer["choices"] = []
        if request.body.get("stream") and kind in (None, "cut_stream", "truncated_body"):
            return await _send_stream(writer, chunks(answer), fault)
        body = json.dumps(answer).encode()
        if kind == "broken_json":
            body = body[: len(body) // 2]
        return await _send_body(writer, body, cut=kind in ("truncated_body", "cut_stream"))


async def _send(
    writer: asyncio.StreamWriter, value: Any, *, status: int = 200, header: str = ""
) -> bool:
    return await _send_body(writer, json.dumps(value).encode(), status=status, header=header)


async def _send_error(writer: asyncio.StreamWriter, fault: Fault) -> bool:
    header = "" if fault.retry_after is None else f"Retry-After: {fault.retry_after:g}\r\n"
    error = {"message": fault.message, "type": "error", "code": fault.status}
    return await _send(writer, {"error": error}, status=fault.status, header=header)


async def _send_body(
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    status: int = 200,
    header: str = "",
    cut: bool = False,
) -> bool:
    head = (
        f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\n{header}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + (body[: len(body) // 2] if cut else body))
    await writer.drain()
    return not cut


async def _send_stream(
    writer: asyncio.StreamWriter, pieces: Sequence[dict[str, Any]], fault: Fault | None
) -> bool:
    events = [f"data: {json.dumps(piece)}\n\n" for piece in pieces]
    if fault is not None:
        events = events[: len(events) // 2]
    writer.write(
        b"HTTP/1.1 200 -\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    for event in [*events, "data: [DONE]\n\n"] if fault is None else events:
        data = event.encode()
        writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        await writer.drain()
    if fault is not None and fault.kind == "truncated_body":
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """Tear the connection down: the client is told so at once."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
