"""How often luck in the choice of hidden test rows gives the wrong medal.

python benchmarks/medals.py [--quick] [--json] [--draws N] [--seed S] [--family NAME ...]

A task is drawn with five times its test samples, and its ladder is run on all of them. A pool of
submissions takes each row (or whole group) from one of two neighbouring scripts of the ladder, so
that all qualities from the dummy to the best script are alike frequent. Then test sets of the usual
size are drawn again and again: bars are placed on their rows, as the verifier does, and every
submission gets the medal that it has earned there. It is wrong where the same bars, scored on all
rows, give another medal.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.procedural import FAMILIES
from sandmle.core.seeding import derive_seed
from sandmle.generate import Order, Plan, Tools, orders
from sandmle.grading.answers import AnswerKey
from sandmle.seeds import get_seed
from sandmle.verify.board import Board, GradedRows, Predictions, build_board
from sandmle.verify.context import Context
from sandmle.verify.ladder import Ladder, run_ladder
from sandmle.verify.thresholds import spaced_bars

TIMES = 5
TEST_SETS = 12
POOL = 24
"""Submissions of a task, of all qualities alike."""
GRADED_SHARE = 0.7
REPLICATES = 20
QUICK_FAMILIES = ("tabular/groups", "text/morph", "timeseries/panel")


@dataclass(frozen=True)
class Measured:
    """A large task: every row is graded."""

    rows: GradedRows
    ladder: Ladder
    units: NDArray[Any]
    """Unit of each row, shape (n,): rows of a group come together."""
    kind: Any


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="three families, one draw each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--draws", type=int, help="tasks per family")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--family", action="append", default=[], help="only this family")
    options = parser.parse_args()
    names = options.family or FAMILIES.names()
    if options.quick and not options.family:
        names = [name for name in names if name.rpartition("-")[0] in QUICK_FAMILIES]
    draws = options.draws or (1 if options.quick else 3)
    with Tools.open() as tools:
        shares = {}
        for name in names:
            found = [wrong_share(o, options.seed, tools) for o in some_orders(name, draws)]
            usable = [share for share in found if share is not None]
            shares[name] = round(float(np.mean(usable)), 4) if usable else None
            if not options.json:
                print(f"{name:28} {shares[name]}", flush=True)
    known = [share for share in shares.values() if share is not None]
    result = {
        "wrong_medal_mean": round(float(np.mean(known)), 4),
        "wrong_medal_max": max(known),
        "families": shares,
    }
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        print(f"mean {result['wrong_medal_mean']:.3f}, highest {result['wrong_medal_max']:.3f}")


def some_orders(name: str, count: int) -> tuple[Order, ...]:
    return orders(Plan(count=count, families=(name,)))


def wrong_share(order: Order, seed: int, tools: Tools) -> float | None:
    """Return the share of wrong medals on one task; None where no bars can be placed."""
    measured = measure(order, seed, tools)
    rng = np.random.Generator(np.random.PCG64(derive_seed(seed, order.index)))
    everything = board(measured, np.arange(len(measured.units)), rng)
    if not everything.span > 0:
        return None
    pool = between(measured, everything, rng)
    truth = [sign(measured) * measured.rows.score(values) for values in pool]
    names = np.unique(measured.units)
    size = max(2, round(len(names) / TIMES * GRADED_SHARE))
    wrong = total = 0
    for _ in range(TEST_SETS):
        chosen = rng.permutation(names)[:size]
        rows = np.flatnonzero(np.isin(measured.units, chosen))
        here = board(measured, rows, rng)
        if not here.span > 0:
            continue
        bars = spaced_bars(here, measured.kind)
        local = [here.dummy + bar.gain(here) * here.span for bar in bars[1:]]
        known = [everything.dummy + bar.gain(everything) * everything.span for bar in bars[1:]]
        for values, true_score in zip(pool, truth, strict=True):
            score = sign(measured) * measured.rows.score(values, rows)
            wrong += medal(score, local) != medal(true_score, known)
            total += 1
    return wrong / total if total else None


def measure(order: Order, seed: int, tools: Tools) -> Measured:
    family, dna = FAMILIES.get(order.family), get_seed(order.seed_id).dna()
    draft = family.draft(dna, order.seed(seed, 0), difficulty=order.difficulty, test=TIMES)
    context = Context(draft)
    whole = AnswerKey(
        context.key.ids,
        context.key.values,
        context.key.groups,
        np.full(len(context.key.ids), "private", dtype=object),
    )
    rows = GradedRows.of(context.metric, whole)
    ladder = run_ladder(draft, tools.sandbox, context.grader)
    units = np.arange(len(whole.ids)) if whole.groups is None else whole.groups.astype(str)
    return Measured(rows, ladder, units, draft.reference.kind)


def board(measured: Measured, rows: NDArray[np.int64], rng: np.random.Generator) -> Board:
    part = GradedRows(
        measured.rows.metric,
        measured.rows.answers[rows],
        None if measured.rows.groups is None else measured.rows.groups[rows],
        np.ones(len(rows), dtype=bool),
    )
    entries = [
        (r.name, r.predictions[rows]) for r in measured.ladder.rungs if r.predictions is not None
    ]
    sample, reference = measured.ladder.sample.predictions, measured.ladder.reference.predictions
    if sample is None or reference is None:
        raise ValueError("the sample submission or the reference has no score")
    return build_board(
        part,
        entries,
        sample=sample[rows],
        reference=reference[rows],
        rng=rng,
        replicates=REPLICATES,
    )


def between(measured: Measured, whole: Board, rng: np.random.Generator) -> list[Predictions]:
    """Mix neighbouring rungs unit by unit, to gains spread evenly up to the best rung's."""
    by_name = {rung.name: rung.predictions for rung in measured.ladder.rungs}
    order = np.argsort(whole.gains_R, kind="stable")
    gains = whole.gains_R[order]
    names, unit = np.unique(measured.units, return_inverse=True)
    pool = []
    for gain in (np.arange(POOL) + rng.random(POOL)) / POOL * gains[-1]:
        upper = int(np.clip(np.searchsorted(gains, gain), 1, len(gains) - 1))
        low, high = (by_name[whole.names[order[place]]] for place in (upper - 1, upper))
        if low is None or high is None:
            continue
        gap = max(gains[upper] - gains[upper - 1], 1e-9)
        take = (rng.random(len(names)) < (gain - gains[upper - 1]) / gap)[unit]
        pool.append(np.where(take[:, None], high, low))
    return pool


def sign(measured: Measured) -> int:
    return 1 if measured.rows.metric.higher_is_better else -1


def medal(score: float, bars: list[float]) -> int:
    return sum(score >= bar for bar in bars)


if __name__ == "__main__":
    main()
