"""Kinds of sound that differ in how pitch and loudness move, on clips of shape (n, samples)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Sounds:
    """What a pattern is made from: arrays of shape (n, samples), or (n, 1) for one per clip."""

    rate: int
    """Samples per second."""
    since: Floats
    """Seconds since the sound began."""
    along: Floats
    """How far into the sound, from -1 to 1."""
    pitch: Floats
    phase: Floats
    speed: Floats
    """Around 1, a little different in each clip."""

    def of(self, rows: Integers) -> Sounds:
        """Return what belongs to some of the clips."""
        return Sounds(
            self.rate,
            self.since[rows],
            self.along[rows],
            self.pitch[rows],
            self.phase[rows],
            self.speed[rows],
        )


def _turned(sounds: Sounds, octaves: Floats) -> Floats:
    """Return a sine whose pitch is off by so many octaves at each moment."""
    hertz = sounds.pitch * np.exp2(octaves)
    return np.asarray(np.sin(2.0 * np.pi * np.cumsum(hertz, axis=1) / sounds.rate + sounds.phase))


def _beating(sounds: Sounds, per_second: float) -> Floats:
    beat = 0.5 + 0.5 * np.cos(2.0 * np.pi * per_second * sounds.speed * sounds.since + sounds.phase)
    return np.asarray(beat * _turned(sounds, 0.0 * sounds.since))


def _stacked(sounds: Sounds) -> Floats:
    turns = 2.0 * np.pi * sounds.pitch * sounds.since
    parts = [np.sin(k * turns + k * sounds.phase) / np.sqrt(k) for k in (1, 2, 3)]
    return np.asarray(parts[0] + parts[1] + parts[2])


def _wobbling(sounds: Sounds) -> Floats:
    turns = 2.0 * np.pi * 11.0 * sounds.speed * sounds.since + 3.0 * sounds.phase
    return _turned(sounds, 0.16 * np.sin(turns))


SOUNDS: dict[str, Callable[[Sounds], Floats]] = {
    "steady": lambda sounds: _turned(sounds, 0.0 * sounds.since),
    "slow_beat": lambda sounds: _beating(sounds, 15.0),
    "fast_beat": lambda sounds: _beating(sounds, 34.0),
    "rise": lambda sounds: _turned(sounds, 0.3 * sounds.along),
    "fall": lambda sounds: _turned(sounds, -0.3 * sounds.along),
    "harmonics": _stacked,
    "wobble": _wobbling,
    "arch": lambda sounds: _turned(sounds, 0.2 - 0.4 * sounds.along**2),
}
"""Every kind of sound; all are played equally loud."""
