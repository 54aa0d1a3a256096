"""The shipped policy: weights and tokenizer of a small model; its card is docs/nano.md."""

from pathlib import Path

NAME = "nano"


def checkpoint_path(model: str) -> str:
    """Return where a model's checkpoint is: `nano` is the shipped one, other names are folders.

    A name that is no folder stays as it is; it may be one on the hub.
    """
    folder = Path(__file__).parent if model == NAME else Path(model).expanduser()
    return str(folder) if folder.is_dir() else model
