"""The nano policy: a decoder of a few million parameters that a laptop trains.

It knows the language of the experts' playbooks and nothing else: a policy to see learning with, and
to test trainers by. Its card is docs/nano.md; `tools/build_nano.py` builds it.
"""

from __future__ import annotations

from typing import Any

from sandmle.core.errors import UsageError
from sandmle.nano import checkpoint_path

FAMILIES = (
    "tabular/price-v2",
    "tabular/groups-v2",
    "tabular/imbalanced-v2",
    "tabular/ordinal-v1",
    "tabular/targets-v1",
    "text/morph-v2",
    "image/texture-v2",
    "audio/pitch-v1",
    "timeseries/sensors-v1",
    "timeseries/anomaly-v1",
)
"""Families that it learns from: there is a playbook for each, and their best plans conflict."""
HELD_OUT_DOMAINS = ("energy", "finance", "transportation")
"""Domains whose tasks, and so whose wording, it never sees."""
POSITIONS = 1_024
"""Longest trajectory, in tokens."""


def load_policy(name: str | None, *, dtype: str = "float32") -> tuple[Any, Any]:
    """Load a model to train, and its tokenizer.

    Args:
        name: `nano` for the shipped one, a folder, or a name on the hub.
        dtype: Of the weights in memory.

    Raises:
        UsageError: If there is no name, transformers is not installed, or there is no such
            checkpoint with a chat template.
    """
    if not name:
        raise UsageError("the recipe trains no model yet; say which: --set policy.model=FOLDER")
    try:
        import transformers
    except ImportError as exc:
        raise UsageError("training needs more packages: pip install 'sandmle[train]'") from exc
    library: Any = transformers
    library.utils.logging.disable_progress_bar()
    where = checkpoint_path(name)
    try:
        tokenizer = library.AutoTokenizer.from_pretrained(where)
        model = library.AutoModelForCausalLM.from_pretrained(where, dtype=dtype)
    except (OSError, ValueError) as exc:
        raise UsageError(
            f"model {name!r} cannot be loaded ({exc}); give a folder with config.json and weights, "
            "or a name on the hub"
        ) from exc
    if not tokenizer.chat_template:
        raise UsageError(f"model {name!r} has no chat template; choose one made for conversations")
    return model, tokenizer


def new_nano(vocabulary: int, *, end_id: int, pad_id: int, seed: int) -> Any:
    """Make an untrained nano policy: Qwen3's shape with 256 states in 4 layers.

    Args:
        vocabulary: Number of tokens.
        end_id: Token that ends a turn.
        pad_id: Token that fills up a batch.
        seed: Of the first weights.
    """
    import torch
    import transformers

    library: Any = transformers
    config = library.Qwen3Config(
        vocab_size=vocabulary,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=64,
        tie_word_embeddings=True,
        max_position_embeddings=POSITIONS,
        eos_token_id=end_id,
        pad_token_id=pad_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return library.Qwen3ForCausalLM(config)
