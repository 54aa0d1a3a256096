"""How far a run has come, while it goes on: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sandmle.cli._console import err
from sandmle.core.episode import Episode
from sandmle.core.policy import Usage

_LINE_SECONDS = 15.0
"""Between two plain lines."""


class RunProgress:
    """Counts the episodes of one call and shows them; use it in a `with` block.

    Args:
        total: Episodes of the whole run.
        done: Those that are in the log already.
        clock: Seconds, never going back.
    """

    def __init__(
        self, *, total: int, done: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._total, self._done, self._clock = total, done, clock
        self._played = 0
        self._began = self._said = clock()
        self._medals: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()
        self._rewards, self._paid = 0.0, 0
        self._usage = Usage()
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._line = self._live.add_task("episodes", total=total, completed=done, note="")

    def add(self, episode: Episode) -> None:
        """Count an episode and show it."""
        self._played += 1
        self._usage += episode.usage
        if episode.grade is not None and episode.grade.medal:
            self._medals[episode.grade.medal.name.lower()] += 1
        if episode.reward is not None:
            self._rewards += episode.reward.total
            self._paid += 1
        else:
            failure = episode.failure
            self._masked[failure.boundary if failure else str(episode.mask_reason)] += 1
        if not self._live.disable:
            self._live.update(self._line, advance=1, note=self.note())
        elif self._clock() - self._said >= _LINE_SECONDS:
            self._say()

    def note(self) -> str:
        """Say what the episodes of this call came to, in a line."""
        minutes = (self._clock() - self._began) / 60
        medals = " ".join(f"{self._medals[name]}{name[0]}" for name in ("gold", "silver", "bronze"))
        parts = [f"{self._played / minutes:.0f}/min" if minutes > 0 else "", medals]
        if self._paid:
            parts.append(f"reward {self._rewards / self._paid:.2f}")
        tokens = self._usage.prompt_tokens + self._usage.completion_tokens
        if tokens:
            parts.append(f"{short(tokens)} tokens")
        if self._usage.dollars:
            parts.append(f"${self._usage.dollars:.2f}")
        if self._masked:
            kinds = ", ".join(f"{count} {kind}" for kind, count in self._masked.most_common())
            parts.append(f"masked: {kinds}")
        return "; ".join(filter(None, parts))

    def _say(self) -> None:
        self._said = self._clock()
        done = self._done + self._played
        err.print(f"{done}/{self._total} episodes; {self.note()}", markup=False, soft_wrap=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()
        if self._played:
            self._say()


def short(count: int) -> str:
    """Write a count in few characters: `950`, `12.3k`, `4.5M`."""
    if count < 1_000:
        return str(count)
    return f"{count / 1_000:.1f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"
