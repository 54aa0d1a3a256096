"""Which model speaks, and how it is sampled."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from sandmle.core.record import Record


class ModelSettings(Record):
    """A model behind one of the backends; kept in the run's folder, so it holds no key."""

    model: str
    """Its name at the server, or for `local` a folder or name of a transformers checkpoint."""
    base_url: str | None = None
    """The server, `http://127.0.0.1:8000/v1`; None for the client library's own choice."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; servers without keys need none."""
    temperature: float = Field(default=1.0, ge=0)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_new_tokens: int = Field(default=4_096, ge=1)
    """Tokens of one turn."""
    timeout_seconds: float = Field(default=300.0, gt=0)
    """Wall time of one attempt at a call (paper: 300 s); with `stream`, of a silence within it."""
    stream: bool = False
    """Whether to read answers as they are written, so that long ones need no long time-out."""
    max_attempts: int = Field(default=6, ge=1)
    """How often a call is tried before the episode fails."""
    retry_seconds: float = Field(default=1.0, ge=0)
    """Longest wait before the second attempt; doubles with each further one, up to a minute."""
    token_ids: bool = False
    """Whether to ask the server for token ids and their log probabilities, as training needs."""
    dollars_per_million_in: float = Field(default=0.0, ge=0)
    """Price of a million prompt tokens, where the server names no cost itself."""
    dollars_per_million_out: float = Field(default=0.0, ge=0)
    options: dict[str, Any] = Field(default_factory=dict)
    """More for the backend: fields of the request body for `openai`; device, dtype, batch size for
    `local`."""
