"""The term that every reward shares: the form of the agent's turns."""

from __future__ import annotations

from collections.abc import Sequence


def well_formed_share(well_formed: Sequence[bool]) -> float:
    """Return the share of turns that had the required form, in [0, 1]; 0 without a turn."""
    return sum(well_formed) / len(well_formed) if well_formed else 0.0
