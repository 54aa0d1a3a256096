"""What a refusal of a chat-completions server means: ask again, show less, give up, or stop."""

from __future__ import annotations

import email.utils
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sandmle.core.errors import ContextOverflow, PolicyError, PolicyRefused
from sandmle.core.policy import Usage
from sandmle.policies._openai_request import REPLACEABLE

_RETRIED = (408, 409, 425, 429)
_TEXT_LENGTH = 400

_TOO_LONG = re.compile(
    r"maximum context length|context_length_exceeded"  # OpenAI, vLLM
    r"|longer than the maximum model length"  # vLLM
    r"|longer than the model'?s context length|exceeds the maximum allowed length"  # SGLang
    r"|exceed_context_size|exceeds the available context size|context size has been exceeded"
    r"|exceed(s|ed)? (the )?context (window|limit)|prompt is too long|input is too long",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"insufficient[ _](quota|balance|credit|funds)", re.IGNORECASE)
_FILTERED = re.compile(r"content[ _](filter|policy|management)|moderation|safety", re.IGNORECASE)
_UNKNOWN_FIELD = re.compile(
    r"unsupported|unknown|unrecogni[sz]ed|not (supported|permitted|allowed)|unexpected|invalid"
    r"|extra",
    re.IGNORECASE,
)


class AttemptFailed(Exception):
    """One attempt at a call has failed in a way that another may not.

    Args:
        reason: What happened, for the error that the last attempt ends in.
        usage: What the server counted all the same.
        retry_after: Seconds that the server asks to wait.
        unreachable: Whether there was not even a connection.
    """

    def __init__(
        self,
        reason: str,
        usage: Usage | None = None,
        *,
        retry_after: float | None = None,
        unreachable: bool = False,
    ) -> None:
        super().__init__(reason)
        self.usage = usage or Usage()
        self.retry_after = retry_after
        self.unreachable = unreachable


class FieldRefused(Exception):
    """The server does not take a field that a request can do without."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


@dataclass(frozen=True)
class Refusal:
    """A request that a server answered with an error."""

    status: int
    text: str
    """What the server says, without the key."""
    retry_after: float | None = None

    def error(
        self, *, server: str, model: str, api_key_env: str, fields: Collection[str], answered: bool
    ) -> Exception:
        """Return the error to raise.

        Args:
            server: Where the request went.
            model: The model's name.
            api_key_env: Where the key comes from.
            fields: Fields of the request that it could do without.
            answered: Whether the server has answered a request of this model before: then it is
                this conversation that it does not take, and no other.
        """
        said = f"{server} answers {self.status}: {self.text}"
        if self.status < 600 and _TOO_LONG.search(self.text):
            return ContextOverflow(said)
        if self.status == 402 or _NO_CREDIT.search(self.text):
            return PolicyRefused(f"{said}; the account has no credit left")
        if self.status in _RETRIED or self.status >= 500:
            return AttemptFailed(said, retry_after=self.retry_after)
        if self.status == 401:
            # What the server says may quote the key.
            return PolicyRefused(
                f"{server} does not take the key in {api_key_env} (401); export a valid one, or "
                "name another variable with --api-key-env"
            )
        if self.status == 403:
            return PolicyRefused(f"{said}; the key in {api_key_env} may not use {model}")
        if self.status == 404:
            return PolicyRefused(
                f"{said}; check --model {model} against the server's /models, and --base-url, "
                "which mostly ends in /v1"
            )
        return self._of_request(said, fields, answered=answered)

    def _of_request(self, said: str, fields: Collection[str], *, answered: bool) -> Exception:
        for field in fields:
            if self._names(field):
                return FieldRefused(field)
        if answered or _FILTERED.search(self.text):
            return PolicyError(said)
        return PolicyRefused(
            f"{said}; no request was ever answered: change what it says with --model-option "
            "FIELD=VALUE, where null leaves a field out"
        )

    def _names(self, field: str) -> bool:
        other = REPLACEABLE[field]
        named = re.search(rf"\b{field}\b", self.text) is not None
        return named and (
            other in self.text if other else _UNKNOWN_FIELD.search(self.text) is not None
        )


def refusal_text(body: Any, *, key: str) -> str:
    """Return what an error's body says, in one line and without the key."""
    said = body
    while isinstance(said, dict):
        inner = next((said[name] for name in ("error", "message", "detail") if said.get(name)), "")
        code = said.get("code")
        said = f"{inner} ({code})" if isinstance(inner, str) and isinstance(code, str) else inner
    text = " ".join(str(said or "no reason given").split()).replace(key, "[key]")
    return text if len(text) <= _TEXT_LENGTH else text[:_TEXT_LENGTH] + "..."


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a `Retry-After` asks to wait, given as a number or a date."""
    text = headers.get("retry-after", "")
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return None
