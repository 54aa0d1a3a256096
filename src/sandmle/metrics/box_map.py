"""Mean average precision of boxes with labels, as in object detection."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sandmle.metrics import METRICS
from sandmle.metrics._base import BadPrediction, Metric, Values

MOST_BOXES = 100
"""Boxes that one image may have."""
_LABEL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_NUMBER = re.compile(r"-?[0-9]{1,7}(\.[0-9]{1,9})?")
_FIELDS = 6


@dataclass(frozen=True)
class Box:
    """One box with its label; x and y of the left upper corner, y downwards."""

    label: str
    confidence: float
    x: float
    y: float
    width: float
    height: float


@METRICS.register("box_map")
@dataclass(frozen=True)
class BoxMap(Metric):
    """Mean over the labels of the average precision of their boxes, all images together.

    A row is text: `label confidence x y width height` for each box of one image, an empty cell for
    none; answers have the confidence 1. In each image the boxes of a label, the most confident
    first and as they stand where equal, take the free true box of that label which they overlap
    most, if intersection over union (IoU) is at least `iou`; those are hits. Average precision is
    the sum over confidence levels, from the highest, of the recall gained there times the best
    precision at that level or any lower one. Boxes of equal confidence are one level, so that the
    order of rows does not matter. Labels that no answer has are left out.
    """

    name = "box_map"
    title = "mean average precision of boxes"
    formula = (
        "mean over labels of the area under the precision-recall curve of boxes p, "
        "a hit being a box with IoU >= iou with a box of y that is not taken yet"
    )
    higher_is_better = True
    best = 1.0
    values = "string"

    iou: float = 0.5
    """Least intersection over union of a hit."""

    def __post_init__(self) -> None:
        if not 0.0 < self.iou <= 1.0:
            raise ValueError(f"the least IoU of a hit is above 0 and at most 1, not {self.iou}")

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score shapes (n,)."""
        pairs = zip(y_true, y_pred, strict=True)
        images = [_compared(true, pred, self.iou) for true, pred in pairs]
        labels = sorted({label for image in images for label in image if image[label].boxes})
        if not labels:
            raise ValueError("the answers hold no box")
        found = [[image[label] for image in images if label in image] for label in labels]
        return float(np.mean([_average_precision(outcomes) for outcomes in found]))

    def _accept(self, y_pred: Values) -> None:
        for row, text in enumerate(y_pred):
            try:
                boxes(text)
            except ValueError as exc:
                raise BadPrediction(str(exc), row=row) from None

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw up to three boxes per image, and the same moved a little with one label of two."""
        true, pred = [], []
        for row in range(rows):
            drawn = rng.integers(0, 40, (max(int(rng.integers(0, 4)), int(row == 0)), 2))
            named = [("cat", "dog")[int(pick)] for pick in rng.integers(0, 2, len(drawn))]
            true.append(
                [Box(n, 1.0, x, y, 9.0, 7.0) for n, (x, y) in zip(named, drawn, strict=True)]
            )
            sure = np.round(rng.random(len(drawn)), 3)
            moved = drawn + rng.integers(-3, 4, drawn.shape)
            pred.append(
                [Box("cat", c, x, y, 8.0, 8.0) for c, (x, y) in zip(sure, moved, strict=True)]
            )
        return tuple(np.array([write(b) for b in rows], dtype=object) for rows in (true, pred))  # type: ignore[return-value]


@dataclass(frozen=True)
class _Outcome:
    """How the boxes of one label fare in one image."""

    boxes: int
    """True boxes."""
    confidence: NDArray[np.float64]
    """Of the predicted boxes, shape (k,)."""
    hit: NDArray[np.bool_]


def write(found: list[Box]) -> str:
    """Write the boxes of one image as answers and submissions have them."""
    cells = [f"{box.label} " + " ".join(_shown(value) for value in _numbers(box)) for box in found]
    return " ".join(cells)


@lru_cache(maxsize=16_384)
def boxes(text: str) -> tuple[Box, ...]:
    """Parse the boxes of one image.

    Raises:
        ValueError: If the text is not groups of a label, a confidence from 0 to 1, a corner, and a
            width and height above 0, or there are more than `MOST_BOXES`.
    """
    cells = text.split()
    shown = repr(text if len(text) <= 40 else text[:40] + "...")
    if len(cells) % _FIELDS:
        raise ValueError(
            f"the boxes {shown} have {len(cells)} parts; each box takes {_FIELDS}: "
            "label confidence x y width height"
        )
    if len(cells) > _FIELDS * MOST_BOXES:
        raise ValueError(
            f"an image has {len(cells) // _FIELDS} boxes; it may have {MOST_BOXES} at most"
        )
    return tuple(_box(cells[at : at + _FIELDS]) for at in range(0, len(cells), _FIELDS))


def _box(cells: list[str]) -> Box:
    shown = repr(" ".join(cells))
    if not _LABEL.fullmatch(cells[0]):
        raise ValueError(f"the box {shown} begins with no label")
    if not all(_NUMBER.fullmatch(cell) for cell in cells[1:]):
        raise ValueError(f"the box {shown} has a part that is no plain decimal number")
    box = Box(cells[0], *map(float, cells[1:]))
    if not 0.0 <= box.confidence <= 1.0:
        raise ValueError(f"the box {shown} has the confidence {cells[1]}; it lies from 0 to 1")
    if box.width <= 0.0 or box.height <= 0.0:
        raise ValueError(f"the box {shown} has no area: width and height must be above 0")
    return box


def _numbers(box: Box) -> tuple[float, ...]:
    return box.confidence, box.x, box.y, box.width, box.height


def _shown(value: float) -> str:
    return np.format_float_positional(round(float(value), 6), trim="-")


@lru_cache(maxsize=65_536)
def _compared(true: str, pred: str, iou: float) -> Mapping[str, _Outcome]:
    # a bootstrap scores the same pairs hundreds of times
    known, guessed = boxes(true), boxes(pred)
    labels = dict.fromkeys(box.label for box in (*known, *guessed))
    return {
        label: _outcome(
            [box for box in known if box.label == label],
            [box for box in guessed if box.label == label],
            iou,
        )
        for label in labels
    }


def _outcome(known: list[Box], guessed: list[Box], iou: float) -> _Outcome:
    ordered = sorted(guessed, key=lambda box: -box.confidence)
    free, hits = list(known), []
    for box in ordered:
        best = max(free, key=lambda other: _overlap(box, other), default=None)
        hit = best is not None and _overlap(box, best) >= iou - 1e-9
        if hit and best is not None:
            free.remove(best)
        hits.append(hit)
    sure = np.array([box.confidence for box in ordered], dtype=np.float64)
    return _Outcome(len(known), sure, np.array(hits, dtype=bool))


def _overlap(a: Box, b: Box) -> float:
    across = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
    down = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
    if across <= 0.0 or down <= 0.0:
        return 0.0
    shared = across * down
    return shared / (a.width * a.height + b.width * b.height - shared)


def _average_precision(outcomes: list[_Outcome]) -> float:
    """Return the area under precision over recall, with one point per level of confidence."""
    total = sum(outcome.boxes for outcome in outcomes)
    sure = np.concatenate([outcome.confidence for outcome in outcomes])
    hit = np.concatenate([outcome.hit for outcome in outcomes])
    if not len(sure):
        return 0.0
    order = np.argsort(-sure, kind="stable")
    last = np.append(np.flatnonzero(np.diff(sure[order])), len(sure) - 1)
    hits = np.cumsum(hit[order])[last]
    precision = hits / (last + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    gained = np.diff(hits, prepend=0)
    return float((gained * best).sum() / total)
