"""A log of dated events of entities: its columns, and how it is written with repeats and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.toolkit import columns as col
from sandmle.authors.toolkit.csvtext import csv_bytes, rounded
from sandmle.core.seeding import Streams

FIRST_DAY = np.datetime64("2023-05-01")
"""Day 0 of all logs."""
HISTORY = 120
"""Days before the cut-off that a log covers."""
PLUS, MINUS, VIEW = 0, 1, 2
"""Kinds of events: one with an amount, one that takes such an amount back, one without."""
_REPEATED = 0.85
"""Share of the lines of an entity that come twice, where any do."""
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EventLog:
    """Events of entities, in no order; `ago` is negative after the cut-off."""

    owner: Integers
    ago: Integers
    kind: Integers
    amount: Floats

    def joined(self, *others: EventLog) -> EventLog:
        """Put the events of several logs of the same entities together."""
        parts = (self, *others)
        return EventLog(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("owner", "ago", "kind", "amount")
            )
        )


def draw_log(
    rng: np.random.Generator, rows: int, *, centre: float, reversed_share: float
) -> EventLog:
    """Draw what happened before the cut-off: spells of activity that ended some days ago.

    Args:
        rng: All draws come from it.
        rows: Number of entities.
        centre: Typical amount.
        reversed_share: Share of amounts that are taken back later; never an entity's last one.
    """
    z = np.clip(rng.standard_normal((rows, 4)), -2.5, 2.5)
    gap = np.clip(np.floor(rounded(np.exp(2.4 + 0.9 * z[:, 0]))), 0, HISTORY - 25)
    count = 1 + np.minimum(rng.poisson(np.round(np.exp(0.55 + 0.6 * z[:, 1]), 6)), 9)
    owner = np.repeat(np.arange(rows), count)
    first = np.concatenate([[True], owner[1:] != owner[:-1]])
    reach = rounded(rng.random(len(owner)) ** np.exp(0.6 * z[owner, 2]))
    ago = np.where(first, gap[owner], gap[owner] + np.floor((HISTORY - gap[owner]) * reach))
    size = rng.standard_normal(len(owner)) * 0.5 + 0.7 * z[owner, 3]
    amount = np.round(rounded(centre * np.exp(size)), 2)
    plus = EventLog(owner, ago.astype(np.int64), np.full(len(owner), PLUS), amount)
    # the last event stays, so that when it was is beyond doubt
    undone = (rng.random(len(owner)) < reversed_share) & ~first
    back = np.floor(ago * (1.0 - 0.3 * rng.random(len(owner)))).astype(np.int64)
    minus = EventLog(owner[undone], back[undone], np.full(undone.sum(), MINUS), amount[undone])
    seen = np.repeat(np.arange(rows), rng.poisson(1.9, size=rows))
    when = rng.integers(0, HISTORY, size=len(seen))
    view = EventLog(seen, when, np.full(len(seen), VIEW), np.full(len(seen), np.nan))
    return plus.joined(minus, view)


def summaries(log: EventLog, rows: int, *, window: int, centre: float) -> Floats:
    """Sum each entity's log up: recency, net count and views in the window, net money.

    Args:
        log: Events before the cut-off.
        rows: Number of entities.
        window: Days before the cut-off that counts look at.
        centre: Typical amount.

    Returns:
        Logarithms of one plus each, shape (rows, 4).
    """
    plus, minus, view = (log.kind == kind for kind in (PLUS, MINUS, VIEW))
    recent = log.ago < window
    last = np.full(rows, HISTORY)
    np.minimum.at(last, log.owner[plus], log.ago[plus])
    sign = plus.astype(np.float64) - minus
    net = np.bincount(log.owner, weights=sign * recent, minlength=rows)
    views = np.bincount(log.owner, weights=(view & recent).astype(np.float64), minlength=rows)
    money = np.bincount(log.owner, weights=sign * np.nan_to_num(log.amount), minlength=rows)
    table = [last, np.maximum(net, 0.0), views, np.maximum(money / centre, 0.0)]
    # small sums leave a rest of 1e-15 where everything was taken back
    return rounded(np.log1p(np.round(np.column_stack(table), 6)))


def log_csv(
    streams: Streams,
    log: EventLog,
    *,
    cut: Integers,
    ids: Sequence[str],
    header: tuple[str, str, str, str],
    kinds: tuple[str, str, str],
    doubled: float,
    mixed_dates: bool,
) -> bytes:
    """Write the log: lines of some entities twice, dates in several forms, all in no order.

    Args:
        streams: Say which lines come twice, how each date is written, and in which order.
        log: What happened.
        cut: Day of the cut-off of each entity, counted from `FIRST_DAY`.
        ids: Of the entities.
        header: Columns for entity, date, kind and amount.
        kinds: Names of the three kinds.
        doubled: Share of entities with repeated lines.
        mixed_dates: Whether dates come in three forms.
    """
    twice = (streams.rng("doubled").random(len(cut)) < doubled)[log.owner]
    twice &= streams.rng("lines").random(len(log.owner)) < _REPEATED
    style = streams.rng("dates").random(len(log.owner)) if mixed_dates else None
    text = _dates(FIRST_DAY + (cut[log.owner] - log.ago), style)
    order = np.concatenate([np.arange(len(log.owner)), np.flatnonzero(twice)])
    order = streams.rng("order").permutation(order)
    amounts = col.as_cells(log.amount, decimals=2)
    cells = (
        [ids[log.owner[i]] for i in order],
        [text[i] for i in order],
        [kinds[log.kind[i]] for i in order],
        [amounts[i] for i in order],
    )
    return csv_bytes(dict(zip(header, cells, strict=True)))


def _dates(days: NDArray[np.datetime64], style: Floats | None) -> list[str]:
    """Write dates as 2024-03-05 and, where styles are drawn, also as 05.03.2024 and 5 Mar 2024."""
    plain: list[str] = days.astype(str).tolist()
    if style is None:
        return plain
    return [
        text if draw < 0.6 else _other_date(*text.split("-"), dotted=draw < 0.8)
        for text, draw in zip(plain, style.tolist(), strict=True)
    ]


def _other_date(year: str, month: str, day: str, *, dotted: bool) -> str:
    return (
        f"{day}.{month}.{year}"
        if dotted
        else f"{int(day)} {_MONTHS[3 * int(month) - 3 : 3 * int(month)]} {year}"
    )
