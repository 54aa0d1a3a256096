"""Soft shapes for small pictures, drawn one per image on a whole stack (n, height, width).

Elementwise arithmetic only, as in `textures`; every length is in pixels, every place (x, y) is
counted from the centre of the first pixel, x to the right and y down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Images = NDArray[np.float64]
"""Shape (n, height, width)."""
Size = tuple[int, int]
"""Height and width of a picture in pixels."""


def _grid(size: Size) -> tuple[Images, Images]:
    down, across = (np.arange(length, dtype=np.float64) for length in size)
    return across[None, None, :], down[None, :, None]


def _each(values: ArrayLike) -> Images:
    return np.asarray(values, dtype=np.float64)[:, None, None]


def _edge(beyond: Images, softness: float) -> Images:
    """Fall from 1 inside to 0 outside over about `softness` pixels on either side of the edge."""
    inside: Images = np.clip(0.5 - beyond / (2.0 * softness), 0.0, 1.0)
    return inside


def disc(size: Size, *, x: ArrayLike, y: ArrayLike, radius: ArrayLike) -> Images:
    """Draw filled circles, 1 inside and 0 outside; arguments have shape (n,)."""
    across, down = _grid(size)
    away = np.sqrt((across - _each(x)) ** 2 + (down - _each(y)) ** 2)
    return _edge(away - _each(radius), 0.7)


def ring(
    size: Size, *, x: ArrayLike, y: ArrayLike, radius: ArrayLike, half_width: ArrayLike
) -> Images:
    """Draw circles as lines of twice `half_width`; arguments have shape (n,)."""
    across, down = _grid(size)
    away = np.sqrt((across - _each(x)) ** 2 + (down - _each(y)) ** 2)
    return _edge(np.abs(away - _each(radius)) - _each(half_width), 0.7)


def rod(
    size: Size,
    *,
    x: ArrayLike,
    y: ArrayLike,
    angle: ArrayLike,
    half_length: ArrayLike,
    half_width: ArrayLike,
) -> Images:
    """Draw straight bars with round ends at angles in radians; arguments have shape (n,)."""
    across, down = _grid(size)
    u, v = across - _each(x), down - _each(y)
    along = u * np.cos(_each(angle)) + v * np.sin(_each(angle))
    beside = -u * np.sin(_each(angle)) + v * np.cos(_each(angle))
    rest = np.maximum(np.abs(along) - _each(half_length), 0.0)
    return _edge(np.sqrt(rest**2 + beside**2) - _each(half_width), 0.7)


def box(
    size: Size,
    *,
    x: ArrayLike,
    y: ArrayLike,
    half_width: ArrayLike,
    half_height: ArrayLike,
) -> Images:
    """Draw upright filled rectangles; arguments have shape (n,)."""
    across, down = _grid(size)
    beyond = np.maximum(
        np.abs(across - _each(x)) - _each(half_width), np.abs(down - _each(y)) - _each(half_height)
    )
    return _edge(beyond, 0.5)


def scatter(
    rng: np.random.Generator, count: int, *, slots: int, size: Size, margin: float, apart: float
) -> NDArray[np.float64]:
    """Draw places of `slots` objects in each of `count` pictures, shape (count, slots, 2) as x, y.

    Args:
        rng: Sixteen candidates are drawn for each place.
        count: Number of pictures.
        slots: Objects in each picture.
        size: Height and width of a picture.
        margin: Least distance from the edge of the picture.
        apart: Distance that two objects keep where one of the candidates allows it.
    """
    reach = np.array([size[1] - 1 - 2 * margin, size[0] - 1 - 2 * margin])
    candidates = margin + reach * rng.random((count, slots, 16, 2))
    places = candidates[:, :, 0].copy()
    for slot in range(1, slots):
        gaps = candidates[:, slot, :, None, :] - places[:, None, :slot, :]
        nearest = np.sqrt((gaps**2).sum(axis=-1)).min(axis=-1)
        # the first that is far enough, else the farthest
        chosen = np.minimum(np.round(nearest, 6), apart).argmax(axis=1)
        places[:, slot] = candidates[np.arange(count), slot, chosen]
    return places


def blob(
    size: Size,
    *,
    x: ArrayLike,
    y: ArrayLike,
    radius: ArrayLike,
    waves: NDArray[np.float64],
    phases: NDArray[np.float64],
) -> Images:
    """Measure how far each pixel lies outside a smooth closed outline; negative inside.

    Args:
        size: Height and width.
        x: Middle of each outline, shape (n,).
        y: Likewise.
        radius: Mean radius, shape (n,).
        waves: Relative height of the waves that run 2, 3, ... times around it, shape (n, k).
        phases: Their phases in radians, shape (n, k).

    Returns:
        Pixels, rounded, so that the sign is the same on every machine.
    """
    across, down = _grid(size)
    u, v = across - _each(x), down - _each(y)
    angle = np.arctan2(v, u)
    outline = np.ones_like(angle)
    for place in range(waves.shape[1]):
        turn = np.cos((place + 2) * angle + _each(phases[:, place]))
        outline += _each(waves[:, place]) * turn
    beyond: Images = np.round(np.sqrt(u**2 + v**2) - _each(radius) * outline, 6)
    return beyond
