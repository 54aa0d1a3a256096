"""Pictures as files: a folder of PNG files named by id, or one NumPy array for each split."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.roles import Note
from sandmle.authors.toolkit.png import png_bytes

Container = Literal["png", "npy"]
PNG_SHARE = 0.02
"""Share of the tasks whose pictures are single files: those take a block of disk for each."""


def draw_container(rng: np.random.Generator) -> Container:
    """Choose how a task's pictures are stored."""
    return "png" if rng.random() < PNG_SHARE else "npy"


@dataclass(frozen=True)
class Packed:
    """The files of all pictures of a task, and how they are read."""

    files: dict[str, bytes]
    notes: tuple[Note, ...]
    loader: str
    """Python source that defines `X` and `Z`: the pictures of train and test as floats, shape
    (n, height, width) or (n, height, width, 3); it needs `np`, `train` and `test`."""


def pack(
    train: NDArray[np.uint8],
    test: NDArray[np.uint8],
    *,
    ids: tuple[Sequence[str], Sequence[str]],
    id_column: str,
    container: Container,
    what: str = "picture",
) -> Packed:
    """Store pictures.

    Args:
        train: Shape (n, height, width), or (n, height, width, 3) for RGB.
        test: Shape (m, ...), likewise.
        ids: Ids of train and test, in the order of `train.csv` and `test.csv`.
        id_column: Name of the id column.
        container: `png`: files `images/ID.png`; `npy`: `train_images.npy` and `test_images.npy`.
        what: What one picture is called in the page.
    """
    shape = " by ".join(str(length) for length in train.shape[1:3])
    colour = "8-bit RGB" if train.ndim == 4 else "8-bit grey"
    if container == "npy":
        return Packed(
            files={"train_images.npy": npy_bytes(train), "test_images.npy": npy_bytes(test)},
            notes=tuple(
                Note(
                    f"{split}_images.npy",
                    f"one {what} for each line of `{split}.csv`, in the same order: a NumPy array "
                    f"of {len(pixels)} x {' x '.join(map(str, pixels.shape[1:]))}, {colour}",
                )
                for split, pixels in (("train", train), ("test", test))
            ),
            loader=_LOAD_NPY,
        )
    named = zip((*ids[0], *ids[1]), (*train, *test), strict=True)
    files = {f"images/{name}.png": png_bytes(pixels) for name, pixels in named}
    text = f"every {what}, {shape} pixels, {colour} PNG, named by its id with the ending `.png`"
    return Packed(
        files=dict(sorted(files.items())),
        notes=(Note("images/", text),),
        loader=_LOAD_PNG.replace("__ID__", id_column),
    )


def npy_bytes(array: NDArray[np.uint8] | NDArray[np.int8] | NDArray[np.int16]) -> bytes:
    """Write an array in NumPy's format, version 1.0: the same bytes with every version of NumPy."""
    out = io.BytesIO()
    np.lib.format.write_array(out, np.ascontiguousarray(array), version=(1, 0), allow_pickle=False)
    return out.getvalue()


_LOAD_NPY = """\
X = np.load("input/train_images.npy").astype(float)
Z = np.load("input/test_images.npy").astype(float)
"""

_LOAD_PNG = """\
from PIL import Image


def load(names):
    return np.stack([np.asarray(Image.open(f"input/images/{name}.png"), float) for name in names])


X, Z = load(train["__ID__"]), load(test["__ID__"])
"""
