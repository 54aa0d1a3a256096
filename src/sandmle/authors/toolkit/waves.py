"""What sensors add to a sound: hum, clicks, echoes, noise; all on waves of shape (n, samples)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit.defects import Defect

Floats = NDArray[np.float64]

HUM = Defect("mains_hum", skill="notch_filtering")
CLICKS = Defect("clicks", skill="impulse_removal")
ECHOES = Defect("reverberation", skill="reverberation_handling")
UNEVEN_GAIN = Defect("uneven_gain", skill="loudness_normalisation")
OTHER_TONE = Defect("steady_interference", skill="distractor_rejection")


def times(samples: int, rate: int) -> Floats:
    """Return the time of each sample in seconds, shape (samples,)."""
    return np.arange(samples) / rate


def bell(t: Floats, *, start: Floats, length: Floats, edge: float) -> Floats:
    """Return envelopes that rise, stay at 1 and fall, shape (n, samples).

    Args:
        t: Seconds, shape (samples,).
        start: When each sound begins, shape (n,).
        length: How long it is, shape (n,).
        edge: Seconds that the rise takes, and the fall.
    """
    since = t[None, :] - start[:, None]
    left = np.clip(since / edge, 0.0, 1.0)
    right = np.clip((length[:, None] - since) / edge, 0.0, 1.0)
    ramp = np.minimum(left, right)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * ramp))


def hum(rng: np.random.Generator, rows: int, t: Floats, *, at: float, gain: float) -> Floats:
    """Draw mains hum with one overtone; loudness and phase differ from clip to clip."""
    loud = gain * rng.uniform(0.3, 1.0, size=(rows, 2)) * np.array([1.0, 0.5])
    phase = rng.uniform(0.0, 2.0 * np.pi, size=(rows, 2))
    waves = [
        loud[:, k, None] * np.sin(2.0 * np.pi * at * (k + 1) * t + phase[:, k, None])
        for k in range(2)
    ]
    return np.asarray(waves[0] + waves[1])


def clicks(rng: np.random.Generator, rows: int, samples: int, *, per: float, gain: float) -> Floats:
    """Draw short impulses, `per` in each clip on average."""
    count = rng.poisson(per, size=rows)
    out = np.zeros((rows, samples))
    for row in range(rows):
        at = rng.integers(0, samples - 3, size=count[row])
        size = gain * rng.uniform(0.6, 1.4, size=count[row]) * rng.choice([-1, 1], size=count[row])
        for place, high in zip(at, size, strict=True):
            out[row, place : place + 3] += high * np.array([1.0, -0.7, 0.3])
    return out


def echoed(waves: Floats, delays: Sequence[int], gains: Floats) -> Floats:
    """Add echoes.

    Args:
        waves: Shape (n, samples).
        delays: Samples by which each echo is late; at least 1.
        gains: Loudness of each echo in each clip, shape (n, len(delays)).
    """
    out = waves.copy()
    for k, delay in enumerate(delays):
        out[:, delay:] += gains[:, k, None] * waves[:, :-delay]
    return out


def level(waves: Floats, gains: Floats) -> Floats:
    """Bring every clip to the same power, then to its own loudness, shape (n, samples)."""
    power = np.sqrt((waves**2).mean(axis=1, keepdims=True))
    return np.asarray(waves / np.maximum(power, 1e-9) * gains[:, None])
