"""Options of the command line that say which model speaks, and how it is sampled."""

from __future__ import annotations

import json
from typing import Any

import typer
from pydantic import ValidationError

from sandmle.core.errors import UsageError
from sandmle.policies import ModelSettings

DEFAULTS = ModelSettings(model="")

MODEL: str | None = typer.Option(None, "--model", help="Name at the server, or local: a folder.")
BASE_URL: str | None = typer.Option(
    None, "--base-url", help="openai: the server, http://127.0.0.1:8000/v1."
)
API_KEY_ENV: str = typer.Option(
    DEFAULTS.api_key_env, "--api-key-env", help="openai: environment variable with the key."
)
TEMPERATURE: float = typer.Option(DEFAULTS.temperature, "--temperature", help="Sampling.")
TOP_P: float = typer.Option(DEFAULTS.top_p, "--top-p", help="Sampling.")
MAX_NEW_TOKENS: int = typer.Option(
    DEFAULTS.max_new_tokens, "--max-new-tokens", help="Tokens of one turn."
)
MODEL_TIMEOUT: float = typer.Option(
    DEFAULTS.timeout_seconds,
    "--model-timeout",
    help="Seconds of one attempt at a call; with --stream, of a silence within it.",
)
STREAM: bool = typer.Option(False, "--stream", help="openai: read turns as they are written.")
TOKEN_IDS: bool = typer.Option(
    False, "--token-ids", help="Record sampled tokens and log probabilities, for training."
)
PRICE_IN: float = typer.Option(0.0, "--price-in", help="Dollars per million prompt tokens.")
PRICE_OUT: float = typer.Option(0.0, "--price-out", help="Dollars per million sampled tokens.")
MODEL_OPTION: list[str] | None = typer.Option(
    None,
    "--model-option",
    help="KEY=VALUE for the backend, the value as JSON or text; openai: a field of the request, "
    "null leaves it out. Repeat it.",
)
MAX_MODEL_CALLS: int | None = typer.Option(
    None, "--max-model-calls", help="Calls of the model at once. Default: as many as episodes."
)

_OPTIONS = {
    "base_url": "--base-url",
    "api_key_env": "--api-key-env",
    "temperature": "--temperature",
    "top_p": "--top-p",
    "max_new_tokens": "--max-new-tokens",
    "timeout_seconds": "--model-timeout",
    "dollars_per_million_in": "--price-in",
    "dollars_per_million_out": "--price-out",
}


def model_settings(
    model: str | None,
    *,
    base_url: str | None = None,
    api_key_env: str = DEFAULTS.api_key_env,
    temperature: float = DEFAULTS.temperature,
    top_p: float = DEFAULTS.top_p,
    max_new_tokens: int = DEFAULTS.max_new_tokens,
    model_timeout: float = DEFAULTS.timeout_seconds,
    stream: bool = False,
    token_ids: bool = False,
    price_in: float = 0.0,
    price_out: float = 0.0,
    model_option: list[str] | None = None,
) -> ModelSettings | None:
    """Return the settings of a model, named as the options are; None where no model is named.

    Raises:
        UsageError: If a value is out of its bounds or an option is not KEY=VALUE.
    """
    if model is None:
        return None
    try:
        return ModelSettings(
            model=model,
            base_url=base_url,
            api_key_env=api_key_env,
            temperature=temperature,
            top_p=top_p,
            max_new_tokens=max_new_tokens,
            timeout_seconds=model_timeout,
            stream=stream,
            token_ids=token_ids,
            dollars_per_million_in=price_in,
            dollars_per_million_out=price_out,
            options=backend_options(model_option or []),
        )
    except ValidationError as exc:
        first = exc.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "model"
        raise UsageError(f"{_OPTIONS.get(name, '--' + name)}: {first['msg']}") from None


def backend_options(pairs: list[str]) -> dict[str, Any]:
    """Return `KEY=VALUE` texts as a dictionary; what is no JSON is a text.

    Raises:
        UsageError: If one has no `=`, no key, or a key comes twice.
    """
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--model-option {pair!r} is not KEY=VALUE; for example top_k=20")
        if key in options:
            raise UsageError(f"--model-option {key} is given twice; give it once")
        options[key] = _value(value)
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(name)
