"""Turns what `sandbox.py` measured into its report."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from _sandbox_runners import COLD, FLOOR, WARM, Times
from _sandbox_scripts import TRIVIAL
from _sandbox_throughput import Rate


def summary(times: Times) -> dict[str, Any]:
    """Return quantiles, and how the ways to run a script compare.

    What is over the floor is the median, over rounds, of the difference within a round.
    """
    over = {
        script: {
            name: median([one - two for one, two in zip(taken, found[FLOOR], strict=True)])
            for name, taken in found.items()
            if len(taken) == len(found[FLOOR])
        }
        for script, found in times.items()
    }
    trivial = times[TRIVIAL][WARM]
    return {
        "trivial_p50_ms": round(median(trivial), 2),
        "trivial_p95_ms": round(p95(trivial), 2),
        "over_floor_p50_ms": {script: round(found[WARM], 1) for script, found in over.items()},
        "cold_over_warm": {
            script: round(median(found[COLD]) / median(found[WARM]), 2)
            for script, found in times.items()
            if COLD in found
        },
        "over_floor_of_all_p50_ms": {
            script: {name: round(value, 1) for name, value in found.items() if name != FLOOR}
            for script, found in over.items()
        },
        "ms": {
            script: {
                name: {
                    "p50": round(median(taken), 2),
                    "p95": round(p95(taken), 2),
                    "runs": len(taken),
                }
                for name, taken in found.items()
            }
            for script, found in times.items()
        },
    }


def throughput(rates: Mapping[str, Rate], *, sessions: int) -> dict[str, Any]:
    """Return rates, and that of so many sessions as a share of the floor's."""
    share = rates[str(sessions)].per_second / rates[FLOOR].per_second
    return {
        "throughput_share_of_floor": round(share, 3),
        "steps_per_second": {name: round(rate.per_second, 2) for name, rate in rates.items()},
        "step_ms_by_sessions": {
            name: {"p50": round(median(rate.milliseconds)), "p95": round(p95(rate.milliseconds))}
            for name, rate in rates.items()
        },
    }


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def p95(values: Sequence[float]) -> float:
    """Return the 95th percentile; that of few values lies between the two largest."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def text(report: Mapping[str, Any]) -> str:
    """Return the report as tables."""
    names = list(next(iter(report["ms"].values())))
    lines = [f"{'ms, p50 / p95':<23}" + "".join(f"{name:>17}" for name in names) + "   cold/warm"]
    for script, found in report["ms"].items():
        cells = [f"{found[name]['p50']:9.1f} /{found[name]['p95']:6.0f}" for name in names]
        lines.append(
            f"{script:<23}{''.join(cells)}{report['cold_over_warm'].get(script, 0):11.1f}x"
        )
    lines += ["", f"{'over the floor, p50':<23}" + "".join(f"{name:>17}" for name in names)]
    for script, over in report["over_floor_of_all_p50_ms"].items():
        cells = [f"{over[name]:17.1f}" if name in over else " " * 17 for name in names]
        lines.append(f"{script:<23}" + "".join(cells))
    lines += ["", f"{'sessions':<23}{'steps/s':>10}{'p50 ms':>10}{'p95 ms':>10}"]
    for name, rate in report["steps_per_second"].items():
        step = report["step_ms_by_sessions"][name]
        lines.append(f"{name:<23}{rate:10.2f}{step['p50']:10}{step['p95']:10}")
    lines += [
        "",
        f"{report['throughput_share_of_floor']:.1%} of the floor's throughput; "
        f"{report['pss_child_mib']} MiB per running child over the server; "
        f"{report['server_start_seconds']} s to start",
        f"measured in {report['seconds']} s on {report['machine']}, "
        f"load {' to '.join(map(str, report['load_before_and_after']))}",
    ]
    return "\n".join(
        lines + [f"left out: {name}: {why}" for name, why in report["left_out"].items()]
    )
