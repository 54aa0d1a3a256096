"""The device files of NVIDIA GPUs, for backends that show them to code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from sandmle.core.errors import UsageError

_DEVICES = Path("/dev")
_SHARED = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
"""What CUDA opens beside the GPUs' own files; not every driver has all of them."""


def gpu_devices(numbers: Sequence[int], *, folder: Path = _DEVICES) -> tuple[Path, ...]:
    """Return the device files that code needs to use these GPUs; none for no number.

    Args:
        numbers: N of `/dev/nvidiaN`.
        folder: Where device files lie.

    Raises:
        UsageError: If there is no such GPU.
    """
    if not numbers:
        return ()
    own = tuple(folder / f"nvidia{number}" for number in numbers)
    missing = [place for place in own if not place.exists()]
    if missing:
        found = sorted(p.name for p in folder.glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name))
        raise UsageError(
            f"there is no {missing[0]}; GPUs of this machine: {', '.join(found) or 'none'}"
        )
    return (*own, *(place for name in _SHARED if (place := folder / name).exists()))
