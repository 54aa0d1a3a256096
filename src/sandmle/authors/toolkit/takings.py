"""People with tastes who take items day by day: the hidden rule of recommendations, played out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.core.record import Record
from sandmle.core.seeding import Streams

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DAYS = 84
"""Length of the log; the week after it is to be predicted."""
MAX_TAKEN = 20
LINK_DAYS = 14
"""How long an item draws the one that goes with it."""


class RecommendRule(Record):
    """The hidden rule of one task, with its defects."""

    skin: str
    list_length: int
    train_rows: int
    test_rows: int
    first_day: str
    category: tuple[int, ...]
    """Category of each item."""
    taste: tuple[tuple[float, ...], ...]
    """Log weight of each item for each taste."""
    taste_of_segment: tuple[tuple[float, ...], ...]
    """Share of each taste in each segment."""
    popularity: tuple[float, ...]
    trend: tuple[float, ...]
    """Change of the log weight from the middle of the log to its end."""
    last_day: tuple[int, ...]
    """Last day on which each item can be had."""
    again: tuple[float, ...]
    """Change of the log weight where the person had the item before, by category."""
    follows: tuple[int, ...]
    """The item that goes with each item."""
    pull: float
    """Change of the log weight of that item within two weeks."""
    duplicate_share: float
    bulk_accounts: int
    other_dates: bool


@dataclass(frozen=True)
class People:
    """What people took, day by day, and what they take next."""

    segment: Ints
    days: Ints
    """Shape (people, MAX_TAKEN), sorted; days at or after `DAYS` hold nothing."""
    taken: Ints
    following: list[list[int]]
    chance: Floats
    """Of each item in the week after the log, knowing the rule and the log, shape (people, n)."""


def live(rule: RecommendRule, streams: Streams, count: int) -> People:
    """Let everybody take one item after the other, at weights that depend on what they had.

    Args:
        rule: Weights of everything.
        streams: Segments, tastes, days and choices.
        count: How many people.
    """
    kinds = streams.rng("segments").integers(0, 4, size=count)
    edges = np.cumsum(np.asarray(rule.taste_of_segment), axis=1)
    drawn = streams.rng("tastes").random(count)
    taste = np.minimum((drawn[:, None] > edges[kinds]).sum(axis=1), len(rule.taste) - 1)
    days = np.sort(streams.rng("days").integers(0, DAYS, size=(count, MAX_TAKEN)), axis=1)
    kept = streams.rng("active").integers(8, MAX_TAKEN + 1, size=count)
    # who takes less starts later: idle places come last
    days = np.where(np.arange(MAX_TAKEN) < kept[:, None], days, DAYS)
    noise = streams.rng("choices")
    state = _State(rule, count)
    taken = np.zeros((count, MAX_TAKEN), dtype=np.int64)
    odds = np.log(np.maximum(np.asarray(rule.taste_of_segment)[kinds], 1e-9))
    for step in range(MAX_TAKEN):
        active = days[:, step] < DAYS
        logs = state.chances(days[:, step])
        gumbel = noise.gumbel(size=logs.shape[::2])
        taken[:, step] = (logs[np.arange(count), taste] + gumbel).argmax(axis=1)
        seen = np.take_along_axis(logs, taken[:, step][:, None, None], axis=2)[:, :, 0]
        odds = odds + np.where(active[:, None], seen, 0.0)
        state.take(active, taken[:, step], days[:, step])
    logs = state.chances(np.full(count, DAYS + 3))
    odds = np.exp(odds - odds.max(axis=1, keepdims=True))
    odds = odds / odds.sum(axis=1, keepdims=True)
    chance = (odds[:, :, None] * np.exp(logs)).sum(axis=1)
    wanted = logs[np.arange(count), taste] + streams.rng("next").gumbel(size=chance.shape)
    sizes = streams.rng("sizes").integers(2, 6, size=count)
    ranked = np.argsort(-wanted, axis=1, kind="stable")
    following = [
        sorted(int(i) for i in row[:size]) for row, size in zip(ranked, sizes, strict=True)
    ]
    return People(kinds, days, taken, following, np.round(chance, 9))


class _State:
    """What everybody had so far, and the chances that follow from it."""

    def __init__(self, rule: RecommendRule, count: int) -> None:
        self.taste = np.asarray(rule.taste) + np.asarray(rule.popularity)
        self.trend = np.asarray(rule.trend)
        self.last_day = np.asarray(rule.last_day)
        self.again = np.asarray(rule.again)[np.asarray(rule.category)]
        self.follows = np.asarray(rule.follows)
        self.pull = rule.pull
        self.had = np.zeros((count, len(self.trend)))
        self.pulled = np.full((count, len(self.trend)), -np.inf)
        """Day on which an item's forerunner was taken."""

    def chances(self, day: Ints) -> Floats:
        """Return log chances by person, taste and item on each person's day."""
        when = np.minimum(day, DAYS + 3)[:, None]
        own = self.trend * (2.0 * when / DAYS - 1.0) + self.again * self.had
        own = own + self.pull * (when - self.pulled <= LINK_DAYS)
        own = np.where(when > self.last_day, -60.0, own)
        logs = self.taste[None] + own[:, None, :]
        top = logs.max(axis=2, keepdims=True)
        return np.asarray(logs - top - np.log(np.exp(logs - top).sum(axis=2, keepdims=True)))

    def take(self, active: NDArray[np.bool_], item: Ints, day: Ints) -> None:
        """Note what the active people took."""
        who = np.flatnonzero(active)
        self.had[who, item[who]] = 1.0
        self.pulled[who, self.follows[item[who]]] = day[who]
