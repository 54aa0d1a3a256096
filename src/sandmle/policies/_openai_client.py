"""The connection to a chat-completions server: address, key, pool. One serves all episodes."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from sandmle.core.errors import UsageError
from sandmle.policies._openai_errors import AttemptFailed, Refusal, refusal_text, retry_after
from sandmle.policies._openai_stream import StreamedAnswer
from sandmle.policies.settings import ModelSettings

_NO_KEY = "none"
_KEEP_IDLE_SECONDS = 4.0
"""Below the 5 s after which vLLM and others close an idle connection themselves."""


class ServerRefused(Exception):
    """The server answered with an error."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


class Connection:
    """A pool of connections to one server.

    Args:
        settings: Address, key's variable and time-out.

    Raises:
        UsageError: If the client library is missing, the address holds a password, or a server
            that is not of this machine has no key.
    """

    def __init__(self, settings: ModelSettings) -> None:
        try:
            self._openai: Any = import_module("openai")
        except ImportError:
            raise UsageError(
                "--policy openai needs the client library: pip install 'sandmle[openai]'"
            ) from None
        self._settings = settings
        key = os.environ.get(settings.api_key_env)
        self._key = key or _NO_KEY
        address = settings.base_url or os.environ.get("OPENAI_BASE_URL") or ""
        local = _check_address(address)
        if key is None and not local:
            raise UsageError(
                f"{address or 'the hosted API'} needs a key and {settings.api_key_env} is not set; "
                "export it or name another variable with --api-key-env; a server without keys "
                f"takes any: export {settings.api_key_env}=none"
            )
        client = self._openai.DefaultAsyncHttpxClient
        # httpx or httpx2, by the version of the client library
        package = next(
            c.__module__.split(".")[0] for c in client.__mro__ if "httpx" in c.__module__
        )
        http = import_module(package)
        self._transport_error: type[Exception] = http.HTTPError
        self._no_connection: type[Exception] = http.ConnectError
        limits = http.Limits(
            max_connections=None,
            max_keepalive_connections=None,
            keepalive_expiry=_KEEP_IDLE_SECONDS,
        )
        self._client = self._openai.AsyncOpenAI(
            api_key=self._key,
            base_url=settings.base_url,
            # Attempts are counted, and their time measured, in one place: not here.
            max_retries=0,
            timeout=None,
            # A proxy of the environment cannot reach this machine's own servers.
            http_client=client(limits=limits, timeout=None, trust_env=not local),
        )
        self.address = str(self._client.base_url).rstrip("/")

    async def ask(self, body: dict[str, Any]) -> Any:
        """Send a request and return the decoded answer, whatever it is.

        Cancelled, or out of time, it closes its connection, so that the server can stop.

        Raises:
            AttemptFailed: If there is no answer, or it is broken.
            ServerRefused: If the server answers with an error.
        """
        with self._translated():
            answer = await (self._streamed(body) if body.get("stream") else self._whole(body))
        if isinstance(answer, dict) and answer.get("error"):
            raise self._error_within(answer["error"])
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def _whole(self, body: dict[str, Any]) -> Any:
        async with asyncio.timeout(self._settings.timeout_seconds):
            response = await self._client.chat.completions.with_raw_response.create(
                model=body["model"], messages=body["messages"], extra_body=body
            )
            return json.loads(response.http_response.content)

    async def _streamed(self, body: dict[str, Any]) -> Any:
        answer = StreamedAnswer(self._settings)
        async with asyncio.timeout(self._settings.timeout_seconds):
            stream = await self._client.chat.completions.create(
                model=body["model"], messages=body["messages"], stream=True, extra_body=body
            )
        async with stream:
            async for chunk in _paced(aiter(stream), self._settings.timeout_seconds):
                answer.add(chunk.to_dict())
        return answer.whole()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        library = self._openai
        try:
            yield
        except TimeoutError:
            seconds = f"{self._settings.timeout_seconds:g} s"
            raise AttemptFailed(f"{self.address} was silent for {seconds}") from None
        except library.APIStatusError as exc:
            headers = exc.response.headers
            text = refusal_text(exc.body, key=self._key)
            raise ServerRefused(Refusal(exc.status_code, text, retry_after(headers))) from None
        except (library.APIConnectionError, self._transport_error) as exc:
            cause = exc.__cause__ or exc
            raise AttemptFailed(
                f"the connection to {self.address} failed: {type(cause).__name__}: {cause}",
                unreachable=isinstance(cause, self._no_connection),
            ) from None
        except library.APIError as exc:
            raise self._error_within(exc.body or str(exc)) from None
        except ValueError as exc:
            raise AttemptFailed(f"{self.address} sent broken JSON: {exc}") from None

    def _error_within(self, error: Any) -> Exception:
        """Return what an error means that came with status 200."""
        code = error.get("code") if isinstance(error, dict) else None
        text = refusal_text(error, key=self._key)
        if isinstance(code, int) and 400 <= code < 600:
            return ServerRefused(Refusal(code, text))
        # Without a status it may be of any kind; only a too long prompt is told by its words.
        return ServerRefused(Refusal(500, text))


async def _paced(chunks: AsyncIterator[Any], seconds: float) -> AsyncIterator[Any]:
    """Yield chunks; each may be awaited for `seconds`."""
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        yield chunk


def _check_address(address: str) -> bool:
    """Say whether an address is this machine's.

    Raises:
        UsageError: If it holds a password, or is none of HTTP.
    """
    parts = urlsplit(address)
    if address and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise UsageError(f"--base-url {address!r} is no address; http://127.0.0.1:8000/v1 is one")
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"--base-url for {parts.hostname} holds a password, which would be kept in the run's "
            "folder; leave it out and put the key into the variable that --api-key-env names"
        )
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
