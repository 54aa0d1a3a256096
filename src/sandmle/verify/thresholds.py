"""Where the bars stand: rule H, which spaces bars along the measured ladder, and the paper's rule.

Pure functions of a `Board`. `place` returns bars or a `Rejection` with a reason code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.core.draft import ReferenceKind
from sandmle.core.task import Medal, Thresholds
from sandmle.core.verdict import Bars
from sandmle.verify.board import Board, Floats

Rule = Literal["H", "paper"]
Order = NDArray[np.intp]
"""Rungs from the lowest gain to the highest."""

BAR_NAMES = ("median", "bronze", "silver", "gold")
MIN_GAP = 0.045
"""Smallest gain between neighbouring bars."""
TOP_GOLD = 0.97
"""Gold is never asked nearer to the reference than this."""
MARGIN = 0.02
"""Gold stays this far under the best rung."""
MEDIAN_ROOM = 0.18
"""Gain that lies between median and gold at least: four times `MIN_GAP`."""
LOW_MEDIAN = 0.05
"""Gain that the median asks at least."""
REASONS = (
    "ladder.reference_not_better",
    "ladder.too_few_rungs",
    "ladder.bar_gap",
    "ladder.sample_near_bronze",
    "ladder.reference_near_gold",
    "ladder.no_gold",
    "ladder.no_medal_below_gold",
    "ladder.too_few_under_median",
    "ladder.not_monotone",
    "ladder.sample_beats_gold",
)


@dataclass(frozen=True)
class Rejection:
    """Why no bars could be placed."""

    reason: str
    """One of `REASONS`."""
    detail: str


@dataclass(frozen=True)
class Bar:
    """A bar as a mixture of scores: of the dummy, the reference and the rungs.

    It is linear, so that its replicates follow from those of the scores it is made of.
    """

    reference: float
    """Weight of the reference; what is left to 1 is the dummy's."""
    rungs_R: Floats
    """Weight of each rung."""

    def gain(self, board: Board) -> float:
        """Return the bar as a gain."""
        return self.reference + float(self.rungs_R @ board.gains_R)

    def replicates(self, board: Board) -> Floats:
        """Return the bar on each resample as an oriented score, shape (B,)."""
        rest = 1.0 - self.reference - float(self.rungs_R.sum())
        ends = rest * board.dummy_B + self.reference * board.reference_B
        mixed: Floats = ends + board.rungs_BR @ self.rungs_R
        return mixed

    def lowered(self, gain: float) -> Bar:
        """Return the bar that is lower by `gain`."""
        return Bar(self.reference - gain, self.rungs_R)

    def mix(self, other: Bar, share: float) -> Bar:
        """Return the bar at `share` of the way to `other`."""
        return Bar(
            (1 - share) * self.reference + share * other.reference,
            (1 - share) * self.rungs_R + share * other.rungs_R,
        )


def place(board: Board, *, kind: ReferenceKind, rule: Rule = "H") -> Bars | Rejection:
    """Place median, bronze, silver and gold.

    Args:
        board: The measured ladder.
        kind: What the reference is; for `best_pipeline` it is the best rung itself.
        rule: `H`, or `paper` for the strictly monotone rule over the ladder's own order.
    """
    if not board.span > 0:
        return Rejection(
            "ladder.reference_not_better",
            f"reference {board.sign * board.reference:g} is not better than the dummy "
            f"{board.sign * board.dummy:g}",
        )
    if len(board.names) < 4:
        return Rejection("ladder.too_few_rungs", f"{len(board.names)} rungs; 4 are needed")
    bars = _paper_bars(board) if rule == "paper" else spaced_bars(board, kind)
    if isinstance(bars, Rejection):
        return bars
    if rule == "paper":
        rejection = _judge_paper(board, bars)
    else:
        rejection = _judge_spacing(board, bars) or _judge_occupancy(board, bars, kind)
    return rejection or _bars(board, bars, kind, rule)


def spaced_bars(board: Board, kind: ReferenceKind) -> tuple[Bar, ...]:
    """Return median, bronze, silver and gold of rule H, before they are judged."""
    gains = board.gains_R
    order = np.argsort(gains, kind="stable")
    gold = _gold_of_best(board, order) if kind == "best_pipeline" else _gold(board, order)
    third = _at_rung(board, int(order[2]))
    median = min(third, gold.lowered(MEDIAN_ROOM), key=lambda bar: bar.gain(board))
    if median.gain(board) < LOW_MEDIAN:
        median = _fixed(board, LOW_MEDIAN)
    bronze, silver = _between(board, median, gold)
    return median, bronze, silver, gold


def _gold(board: Board, order: Order) -> Bar:
    near_best = _at_rung(board, int(order[-1])).lowered(MARGIN)
    return min(near_best, _fixed(board, TOP_GOLD), key=lambda bar: bar.gain(board))


def _gold_of_best(board: Board, order: Order) -> Bar:
    # the reference is the best rung: half-way down to the second best, so that gold can be reached
    # by something that is not that very script, yet is no gift where the second best is far off
    half = _at_rung(board, int(order[-1])).mix(_at_rung(board, int(order[-2])), 0.5)
    gain = half.gain(board)
    return half if 0.85 <= gain <= 0.95 else _fixed(board, min(0.95, max(0.85, gain)))


def _between(board: Board, median: Bar, gold: Bar) -> tuple[Bar, Bar]:
    """Return bronze and silver: at rungs that lie well, else at the thirds.

    Two rungs are better than one with the other bar half-way; among equals, what is nearest to the
    thirds counts.
    """
    thirds = median.mix(gold, 1 / 3), median.mix(gold, 2 / 3)
    low, high = median.gain(board), gold.gain(board)
    between = [i for i in np.argsort(board.gains_R, kind="stable") if low < board.gains_R[i] < high]
    rungs = [_at_rung(board, i) for i in between]

    def distance(pair: tuple[Bar, Bar]) -> float:
        matched = zip(pair, thirds, strict=True)
        return sum(abs(bar.gain(board) - third.gain(board)) for bar, third in matched)

    both = list(combinations(rungs, 2))
    one = [(rung, rung.mix(gold, 0.5)) for rung in rungs]
    one += [(median.mix(rung, 0.5), rung) for rung in rungs]
    choices = sorted(both, key=distance) + sorted(one, key=distance)
    apart = (pair for pair in choices if not _too_close(board, (median, *pair, gold)))
    return next(apart, thirds)


def _at_rung(board: Board, index: np.intp | int) -> Bar:
    return Bar(0.0, np.eye(len(board.names))[index])


def _fixed(board: Board, gain: float) -> Bar:
    return Bar(gain, np.zeros(len(board.names)))


def _too_close(board: Board, bars: tuple[Bar, ...]) -> Rejection | None:
    for name, (lower, upper) in zip(BAR_NAMES[1:], pairwise(bars), strict=True):
        gap = upper.gain(board) - lower.gain(board)
        error = _error(board, upper.replicates(board) - lower.replicates(board))
        need = max(MIN_GAP, 2 * error)
        if gap < need - 1e-9:
            return Rejection(
                "ladder.bar_gap",
                f"{name} is {gap:.3f} above the bar below it; {need:.3f} is needed",
            )
    return None


def _judge_spacing(board: Board, bars: tuple[Bar, ...]) -> Rejection | None:
    close = _too_close(board, bars)
    if close is not None:
        return close
    replicates = [bar.replicates(board) for bar in bars]
    gains = [bar.gain(board) for bar in bars]
    sample = (board.sample - board.dummy) / board.span
    error = _error(board, replicates[1] - board.sample_B)
    if not gains[1] - sample > 3 * error:
        return Rejection(
            "ladder.sample_near_bronze",
            f"the sample submission (gain {sample:.3f}) is within 3 x {error:.3f} of bronze "
            f"({gains[1]:.3f})",
        )
    error = _error(board, board.reference_B - replicates[3])
    if not 1.0 - gains[3] > 2 * error:
        return Rejection(
            "ladder.reference_near_gold",
            f"the reference is {1 - gains[3]:.3f} above gold, within 2 x {error:.3f}",
        )
    return None


def _judge_occupancy(board: Board, bars: tuple[Bar, ...], kind: ReferenceKind) -> Rejection | None:
    thresholds = _thresholds(board, bars)
    scores = [board.sign * float(score) for score in board.rungs_R]
    medals = [thresholds.medal(score) for score in scores]
    if Medal.GOLD not in medals:
        return Rejection("ladder.no_gold", "no script of the ladder earns gold")
    # a real table has the pipelines that it has: several may be near its best
    real = kind == "best_pipeline"
    if not real and not {Medal.BRONZE, Medal.SILVER} & set(medals):
        return Rejection("ladder.no_medal_below_gold", "no script earns bronze or silver")
    under = sum(not thresholds.above_median(score) for score in scores)
    need = 1 if real else 2
    if under < need:
        return Rejection(
            "ladder.too_few_under_median", f"{under} scripts stay under the median; {need} needed"
        )
    return None


def _paper_bars(board: Board) -> tuple[Bar, ...]:
    wanted = ("naive", "standard", "strong", "expert")
    if all(name in board.names for name in wanted):
        return tuple(_at_rung(board, board.names.index(name)) for name in wanted)
    count = len(board.names)
    return tuple(_at_rung(board, index) for index in range(count - 4, count))


def _judge_paper(board: Board, bars: tuple[Bar, ...]) -> Rejection | None:
    gains = [bar.gain(board) for bar in bars]
    if not all(low < high for low, high in pairwise(gains)):
        listed = " ".join(f"{gain:.3f}" for gain in gains)
        return Rejection("ladder.not_monotone", f"gains do not rise strictly: {listed}")
    sample = (board.sample - board.dummy) / board.span
    if not gains[-1] > sample:
        return Rejection(
            "ladder.sample_beats_gold", f"gold ({gains[-1]:.3f}) is not above the sample"
        )
    return None


def _error(board: Board, differences_B: Floats) -> float:
    return float(np.std(differences_B, ddof=1)) / board.span


def _bars(board: Board, bars: tuple[Bar, ...], kind: ReferenceKind, rule: Rule) -> Bars | Rejection:
    try:
        thresholds = _thresholds(board, bars)
    except ValueError as exc:
        return Rejection("ladder.bar_gap", str(exc))
    gains, errors, intervals = {}, {}, {}
    for name, bar in zip(BAR_NAMES, bars, strict=True):
        replicates = bar.replicates(board)
        ends = np.percentile(board.sign * replicates, [2.5, 97.5])
        gains[name] = round(bar.gain(board), 4)
        errors[name] = round(_error(board, replicates - board.dummy_B), 4)
        intervals[name] = (significant(float(ends[0])), significant(float(ends[1])))
    return Bars(
        rule=rule,
        thresholds=thresholds,
        gains=gains,
        standard_errors=errors,
        ci95=intervals,
        dummy_score=significant(board.sign * board.dummy),
        reference_score=significant(board.sign * board.reference),
        reference_kind=kind,
    )


def _thresholds(board: Board, bars: tuple[Bar, ...]) -> Thresholds:
    """Write the bars in the metric's unit, in steps of at most 1/500 of dummy to reference.

    Each is rounded to the side on which the rung that it stands at keeps its place: a medal is
    reached by equality, the median must be beaten.

    Raises:
        ValueError: If rounding makes two of them equal.
    """
    decimals = -math.floor(math.log10(board.span / 500))
    scores = [board.dummy + bar.gain(board) * board.span for bar in bars]
    harder, *lenient = (
        _rounded(score, decimals=decimals, up=i == 0) for i, score in enumerate(scores)
    )
    median, bronze, silver, gold = (board.sign * score + 0.0 for score in (harder, *lenient))
    return Thresholds(
        median=median,
        bronze=bronze,
        silver=silver,
        gold=gold,
        higher_is_better=board.higher_is_better,
    )


def _rounded(value: float, *, decimals: int, up: bool) -> float:
    side = math.ceil if up else math.floor
    scale = 10.0**decimals
    near = round(side(value * scale) / scale, decimals)
    # the product above is itself rounded: one step more where that crossed the value
    if (near < value) if up else (near > value):
        near = round(near + (1 if up else -1) / scale, decimals)
    return near


def significant(value: float) -> float:
    """Round to six significant digits: later ones differ between machines."""
    return float(f"{value:.5e}")
