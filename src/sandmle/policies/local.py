"""`local`: a transformers checkpoint in this process, on CPU or GPU, sampled in batches.

Episodes that go on at once share one batch. See docs/policies.md for what is exact and what is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from sandmle.core.errors import ContextOverflow, UsageError
from sandmle.core.policy import Completion, Message, Tokens, ToolSpec, Usage
from sandmle.core.record import Record
from sandmle.core.seeding import Streams
from sandmle.nano import checkpoint_path
from sandmle.policies import MODELS
from sandmle.policies._batches import Batches, Row
from sandmle.policies._chat_ids import ChatIds
from sandmle.policies._hermes import split_calls
from sandmle.policies.settings import ModelSettings


class LocalOptions(Record):
    """`ModelSettings.options` of the backend `local`."""

    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`; `auto`: the first GPU where there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Of the weights; `auto`: as the checkpoint has them."""
    attn: str | None = None
    """Attention of transformers: `sdpa`, `eager`, `flash_attention_2`; None: its own choice."""
    batch_size: int = Field(default=16, ge=1)
    """Most turns that are sampled at once."""
    batch_tokens: int = Field(default=262_144, ge=1)
    """Most places of the batch: rows times the longest prompt with its new tokens."""
    context_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of prompt and new turn; None: the positions that the model was made for."""
    stop: tuple[str, ...] = ()
    """Texts that end a turn; they stay part of it: `("</tool_call>",)`."""
    history: Literal["kept", "rendered"] = "kept"
    """Whether earlier turns stay as they were sampled, or the template writes them each time."""
    template: dict[str, Any] = Field(default_factory=dict)
    """More for the chat template: `{"enable_thinking": False}`."""
    threads: int | None = Field(default=None, ge=1)
    """Processor threads of torch, for the whole process; None: unchanged."""


@MODELS.register("local")
class LocalModel:
    """A checkpoint in memory; a `Model`.

    Log probabilities are natural and belong to the distribution at the sampling temperature before
    `top_p` cuts it, which is what trainers of GRPO compute again.

    Args:
        settings: `model` is a folder or a name on the hub; `options` are a `LocalOptions`.

    Raises:
        UsageError: If transformers is not installed, an option is wrong, or there is no such
            checkpoint with a chat template.
    """

    def __init__(self, settings: ModelSettings) -> None:
        tokenizer, model = _loaded(settings.model, _options(settings))
        self._start(model, tokenizer, settings)

    @classmethod
    def of(
        cls, model: Any, tokenizer: Any, settings: ModelSettings, *, batches: Any = None
    ) -> Self:
        """Sample from weights in memory; a trainer may change them between two rounds.

        Args:
            model: A causal language model of transformers.
            tokenizer: Its tokenizer, with a chat template.
            settings: `model` is a name for records only.
            batches: Samples in the place of `Batches`: with its `submit`, `seconds` and `close`,
                and `attach` and `refresh` for an engine with weights of its own.
        """
        made = cls.__new__(cls)
        made._start(model, tokenizer, settings, batches)
        return made

    def _start(
        self, model: Any, tokenizer: Any, settings: ModelSettings, batches: Any = None
    ) -> None:
        self.name = f"local:{settings.model}"
        self._settings = settings
        self._options = options = _options(settings)
        self._tokenizer = tokenizer
        config = model.config.get_text_config()
        self._context = options.context_tokens or config.max_position_embeddings
        self._end_ids = end_ids_of(tokenizer, model)
        self._expected = 0
        self._waiting: list[tuple[int, Row]] = []
        self._batches: Any = batches or Batches(
            model,
            end_ids=self._end_ids,
            stops=_stops(tokenizer, options.stop),
            temperature=settings.temperature,
            top_p=settings.top_p,
            batch_size=options.batch_size,
            batch_tokens=options.batch_tokens,
        )

    @property
    def sampling_seconds(self) -> float:
        """Wall time that was spent on sampling so far."""
        return float(self._batches.seconds)

    def expect(self, episodes: int) -> None:
        """Sample in rounds: all of so many episodes say a turn before one of them says two.

        The rows of a round are ordered by their policies' seeds, so the same weights and
        conversations give the same tokens bit for bit, whatever happens in between takes. Call
        this and `ended` in the event loop that the policies act in. 0: no rounds any more.
        """
        self._expected = episodes
        self._begin_round()

    def ended(self) -> None:
        """Take note that one of the expected episodes has ended."""
        self._expected -= 1
        self._begin_round()

    def attach(self, engine: Any) -> None:
        """Sample from an engine that the trainer made, where `batches` has none yet."""
        self._batches.attach(engine)

    def forget(self) -> None:
        """Take note that the weights have changed; nothing is kept from turn to turn."""
        self._batches.refresh()

    def _begin_round(self) -> None:
        self._waiting = [pair for pair in self._waiting if not pair[1].done.cancelled()]
        if self._waiting and len(self._waiting) >= self._expected:
            rows = [row for _, row in sorted(self._waiting, key=lambda pair: pair[0])]
            self._waiting = []
            self._batches.submit(rows)

    def policy(self, *, seed: int) -> LocalPolicy:
        """Return a policy whose tokens follow from its seed; see `Model.policy`."""
        chat = ChatIds(
            self._tokenizer,
            keep=self._options.history == "kept",
            end_ids=self._end_ids,
            template_options=self._options.template,
        )
        return LocalPolicy(self, chat, seed=seed)

    async def sample(self, prompt: tuple[int, ...], rng: Any, *, seed: int) -> Row:
        """Sample a turn after a prompt, in a batch with others.

        Args:
            prompt: Its ids.
            rng: Gives one number for each token.
            seed: The policy's; orders the rows of a round.

        Raises:
            ContextOverflow: If prompt and new turn are longer than the model can read.
            PolicyError: If sampling failed.
        """
        new = self._settings.max_new_tokens
        if len(prompt) + new > self._context:
            raise ContextOverflow(
                f"the prompt of {len(prompt):,} tokens and {new:,} new ones are more than the "
                f"{self._context:,} that {self.name} can read"
            )
        row = Row(prompt, new, rng)
        if self._expected > 0:
            self._waiting.append((seed, row))
            self._begin_round()
        else:
            self._batches.submit([row])
        return await asyncio.wrap_future(row.done)

    def completion(self, row: Row, *, native: bool) -> Completion:
        """Return a sampled turn; with `native`, calls are taken out of its text."""
        ids = row.ids[:-1] if row.ids[-1] in self._end_ids else row.ids
        text = self._tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        text, calls = split_calls(text) if native else (text, ())
        tokens = None
        if self._settings.token_ids:
            tokens = Tokens(prompt_ids=row.prompt, ids=tuple(row.ids), logprobs=tuple(row.logprobs))
        return Completion(
            text=text,
            tool_calls=calls,
            truncated=row.ending == "length",
            usage=Usage(prompt_tokens=len(row.prompt), completion_tokens=len(row.ids)),
            tokens=tokens,
        )

    async def close(self) -> None:
        """Stop sampling and free the weights; calling it twice is fine."""
        await asyncio.to_thread(self._batches.close)
        _free_gpu()


class LocalPolicy:
    """One episode's share of a local model; a `Policy`.

    Turn `i` draws from a stream of its own, so the same seed and conversation give the same tokens
    whatever else is in the batch, up to the rounding of logits.

    Args:
        model: The model.
        chat: The episode's prompt ids.
        seed: The episode's seed.
    """

    def __init__(self, model: LocalModel, chat: ChatIds, *, seed: int) -> None:
        self.name = model.name
        self._model = model
        self._chat = chat
        self._seed = seed
        self._streams = Streams(seed)
        self._turns = 0

    async def act(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()
    ) -> Completion:
        """Sample the next turn; see `Policy.act`. A cancelled call leaves the batch."""
        prompt = self._chat.prompt(messages, tools)
        rng = self._streams.rng("turn", self._turns)
        row = await self._model.sample(prompt, rng, seed=self._seed)
        self._turns += 1
        completion = self._model.completion(row, native=bool(tools))
        self._chat.sampled(messages, prompt, completion=completion, ids=row.ids)
        return completion


def _options(settings: ModelSettings) -> LocalOptions:
    try:
        return LocalOptions.model_validate(settings.options)
    except ValidationError as exc:
        first = exc.errors()[0]
        name = ".".join(map(str, first["loc"]))
        known = ", ".join(LocalOptions.model_fields)
        raise UsageError(f"option {name!r} of local: {first['msg']}. Known: {known}") from exc


def _loaded(name: str, options: LocalOptions) -> tuple[Any, Any]:
    try:
        import torch
        import transformers
    except ImportError as exc:
        raise UsageError(
            "--policy local needs torch and transformers: pip install 'sandmle[local]'"
        ) from exc
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    device = options.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    source = checkpoint_path(name)
    library: Any = transformers
    # Its bar would run into the display of a run's progress.
    library.utils.logging.disable_progress_bar()
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(source)
        model = library.AutoModelForCausalLM.from_pretrained(
            source, dtype=options.dtype, attn_implementation=options.attn
        )
        model.to(device)
    except (OSError, ValueError, ImportError, RuntimeError) as exc:
        raise UsageError(
            f"model {name!r} cannot be loaded on {device!r} ({exc}); give a folder with "
            "config.json and weights, or a name on the hub"
        ) from exc
    if not tokenizer.chat_template:
        raise UsageError(
            f"model {name!r} has no chat template; choose one that was made for conversations, or "
            "put a chat_template.jinja into its folder"
        )
    return tokenizer, model


def end_ids_of(tokenizer: Any, model: Any) -> frozenset[int]:
    """Return the tokens that end a turn."""
    ends = model.generation_config.eos_token_id
    several = ends if isinstance(ends, list) else [ends]
    return frozenset(end for end in (*several, tokenizer.eos_token_id) if end is not None)


def _stops(tokenizer: Any, texts: tuple[str, ...]) -> Callable[[list[int]], bool]:
    """Return what tells whether ids end with one of `texts`, the last token's rest aside."""
    # A token has at least one byte, so the text ends within as many tokens as it has bytes.
    reach = max((len(text.encode()) for text in texts), default=0)

    def stops(ids: list[int]) -> bool:
        if not texts:
            return False
        tail = tokenizer.decode(ids[-reach:], clean_up_tokenization_spaces=False)
        return any(text in tail for text in texts)

    return stops


def _free_gpu() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
