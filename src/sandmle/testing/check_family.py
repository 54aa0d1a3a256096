"""Conformance of a task family: what every entry of the registry must do; add your own by name."""

from __future__ import annotations

import ast
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter

from sandmle.authors.procedural import FAMILIES, Family
from sandmle.core.draft import TaskDraft
from sandmle.core.errors import UsageError
from sandmle.core.seeding import Streams, derive_seed
from sandmle.metrics import METRICS
from sandmle.seeds import TaskDNA, get_seed, seed_ids
from sandmle.verify.checks import battery
from sandmle.verify.context import Context

MAX_SECONDS = 20.0
"""Wall time that one draft may take; far above what is usual, so that a slow machine passes."""
LEAST_RUNGS = 5
LEAST_DOMAINS = 4
LEAST_STORIES = 15
"""Domains, and titles with stories, that a family must show over `DOMAIN_DRAWS` draws."""
DOMAIN_DRAWS = 24
_LIBRARIES = frozenset({"numpy", "pandas", "sklearn", "scipy", "PIL"})


@dataclass(frozen=True)
class FamilyReport:
    """What was measured while a family was held to its contract."""

    draft_seconds: Mapping[int, float]
    """Wall time of one draft by level of difficulty."""
    public_bytes: Mapping[int, int]
    """Size of the public files by level of difficulty."""


def check_family(family: Family | str, *, seed: int = 0) -> FamilyReport:
    """Hold a family to its contract, on drafts of every level of difficulty.

    The same seed must give the same draft and another seed another one; every check of the
    verifier that needs no ladder must pass; no number of the seed is public; the ladder has a
    dummy and at least five rungs with distinct names and scripts that import nothing but the ML
    stack; levels differ; and there are many domains and stories. Scripts are read, not run: what
    they score is the verifier's business.

    Args:
        family: A family, or a name in the registry.
        seed: Root of the seeds of the drafts.

    Returns:
        Times and sizes.

    Raises:
        UsageError: If no family has that name.
        AssertionError: If the family breaks the contract; the message says which part.
    """
    if isinstance(family, str):
        family = FAMILIES.get(family)
    dna = fitting_dna(family)
    _check_facts(family)
    seconds, sizes, skills = {}, {}, []
    for level in range(family.levels):
        start = perf_counter()
        draft = family.draft(dna, derive_seed(seed, level), difficulty=level)
        seconds[level] = perf_counter() - start
        sizes[level] = sum(len(data) for data in draft.public.values())
        skills.append(set(draft.skills))
        again = family.draft(dna, derive_seed(seed, level), difficulty=level)
        _require(draft.content_hash() == again.content_hash(), "the same seed gives another draft")
        other = family.draft(dna, derive_seed(seed, level, "other"), difficulty=level)
        _require(draft.content_hash() != other.content_hash(), "another seed gives the same draft")
        _require(draft.task_id() != other.task_id(), "another seed gives the same public files")
        _check_draft(family, draft, level)
        _check_sizes(family, dna, derive_seed(seed, level), level, draft)
        took = seconds[level]
        _require(took < MAX_SECONDS, f"level {level} took {took:.1f} s; at most {MAX_SECONDS:g}")
    _require(
        all(low < high for low, high in pairwise(skills)),
        f"skills do not grow with difficulty: {[sorted(level) for level in skills]}",
    )
    _check_stories(family, dna, seed)
    return FamilyReport(seconds, sizes)


def fitting_dna(family: Family) -> TaskDNA:
    """Return the DNA of the first seed that the family stands for."""
    return get_seed(next(iter(family.seeds))).dna()


def _check_facts(family: Family) -> None:
    _require(bool(family.seeds), "it stands for no seed")
    dna = fitting_dna(family)
    _require(family.summary.strip() != "", "it has no summary")
    _require(FAMILIES.get(family.name).name == family.name, "it is registered under another name")
    head, _, version = family.name.rpartition("-v")
    plain = head.replace("/", "").replace("_", "").replace("-", "").isalnum()
    _require(
        plain and head.startswith(f"{family.modality}/") and version.isdecimal(),
        f"its name {family.name!r} is not {family.modality}/WORD-vN",
    )
    unknown = set(family.metrics) - set(METRICS.names())
    _require(bool(family.metrics) and not unknown, f"its metrics are unknown: {sorted(unknown)}")
    strangers = set(family.seeds) - set(seed_ids())
    _require(not strangers, f"it stands for what is no seed: {sorted(strangers)}")
    _require(all(map(str.strip, family.seeds.values())), "it leaves nothing out of some seed")
    for level in (-1, family.levels):
        try:
            family.draft(dna, 0, difficulty=level)
        except UsageError:
            continue
        raise AssertionError(f"it makes a draft of level {level}; it must raise UsageError")


def _check_draft(family: Family, draft: TaskDraft, level: int) -> None:
    _require(
        (draft.family, draft.modality, draft.task_type)
        == (family.name, family.modality, family.task_type),
        "family, modality or task type of the draft are not the family's",
    )
    _require(draft.provenance.difficulty == level, "provenance names another difficulty")
    _require(bool(draft.provenance.domain), "provenance names no domain")
    told = {
        "rule": draft.rule,
        "grammar": draft.grammar,
        "defects": draft.defects,
        "skills": draft.skills,
    }
    for part, content in told.items():
        _require(bool(content), f"the draft's {part} is empty")
    _require(
        draft.metric.name in family.metrics, f"metric {draft.metric.name!r} is not the family's"
    )
    _require(all(draft.public.values()), "a public file is empty")
    context = Context(draft)
    for check in battery():
        if check.stage == "draft":
            fault = check.find(context)
            _require(fault is None, "" if fault is None else f"{fault.reason}: {fault.detail}")
    _check_ladder(draft)


def _check_sizes(family: Family, dna: TaskDNA, seed: int, level: int, draft: TaskDraft) -> None:
    larger = family.draft(dna, seed, difficulty=level, train=2.0, test=1.5)
    _require(
        larger.train_rows > draft.train_rows and larger.submission.rows > draft.submission.rows,
        "a draft of more samples is no larger",
    )


def _check_ladder(draft: TaskDraft) -> None:
    names = [rung.name for rung in draft.ladder]
    _require(
        len(names) >= LEAST_RUNGS, f"the ladder has {len(names)} rungs; {LEAST_RUNGS} at least"
    )
    scripts = {rung.script for rung in draft.ladder}
    _require(len(scripts) == len(names), "two rungs are the same script")
    for rung in draft.ladder:
        try:
            tree = ast.parse(rung.script)
        except SyntaxError as exc:
            raise AssertionError(f"script {rung.name!r} is not Python: {exc}") from None
        foreign = _imports(tree) - _LIBRARIES - sys.stdlib_module_names
        _require(not foreign, f"script {rung.name!r} imports {', '.join(sorted(foreign))}")
        for path in ("input/", "submission.csv"):
            _require(path in rung.script, f"script {rung.name!r} does not mention {path}")


def _imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or ".").partition(".")[0])
    return found


def _check_stories(family: Family, dna: TaskDNA, seed: int) -> None:
    designs = [
        family.design(
            dna, Streams(derive_seed(seed, "stories", draw)), difficulty=draw % family.levels
        )
        for draw in range(DOMAIN_DRAWS)
    ]
    domains = {design.domain for design in designs}
    _require(
        len(domains) >= LEAST_DOMAINS,
        f"{DOMAIN_DRAWS} designs are from {len(domains)} domains; {LEAST_DOMAINS} at least",
    )
    told = {(design.title, design.story) for design in designs}
    _require(
        len(told) >= LEAST_STORIES,
        f"{DOMAIN_DRAWS} designs tell {len(told)} stories; {LEAST_STORIES} at least",
    )


def _require(ok: bool, message: str) -> None:
    if not ok:
        raise AssertionError(message)
