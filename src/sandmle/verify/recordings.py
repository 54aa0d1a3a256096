"""Pictures, sounds and arrays that belong to the rows of a table, as plain numbers."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.verify.tables import Floats

IMAGE_ENDS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
SOUND_ENDS = (".wav",)
POINTS = 256
"""Numbers that a coarse view of a recording has at most."""
_SIDE = 16


def read_array(data: bytes) -> NDArray[Any]:
    """Read a NumPy file.

    Raises:
        ValueError: If it is none, holds Python objects, or has no rows.
    """
    try:
        array: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
    except (OSError, EOFError) as exc:
        raise ValueError(str(exc)) from None
    if array.ndim < 1 or len(array) == 0 or array.dtype.kind not in "biuf":
        raise ValueError(f"expected rows of numbers, got {array.dtype} of shape {array.shape}")
    return array


def check_file(path: str, data: bytes) -> None:
    """Read a picture, sound or array file to its end.

    Raises:
        ValueError: If that is impossible; other files are not looked at.
    """
    low = path.lower()
    try:
        if low.endswith(IMAGE_ENDS):
            from PIL import Image

            with Image.open(io.BytesIO(data)) as image:
                image.verify()
        elif low.endswith(SOUND_ENDS):
            _samples(data)
        elif low.endswith(".npy"):
            read_array(data)
    except (OSError, SyntaxError, EOFError, wave.Error, ValueError) as exc:
        # Pillow says SyntaxError of a PNG whose checksum is wrong
        raise ValueError(f"{path} cannot be read: {exc}") from None


def coarse_files(files: Sequence[bytes]) -> Floats:
    """Return a coarse view of pictures or sounds, shape (n, points)."""
    if files[0].startswith(b"RIFF"):
        longest = max(len(data) for data in files)
        sounds = [_samples(data.ljust(longest, b"\0")) for data in files]
        return coarse_array(np.stack([sound[: len(sounds[0])] for sound in sounds]))
    from PIL import Image

    rows = []
    for data in files:
        with Image.open(io.BytesIO(data)) as image:
            grey = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
        rows.append(np.asarray(grey, dtype=np.float64).ravel())
    return np.array(rows)


def coarse_array(array: NDArray[Any]) -> Floats:
    """Return a coarse view of the rows of an array, shape (n, points).

    Pictures are averaged over squares, everything else over stretches of the flattened row.
    """
    values = array.astype(np.float64)
    if values.ndim == 4 and values.shape[3] == 3:
        values = values.mean(axis=3)
    if values.ndim == 3 and min(values.shape[1:]) >= _SIDE:
        for axis in (1, 2):
            cuts = np.arange(_SIDE) * values.shape[axis] // _SIDE
            width = np.diff([*cuts, values.shape[axis]])
            shape = [1, -1, 1] if axis == 1 else [1, 1, -1]
            values = np.add.reduceat(values, cuts, axis=axis) / width.reshape(shape)
    flat = values.reshape(len(values), -1)
    if flat.shape[1] > POINTS:
        cuts = np.arange(POINTS) * flat.shape[1] // POINTS
        width = np.diff([*cuts, flat.shape[1]])
        flat = np.add.reduceat(flat, cuts, axis=1) / width
    return flat


def centred(values: Floats) -> Floats:
    """Take the mean out of every row and scale all of them alike."""
    moved: Floats = values - values.mean(axis=1, keepdims=True)
    spread = float(moved.std())
    return moved / spread if spread else moved


def _samples(data: bytes) -> NDArray[np.int16]:
    with wave.open(io.BytesIO(data)) as sound:
        if sound.getsampwidth() != 2:
            raise ValueError(f"a sample has {sound.getsampwidth()} bytes; use 16-bit sound")
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
