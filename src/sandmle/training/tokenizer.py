"""The nano policy's tokenizer: whole lines that come often are tokens, the rest is byte-level BPE.

A program of forty lines that were seen before is forty tokens. Any text stays lossless, and it is a
plain `tokenizer.json`: frequent lines are added tokens, found before BPE begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

SPECIAL = ("<|pad|>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>")
RARE = 8
"""A line that came less often is left to BPE."""
CHAT_TEMPLATE = """\
{%- for message in messages -%}
<|{{ message.role }}|>{{ message.content }}<|end|>
{%- endfor -%}
{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}
"""


def train_tokenizer(
    texts: Iterable[Iterable[str]], *, lines: int = 1_024, pieces: int = 1_024
) -> Any:
    """Train a tokenizer of transformers.

    Args:
        texts: The messages of each task's trajectories. A line counts once a task: what many
            trajectories on one task repeat must not pass for frequent.
        lines: Most lines that become tokens; those that save most come first.
        pieces: Tokens of BPE, the bytes and the special tokens included.
    """
    import transformers
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    counts: Counter[str] = Counter()
    for told in texts:
        counts.update({line for text in told for line in text.splitlines(keepends=True)})
    frequent = frequent_lines(counts, lines)
    raw: Any = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=pieces,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    known = set(frequent)
    raw.train_from_iterator((line for line in counts.elements() if line not in known), trainer)
    raw.add_tokens([AddedToken(line, normalized=False) for line in frequent])
    library: Any = transformers
    tokenizer = library.PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=SPECIAL[0], eos_token=SPECIAL[-1]
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def frequent_lines(counts: Counter[str], most: int) -> list[str]:
    """Return the lines that save most as tokens, in a fixed order.

    Lines of one or two characters are left to BPE, and so are lines that came only a few times, and
    those that say where packages lie on this machine: elsewhere they are others.

    Args:
        counts: How often each line came, its line end included.
        most: How many to return at most.
    """
    often = {
        line: count
        for line, count in counts.items()
        if count >= RARE and len(line) > 2 and "site-packages/" not in line
    }
    worth = {line: count * len(line) for line, count in often.items()}
    ranked = sorted(worth, key=lambda line: (-worth[line], line))
    return ranked[:most]
