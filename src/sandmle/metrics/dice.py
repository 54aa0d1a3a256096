"""Dice coefficient of run-length encoded masks."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, RowMean, Values

_NUMBERS = re.compile(r"[0-9]{1,15}(?:\s+[0-9]{1,15})*")


@METRICS.register("dice")
@dataclass(frozen=True)
class Dice(RowMean):
    """Mean over the images of the Dice coefficient of two masks; two empty masks get 1.

    A mask is text: `start length start length ...`, pixels counted from 1 down the columns first,
    runs in ascending order without overlap, an empty cell for an empty mask.
    """

    name = "dice"
    title = "mean Dice coefficient of run-length encoded masks"
    formula = "mean over images of 2 (pixels in both p and y) / (pixels in p + pixels in y)"
    higher_is_better = True
    best = 1.0
    values = "string"
    sample_params = {"height": 12, "width": 9}  # noqa: RUF012 - declared ClassVar in the base

    height: int
    """Pixels of one column of every image."""
    width: int
    """Pixels of one row of every image."""

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"an image of {self.height} x {self.width} pixels holds nothing")

    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score shapes (n,)."""
        pixels = self.height * self.width
        masks = [(runs(t, pixels), runs(p, pixels)) for t, p in zip(y_true, y_pred, strict=True)]
        return np.array([_dice(true, pred) for true, pred in masks])

    def _accept(self, y_pred: Values) -> None:
        for row, text in enumerate(y_pred):
            try:
                runs(text, self.height * self.width)
            except ValueError as exc:
                raise BadPrediction(str(exc), row=row) from None

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw up to three runs per mask."""
        pixels = self.height * self.width

        def draw() -> str:
            count = 2 * int(rng.integers(0, min(3, (pixels + 1) // 2) + 1))
            cuts = np.sort(rng.choice(np.arange(1, pixels + 2), count, replace=False))
            pairs = zip(cuts[::2], cuts[1::2], strict=True)
            return " ".join(f"{start} {stop - start}" for start, stop in pairs)

        masks = [draw() for _ in range(2 * rows)]
        return np.array(masks[:rows], dtype=object), np.array(masks[rows:], dtype=object)


def runs(text: str, pixels: int) -> NDArray[np.int64]:
    """Parse a run-length encoded mask into rows of (first pixel, last pixel), shape (m, 2).

    Raises:
        ValueError: If it is not pairs of whole numbers, a run is empty or leaves the image of
            `pixels` pixels, or runs overlap or do not ascend.
    """
    stripped = text.strip()
    if not stripped:
        return np.zeros((0, 2), dtype=np.int64)
    shown = repr(stripped if len(stripped) <= 40 else stripped[:40] + "...")
    if not _NUMBERS.fullmatch(stripped):
        raise ValueError(f"the mask {shown} is not whole numbers with spaces between them")
    numbers = np.array(stripped.split(), dtype=np.int64)
    if len(numbers) % 2:
        raise ValueError(
            f"the mask {shown} has {len(numbers)} numbers; it takes start-length pairs"
        )
    first, length = numbers[::2], numbers[1::2]
    last = first + length - 1
    if (length < 1).any() or first[0] < 1 or last.max() > pixels:
        raise ValueError(f"the mask {shown} has an empty run or leaves the pixels 1 to {pixels}")
    if (first[1:] <= last[:-1]).any():
        raise ValueError(f"the runs of the mask {shown} overlap or do not ascend")
    return np.stack([first, last], axis=1)


def _dice(true: NDArray[np.int64], pred: NDArray[np.int64]) -> float:
    size = _pixels(true) + _pixels(pred)
    if size == 0:
        return 1.0
    shared = sum(_covered(true, pred[:, 1]) - _covered(true, pred[:, 0] - 1))
    return float(2 * shared / size)


def _pixels(mask: NDArray[np.int64]) -> int:
    return int((mask[:, 1] - mask[:, 0] + 1).sum())


def _covered(mask: NDArray[np.int64], upto: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the pixels of a mask from the first pixel to each of `upto`."""
    if not len(mask):
        return np.zeros_like(upto)
    begun = np.searchsorted(mask[:, 0], upto, side="right")
    total = np.concatenate([[0], np.cumsum(mask[:, 1] - mask[:, 0] + 1)])
    beyond = np.maximum(mask[begun - 1, 1] - upto, 0)
    covered: NDArray[np.int64] = total[begun] - np.where(begun > 0, beyond, 0)
    return covered
