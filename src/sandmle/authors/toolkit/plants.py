"""Plants with two gauges and three settings: finite decision processes with nonlinear dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.csvtext import cell, rounded
from sandmle.core.record import Record

Floats = NDArray[np.float64]

SHEET = 4
"""Latents of a plant; the last one is on its data sheet and does nothing."""
_RARE = 0.004
"""Chances under this are left out of a plant's process."""


class Dynamics(Record):
    """How the readings of all plants move; gauges run from -1 to 1."""

    side: int
    """Readings of each gauge."""
    push: float
    """Steps by which the setting moves the first gauge at most."""
    turn: float
    """How far a latent shifts where on the second gauge the push changes its sign, radians."""
    bend: float
    """Radians from the middle of the second gauge to its end."""
    phase: float
    swing: float
    """Steps by which the first gauge drives the second."""
    pull: float
    """Steps by which the setting moves the second gauge."""
    calm: float
    """Share of its distance from the middle that the second gauge loses in a step."""
    noise: float
    """Standard deviation of a move, steps."""
    target: float
    """How far a latent shifts the reading that scores best."""
    effort: float
    """Score lost by any setting but the middle one."""

    @property
    def cells(self) -> int:
        """Pairs of readings."""
        return self.side**2


@dataclass(frozen=True)
class Plants:
    """What each of n plants does; cells are numbered along the second gauge first."""

    reward: Floats
    """Expected score, shape (n, cells, actions)."""
    landing: Floats
    """Score of landing in a cell, less the setting's effort, shape (n, cells, actions)."""
    chance: Floats
    """Of each next cell, in whole thousandths but for their sum, (n, cells, actions, cells)."""


def draw_dynamics(rng: np.random.Generator, *, side: int) -> Dynamics:
    """Draw how a kind of plant moves."""

    def between(low: float, high: float, *, signed: bool = False) -> float:
        sign = rng.choice([-1.0, 1.0]) if signed else 1.0
        return round(float(sign * rng.uniform(low, high)), 5)

    return Dynamics(
        side=side,
        push=between(1.1, 1.4, signed=True),
        turn=between(0.6, 0.8, signed=True),
        bend=between(1.9, 2.3),
        phase=between(0.8, 1.0, signed=True),
        swing=between(0.6, 0.9, signed=True),
        pull=between(0.35, 0.5, signed=True),
        calm=between(0.25, 0.4),
        noise=between(0.45, 0.6),
        target=between(0.45, 0.6, signed=True),
        effort=between(0.05, 0.12),
    )


def plants(dynamics: Dynamics, z: Floats) -> Plants:
    """Build the process of every plant.

    Args:
        dynamics: What they have in common.
        z: Latents of each plant, shape (n, SHEET).
    """
    side, middle = dynamics.side, (dynamics.side - 1) / 2.0
    scale = (np.arange(side) - middle) / middle
    x, y = np.repeat(scale, side)[None, :, None], np.tile(scale, side)[None, :, None]
    act = np.array([-1.0, 0.0, 1.0])[None, None, :]
    a, b, c = (z[:, i, None, None] for i in range(3))
    # what the setting does to the first gauge comes and goes, and turns, along the second one
    gear = np.cos(dynamics.bend * y - dynamics.turn * a - dynamics.phase)
    drive = np.sin(np.pi * (x + 0.25 * b))
    move_x = dynamics.push * act * gear - 0.3 * x
    move_y = dynamics.swing * drive + dynamics.pull * act - dynamics.calm * middle * y
    along_x = _chances(middle + middle * x + move_x, dynamics)
    along_y = _chances(middle + middle * y + move_y, dynamics)
    chance = along_x[..., :, None] * along_y[..., None, :]
    chance = chance.reshape(*chance.shape[:3], side**2)
    chance = np.where(chance < _RARE, 0.0, chance)
    # rounded twice: last bits, which differ between machines, must not decide a thousandth
    chance = np.round(np.round(1_000.0 * chance / chance.sum(axis=3, keepdims=True), 6))
    chance = chance / chance.sum(axis=3, keepdims=True)
    wish = dynamics.target * np.tanh(c)
    landing = -((x - wish) ** 2) - 0.25 * y**2 - dynamics.effort * np.abs(act)
    reward = (chance * landing.transpose(0, 2, 1)[:, None]).sum(axis=3)
    return Plants(np.round(rounded(reward), 3), landing, chance)


def _chances(at: Floats, dynamics: Dynamics) -> Floats:
    """Return the chance of each reading for means `at`, with one more dimension at the end."""
    bounds = (np.arange(dynamics.side - 1) + 0.5 - at[..., None]) / dynamics.noise
    inside = 0.5 * (1.0 + np.vectorize(erf)(bounds / sqrt(2.0)))
    ends = np.zeros((*inside.shape[:-1], 1))
    return np.diff(np.concatenate([ends, inside, ends + 1.0], axis=-1), axis=-1)


def processes(names: Sequence[str], known: Plants) -> list[str]:
    """Write every cell of every plant as the metric `policy_return` reads it, plant by plant."""
    texts = []
    for name, reward, chance in zip(names, known.reward, known.chance, strict=True):
        weights = np.round(1_000.0 * chance).astype(np.int64)
        for place in range(len(reward)):
            parts = [f"{name}.{place}"]
            for gain, weight in zip(reward[place], weights[place], strict=True):
                moves = (f"{int(k)}:{int(weight[k])}" for k in np.flatnonzero(weight))
                parts.append(f"{cell(gain)} {' '.join(moves)}")
            texts.append(";".join(parts))
    return texts
