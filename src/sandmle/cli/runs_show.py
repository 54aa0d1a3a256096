"""What `sandmle runs show` says of a run."""

from __future__ import annotations

from collections.abc import Mapping

from sandmle.cli._console import out, say_table
from sandmle.cli.run_progress import short
from sandmle.cli.run_show import say_flags
from sandmle.core.errors import UsageError
from sandmle.rollout import RunSettings
from sandmle.rollout.run_dir import RunDir
from sandmle.view.flags import canaries
from sandmle.view.run_facts import GroupFacts, RunFacts, run_facts


def planned(run_dir: RunDir) -> int | None:
    """Return how many episodes the run is to have; None where its tasks are not there."""
    try:
        return len(run_dir.tasks()) * run_dir.settings.group_size
    except UsageError:
        return None


def state_of(run_dir: RunDir) -> str:
    """Say in a word how far a run is: running, finished, unfinished, or unknown."""
    if run_dir.being_written:
        return "running"
    whole = planned(run_dir)
    if whole is None:
        return "unknown"
    return "finished" if run_dir.count() >= whole else "unfinished"


def facts_of(run_dir: RunDir) -> RunFacts:
    """Count a run's episodes; canaries are known as long as its tasks are there."""
    try:
        found = canaries(run_dir.tasks())
    except UsageError:
        found = frozenset()
    return run_facts(run_dir.log, canary_ids=found)


def say_facts(run_dir: RunDir, facts: RunFacts) -> None:
    """Print a run's facts for people."""
    whole = planned(run_dir)
    total = facts.total
    lines = {
        "run": f"{run_dir.path} ({state_of(run_dir)})",
        "settings": _changed(run_dir.settings),
        "episodes": f"{total.episodes} of {whole or '? (its tasks are not where they were)'}, "
        f"{total.masked} masked, {facts.retried} started more than once",
        "medals": _counts(total.medals),
        "reward": _number(total.mean_reward),
        "stopped by": _counts(facts.stop_reasons),
        "masked by": _counts(facts.masked),
        "time": _times(facts),
        "tokens": f"{short(facts.usage.prompt_tokens)} read ({short(facts.usage.cached_tokens)} "
        f"from a cache), {short(facts.usage.completion_tokens)} written",
        "cost": f"${facts.usage.dollars:.4f}",
        "attempts to leave the sandbox": _attempts(facts),
        "canaries": f"{facts.canary_episodes} episodes, {len(facts.flags)} with a medal"
        if facts.canary_episodes
        else "none played",
    }
    for name, text in lines.items():
        out.print(f"{name}: {text}", markup=False, soft_wrap=True)
    for boundary, failure in facts.failures.items():
        out.print(
            f"failures of {boundary}: {failure.episodes}, the last one {failure.error}: "
            f"{failure.message}",
            markup=False,
            soft_wrap=True,
        )
    _table("family", facts.families)
    _table("task", facts.tasks)
    say_flags(facts.flags)


def _table(kind: str, groups: Mapping[str, GroupFacts]) -> None:
    if groups:
        say_table(
            (kind, "episodes", "masked", "gold", "silver", "bronze", "none", "reward"),
            [
                (name, group.episodes, group.masked, *group.medals.values(),
                 _number(group.mean_reward))
                for name, group in groups.items()
            ],
        )  # fmt: skip


def _changed(settings: RunSettings) -> str:
    always = ("tasks", "scaffold", "policy", "sandbox", "group_size")
    standard = RunSettings()
    return ", ".join(
        f"{name} {value}"
        for name, value in settings
        if name in always or value != getattr(standard, name)
    )


def _times(facts: RunFacts) -> str:
    known = facts.timings.model_dump()
    whole = sum(known.values())
    parts = ", ".join(
        f"{name} {seconds:.1f} s ({seconds / whole:.0%})" if whole else name
        for name, seconds in known.items()
    )
    return f"{facts.seconds:.1f} s in all: {parts}"


def _attempts(facts: RunFacts) -> str:
    if facts.attempts is None:
        return "not counted by this sandbox"
    if not facts.attempts:
        return "none"
    return f"{_counts(facts.attempts)}; in {facts.attempting} episodes"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
