"""Periodic motions of a body as three axes of a sensor see them, fixed in any orientation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import rounded
from sandmle.core.record import Record
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PHASES = 16
"""First phases that the observer tries."""


class Motion(Record):
    """What one state looks like in the frame of the body; its third axis points along the pull."""

    cycles: float
    """Periods in a window."""
    size: float
    upright: float
    """Share of the movement along the pull; the rest is across it."""
    overtone: float
    """Size of the second harmonic, along the pull."""
    lag: float
    """Phase of the second harmonic in radians: turned by pi, the motion runs backwards."""

    def parts(self, time: Floats, pace: Floats) -> Floats:
        """Return what the motion is made of, whatever its first phase, shape (4, n, t, 3).

        Args:
            time: From 0 to 1, shape (t,).
            pace: Factor of the frequency, shape (n,).
        """
        turn = 2.0 * np.pi * self.cycles * pace[:, None] * time[None, :]
        cos, sin, none = np.cos(turn), np.sin(turn), np.zeros_like(turn)
        across = self.size * np.sqrt(1.0 - self.upright**2)
        along, second = self.size * self.upright, self.size * self.overtone
        axes = [
            (0.8 * across * sin, 0.6 * across * cos, along * cos),
            (0.8 * across * cos, -0.6 * across * sin, -along * sin),
            (none, none, second * np.cos(2.0 * turn + self.lag)),
            (none, none, -second * np.sin(2.0 * turn + self.lag)),
        ]
        return np.asarray(np.stack([np.stack(part, axis=2) for part in axes]), dtype=np.float64)


def _mixture(phase: Floats, size: Floats) -> Floats:
    """Return the weight of each part for first phases and amplitudes (n,), shape (4, n)."""
    waves = np.stack([np.cos(phase), np.sin(phase), np.cos(2.0 * phase), np.sin(2.0 * phase)])
    return np.asarray(size * waves, dtype=np.float64)


@dataclass(frozen=True)
class Devices:
    """How each device is fixed and what it does to readings."""

    turned: Floats
    """Body axes to device axes, shape (devices, 3, 3)."""
    gain: Floats
    pace: Floats
    """How fast the body that carries it moves, relative to others."""


@dataclass(frozen=True)
class Recorded:
    """Windows of one role."""

    values: Floats
    """Shape (n, t, 3)."""
    state: Ints
    likely: Ints
    """The state that an observer who knows the devices would name."""


def draw_devices(
    rng: np.random.Generator, count: int, *, slanted: bool, pace_sd: float, gain_sd: float
) -> Devices:
    """Draw devices that are fixed along the axes in any order and sense, or at any angle.

    Args:
        rng: Source of the draws.
        count: How many.
        slanted: Whether devices are fixed at any angle.
        pace_sd: Spread of the log of the pace.
        gain_sd: Spread of the log of the gain.
    """
    order = np.argsort(rng.random((count, 3)), axis=1)
    turned = np.eye(3)[order] * rng.choice([-1.0, 1.0], size=(count, 1, 3))
    angles = rng.uniform(0.0, 2.0 * np.pi, size=(count, 3)) * slanted
    for axis in range(3):
        turned = _rotation(angles[:, axis], axis, turned)
    gain = np.exp(gain_sd * np.clip(rng.standard_normal(count), -2.0, 2.0))
    pace = np.exp(pace_sd * np.clip(rng.standard_normal(count), -2.0, 2.0))
    return Devices(rounded(turned), rounded(gain), rounded(pace))


def _rotation(angle: Floats, axis: int, before: Floats) -> Floats:
    """Turn matrices (n, 3, 3) about an axis, in plain sums."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = before.copy()
    out[:, first] = cos * before[:, first] - sin * before[:, second]
    out[:, second] = sin * before[:, first] + cos * before[:, second]
    return out


def record(
    streams: Streams,
    motions: Sequence[Motion],
    devices: Devices,
    device: Ints,
    *,
    steps: int,
    shares: Sequence[float],
    noise: float,
    pull: float,
) -> Recorded:
    """Draw states and record them.

    Args:
        streams: States, phases and noise.
        motions: One for each state.
        devices: All devices of this role.
        device: Index of each window's device, shape (n,).
        steps: Readings of a window.
        shares: Frequency of each state.
        noise: Spread of the noise on each axis.
        pull: Size of the steady reading along the body's third axis.
    """
    count, time = len(device), np.arange(steps) / steps
    edges = np.cumsum(np.asarray(shares))[:-1]
    state = np.searchsorted(edges, streams.rng("states").random(count), side="right")
    rng = streams.rng("phases")
    phase = rng.uniform(0.0, 2.0 * np.pi, size=count)
    pace = devices.pace[device] * np.exp(0.03 * rng.standard_normal(count))
    size = np.exp(0.12 * rng.standard_normal(count))
    body = noise * streams.rng("noise").standard_normal((count, steps, 3))
    logs = np.zeros((count, len(motions)))
    own = _mixture(phase, size)
    for code, motion in enumerate(motions):
        mine = state == code
        body[mine] += (own[:, mine, None, None] * motion.parts(time, pace[mine])).sum(axis=0)
    for code, motion in enumerate(motions):
        parts = motion.parts(time, pace)
        logs[:, code] = _likelihood(body, parts, size, noise) + np.log(shares[code])
    body = body + np.array([0.0, 0.0, pull])
    # explicit sums instead of a matrix product: BLAS libraries differ in their last bits
    turned = devices.turned[device]
    seen = (turned[:, None, :, :] * body[:, :, None, :]).sum(axis=3)
    seen = seen * devices.gain[device][:, None, None]
    return Recorded(seen, state.astype(np.int64), np.round(logs, 6).argmax(axis=1).astype(np.int64))


def _likelihood(body: Floats, parts: Floats, size: Floats, noise: float) -> Floats:
    """Return the log likelihood of a motion of any first phase, but for a constant, shape (n,)."""
    fit = (parts * body[None]).sum(axis=(2, 3))
    power = (parts[:, None] * parts[None]).sum(axis=(3, 4))
    tries = []
    for step in range(PHASES):
        weight = _mixture(np.full(len(body), 2.0 * np.pi * step / PHASES), size)
        square = (weight[:, None] * weight[None] * power).sum(axis=(0, 1))
        tries.append(((weight * fit).sum(axis=0) - 0.5 * square) / noise**2)
    logs = np.stack(tries, axis=1)
    top = logs.max(axis=1)
    return np.asarray(top + np.log(np.exp(logs - top[:, None]).mean(axis=1)))
