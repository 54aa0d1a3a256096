"""Windows of sensors with a rhythm of their own, and what may happen in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.core.record import Record
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

AMPLITUDES = (1.3, 1.7, 2.2)
"""Of bursts, in units of the noise."""
JUMPS = (-1.6, -1.2, -0.85, 0.85, 1.2, 1.6)
"""Of the phase, in radians."""


class Rhythm(Record):
    """What one sensor does all the time."""

    period: float
    """In readings."""
    size: float
    """Amplitude of the first harmonic, in units of the noise."""
    overtones: tuple[float, float]
    """Second and third harmonic relative to the first."""
    bends: tuple[float, float]
    """Phases of those."""
    level: float
    gain: float
    """Written number = level + gain * value."""

    def curve(self, time: Floats, phase: Floats) -> Floats:
        """Return the rhythm at times (t,) of windows with first phases (n, 1), shape (n, t)."""
        turn = 2.0 * np.pi * time[None, :] / self.period + phase
        higher = sum(
            part * np.cos((order + 2) * turn + bend)
            for order, (part, bend) in enumerate(zip(self.overtones, self.bends, strict=True))
        )
        return np.asarray(self.size * (np.cos(turn) + higher), dtype=np.float64)


@dataclass(frozen=True)
class Nuisances:
    """What stands in the way, by its size or share; 0 switches it off."""

    spikes: float
    """Share of readings."""
    drift: float
    """Spread of the slope over a window, in units of the noise."""
    missing: float
    """Share of readings that are lost."""
    clipped: float
    """How much of its amplitude every second sensor cannot show at the top."""
    decoys: float
    """Share of windows with a harmless burst of another kind."""


@dataclass(frozen=True)
class Windows:
    """Windows of one role, shapes (n, t)."""

    values: Floats
    """In units of the noise."""
    lost: Mask
    label: Ints
    score: Floats
    """Log odds of an anomaly for who knows all but whether there is one, shape (n,)."""


def burst(*, length: int, cycles: float) -> Floats:
    """Return an oscillation that comes and goes, with top near 1, shape (length,)."""
    place = np.arange(length) / (length - 1)
    return np.asarray(np.sin(np.pi * place) * np.sin(2.0 * np.pi * cycles * place))


def draw_windows(
    streams: Streams,
    sensor: Ints,
    *,
    rhythms: Sequence[Rhythm],
    motif: Floats,
    decoy: Floats,
    nuisances: Nuisances,
    steps: int,
    positives: float,
) -> Windows:
    """Draw windows and what an observer who knows the rule would say of them.

    An anomaly is a motif or a jump of the rhythm's phase, one as often as the other.

    Args:
        streams: Labels, places, noise and nuisances.
        sensor: Index of each window's sensor, shape (n,).
        rhythms: Of all sensors.
        motif: Readings of the burst that matters.
        decoy: Readings of the one that does not.
        nuisances: What else is in the windows.
        steps: Readings of a window.
        positives: Share of windows with an anomaly.
    """
    count, time = len(sensor), np.arange(steps, dtype=np.float64)
    rng = streams.rng("labels")
    label = (rng.permutation(count) < round(positives * count)).astype(np.int64)
    jumping = (rng.random(count) < 0.5) & (label == 1)
    bursting = (label == 1) & ~jumping
    rng = streams.rng("places")
    phase = rng.uniform(0.0, 2.0 * np.pi, size=(count, 1))
    at = rng.integers(steps // 5, steps - steps // 5, size=count)
    jump = np.asarray(JUMPS)[rng.integers(0, len(JUMPS), size=count)] * jumping
    moved = phase + jump[:, None] * (time[None, :] >= at[:, None])
    usual, seen = np.zeros((count, steps)), np.zeros((count, steps))
    turned = [np.zeros((count, steps)) for _ in JUMPS]
    for index, rhythm in enumerate(rhythms):
        mine = sensor == index
        usual[mine] = rhythm.curve(time, phase[mine])
        seen[mine] = rhythm.curve(time, moved[mine])
        for table, turn in zip(turned, JUMPS, strict=True):
            table[mine] = rhythm.curve(time, phase[mine] + turn)
    rng = streams.rng("bursts")
    strength = np.asarray(AMPLITUDES)[rng.integers(0, len(AMPLITUDES), size=count)]
    seen += _placed(rng, motif, strength * bursting, steps)
    seen += streams.rng("noise").standard_normal((count, steps))
    rest = seen - usual
    rng = streams.rng("nuisances")
    seen += _placed(rng, decoy, 2.2 * (rng.random(count) < nuisances.decoys), steps)
    seen += nuisances.drift * rng.standard_normal((count, 1)) * (time / steps - 0.5)
    spoilt = rng.random((count, steps)) < nuisances.spikes
    size = rng.choice([-1.0, 1.0], size=spoilt.shape) * rng.uniform(5.0, 10.0, size=spoilt.shape)
    seen += spoilt * size
    lost = rng.random((count, steps)) < nuisances.missing
    if nuisances.clipped:
        tops = [rhythm.size * (1.3 - nuisances.clipped) for rhythm in rhythms]
        tops[1::2] = [np.inf] * len(tops[1::2])
        top = np.asarray(tops)[sensor][:, None]
        spoilt |= seen > top
        seen = np.minimum(seen, top)
    changes = [table - usual for table in turned]
    score = _log_odds(rest, changes, motif, known=~(spoilt | lost))
    return Windows(seen, lost, label, score)


def _placed(
    rng: np.random.Generator, shape: Floats, strength: NDArray[np.floating], steps: int
) -> Floats:
    """Put a shape of the given strength at a random place of each window."""
    out = np.zeros((len(strength), steps))
    start = rng.integers(2, steps - len(shape) - 2, size=len(strength))
    for place, value in enumerate(shape):
        out[np.arange(len(strength)), start + place] += strength * value
    return out


def _log_odds(rest: Floats, changes: Sequence[Floats], motif: Floats, *, known: Mask) -> Floats:
    """Return the log likelihood ratio of an anomaly at any place, given all else, shape (n,).

    Args:
        rest: Readings without the usual rhythm: white noise where nothing happened.
        changes: What each jump of the phase would add from its place on.
        motif: The burst.
        known: Which readings say anything.
    """
    rest = rest * known
    steps = rest.shape[1]
    starts = np.arange(2, steps - len(motif) - 2)
    fit = sum(value * rest[:, starts + place] for place, value in enumerate(motif))
    power = sum(value**2 * known[:, starts + place] for place, value in enumerate(motif))
    bursts = [_mean_exp(size * fit - 0.5 * size**2 * power) for size in AMPLITUDES]
    jumps = []
    for change in changes:
        gain = change * rest - 0.5 * change**2 * known
        later = np.cumsum(gain[:, ::-1], axis=1)[:, ::-1]
        jumps.append(_mean_exp(later[:, steps // 5 : steps - steps // 5]))
    parts = [_mean_exp(np.stack(kind, axis=1)) for kind in (bursts, jumps)]
    return np.asarray(np.round(_mean_exp(np.stack(parts, axis=1)), 5))


def _mean_exp(logs: Floats) -> Floats:
    top = logs.max(axis=1, keepdims=True)
    return np.asarray(top[:, 0] + np.log(np.exp(logs - top).mean(axis=1)))
