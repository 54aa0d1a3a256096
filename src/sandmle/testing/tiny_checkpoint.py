"""A random model with a byte-level tokenizer, made offline: for tests of what runs checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}
{%- for call in message.tool_calls or [] %}
<tool_call>{{ call.function | tojson }}</tool_call>
{%- endfor -%}
<|im_end|>
{% endfor -%}
{%- if tools -%}[{{ tools | length }} tools]{% endif -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""

_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def tiny_checkpoint(
    folder: Path,
    *,
    template: str | None = CHAT_TEMPLATE,
    positions: int = 512,
    width: int = 32,
    layers: int = 2,
) -> Path:
    """Write a Qwen3 checkpoint with random weights; one token is one byte.

    Args:
        folder: Where to; made if it is not there.
        template: Its chat template; None: it has none.
        positions: Longest text, in tokens.
        width: Size of the hidden states, a multiple of 8.
        layers: Number of layers.
    """
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw: Any = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(_SPECIAL)
    library: Any = transformers
    marks = {"pad_token": _SPECIAL[0], "eos_token": _SPECIAL[2]}
    tokenizer = library.PreTrainedTokenizerFast(tokenizer_object=raw, **marks)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = library.Qwen3Config(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=width // 4,
            tie_word_embeddings=True,
            max_position_embeddings=positions,
            # Wide enough that texts differ from seed to seed and from prompt to prompt.
            initializer_range=0.2,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        library.Qwen3ForCausalLM(config).save_pretrained(folder)
    return folder
