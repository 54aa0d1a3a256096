"""Grey textures of small square images; every function works on a whole stack (n, side, side).

Elementwise arithmetic only: matrix products may differ in their last bits from machine to machine.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Images = NDArray[np.float64]
"""Shape (n, side, side); rows first."""


def _axes(side: int) -> tuple[Images, Images]:
    axis = np.arange(side, dtype=np.float64) - (side - 1) / 2
    return axis[None, None, :], axis[None, :, None]


def _each(values: ArrayLike) -> Images:
    return np.asarray(values, dtype=np.float64)[:, None, None]


def gratings(side: int, *, angles: ArrayLike, cycles: ArrayLike, phases: ArrayLike) -> Images:
    """Draw sine gratings in [-1, 1].

    Args:
        side: Pixels along one edge.
        angles: Direction in which the wave runs, radians, shape (n,).
        cycles: Waves along one edge, shape (n,).
        phases: Radians at the centre, shape (n,).
    """
    x, y = _axes(side)
    along = x * np.cos(_each(angles)) + y * np.sin(_each(angles))
    return np.sin(2 * np.pi / side * _each(cycles) * along + _each(phases))


def strokes(rng: np.random.Generator, count: int, side: int, *, per_image: int) -> Images:
    """Draw soft straight scratches at random, between -1 and 1 where they do not cross.

    Args:
        rng: Places them.
        count: Number of images.
        side: Pixels along one edge.
        per_image: Scratches in each image.
    """
    x, y = _axes(side)
    out = np.zeros((count, side, side))
    for _ in range(per_image):
        angle, shift = _each(rng.uniform(0, np.pi, count)), _each(rng.uniform(-0.5, 0.5, count))
        middle, half = _each(rng.uniform(-0.4, 0.4, count)), _each(rng.uniform(0.15, 0.4, count))
        across = -x * np.sin(angle) + y * np.cos(angle) - side * shift
        along = x * np.cos(angle) + y * np.sin(angle) - side * middle
        beyond = np.maximum(0.0, np.abs(along) - side * half)
        sign = _each(np.where(rng.random(count) < 0.5, -1.0, 1.0))
        out += sign * np.exp(-(across**2 + beyond**2) / 1.6)
    return out


def slopes(rng: np.random.Generator, count: int, side: int) -> Images:
    """Draw illumination that falls off in a random direction, in about [-0.7, 0.7]."""
    x, y = _axes(side)
    angle = _each(rng.uniform(0, 2 * np.pi, count))
    return (x * np.cos(angle) + y * np.sin(angle)) / side


def to_pixels(images: Images) -> NDArray[np.uint8]:
    """Round to grey levels, clipped to [0, 255]; shape (n, side, side)."""
    # two roundings: the first takes away last bits that differ between machines
    levels = np.rint(np.round(images, 4))
    return np.clip(levels, 0, 255).astype(np.uint8)
