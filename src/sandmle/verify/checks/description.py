"""Check 12: the description says what the files are, and nothing of the hidden rule.

It relies on what every author's page has: names in backticks, one bullet per file and column
(`- name: text`, the name in backticks), and the head of a submission as the first fenced block
under a heading with the word "submission".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from sandmle.verify.checks import CHECKS
from sandmle.verify.checks._base import Check, Fault
from sandmle.verify.context import Context

_QUOTED = re.compile(r"`([^`\n]+)`")
_BULLET = re.compile(r"^[-*] `([^`\n]+)`:(.*)$", re.MULTILINE)
_HEAD = re.compile(r"^#+[^\n]*submission[^\n]*\n.*?^```[^\n]*\n([^\n]*)\n", re.M | re.S | re.I)
_DIRECTIONS = ("lower is better", "higher is better")


class Description(Check):
    """Files, columns, counts, metric, direction, labels and header are as described."""

    name = "description"
    number = 12
    reasons = (
        "description.unknown_name",
        "description.unnamed_file",
        "description.unnamed_column",
        "description.counts",
        "description.metric",
        "description.direction",
        "description.labels",
        "description.header",
        "description.rule",
    )
    summary = (
        "every file and column is named and every bullet names one that exists; counts, metric, "
        "direction, labels and header agree with the data; no name from the hidden rule"
    )

    def find(self, context: Context) -> Fault | None:
        """Read the page back."""
        return next(_faults(context), None)


def _faults(context: Context) -> Iterator[Fault]:
    text = context.draft.description
    # a fenced block holds no inline code; its backticks would pair up with those of the prose
    prose = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    quoted = set(_QUOTED.findall(prose))
    yield from _name_faults(context, quoted, dict(_BULLET.findall(prose)))
    yield from _fact_faults(context, text)
    yield from _label_faults(context, prose)
    yield from _leak_faults(context, text)


def _name_faults(context: Context, quoted: set[str], bullets: dict[str, str]) -> Iterator[Fault]:
    files = [path for path in context.draft.public if path != "description.md"]
    header = context.draft.submission.header
    columns = {name for table in context.data.tables.values() for name in table.columns}
    for name in bullets:
        known = _matches(name, [*files, *columns, *header, "description.md"])
        folder = name.endswith("/") and any(path.startswith(name) for path in files)
        if not known and not folder:
            yield Fault("description.unknown_name", f"`{name}` is no public file or column")
    folders = [name for name in quoted if name.endswith("/")]
    for path in files:
        if path not in quoted and not any(path.startswith(folder) for folder in folders):
            yield Fault("description.unnamed_file", f"file {path} is not described")
    patterns = [name for name in quoted if "*" in name]
    for name in sorted(columns):
        if name not in quoted and not any(fnmatchcase(name, pattern) for pattern in patterns):
            yield Fault("description.unnamed_column", f"column {name!r} is not described")


def _matches(name: str, known: Iterable[str]) -> bool:
    return any(name == other or ("*" in name and fnmatchcase(other, name)) for other in known)


def _fact_faults(context: Context, text: str) -> Iterator[Fault]:
    draft, metric = context.draft, context.metric
    numbers = {int(number.replace(",", "")) for number in re.findall(r"(?<![\w.,])\d[\d,]*", text)}
    for what, count in (("training samples", draft.train_rows), ("rows", draft.submission.rows)):
        if count not in numbers:
            yield Fault("description.counts", f"the number of {what}, {count}, is not stated")
    low = text.lower()
    if metric.title.lower() not in low:
        yield Fault("description.metric", f"the metric, {metric.title}, is not named")
    right = _DIRECTIONS[metric.higher_is_better]
    wrong = _DIRECTIONS[not metric.higher_is_better]
    if right not in low or wrong in low:
        yield Fault("description.direction", f"the page does not say {right!r}, or the opposite")
    head = _HEAD.search(text)
    wanted = ",".join(draft.submission.header)
    if head is None or head[1].strip() != wanted:
        found = "no head of a submission" if head is None else repr(head[1])
        yield Fault("description.header", f"found {found}; a submission has {wanted!r}")


def _label_faults(context: Context, prose: str) -> Iterator[Fault]:
    lines = _BULLET.findall(prose)
    for column in context.draft.submission.targets:
        if not column.labels:
            continue
        listed = [set(_QUOTED.findall(rest)) for name, rest in lines if name == column.name]
        if not any(labels == set(column.labels) for labels in listed):
            yield Fault(
                "description.labels", f"no bullet of `{column.name}` lists exactly its labels"
            )


def _leak_faults(context: Context, text: str) -> Iterator[Fault]:
    draft = context.draft
    public = {name for table in context.data.tables.values() for name in table.columns}
    public |= set(draft.submission.header) | set(draft.public)
    secret = {name for name in (*_keys(draft.rule), *draft.skills) if "_" in name} - public
    words = set(re.findall(r"\w+", text))
    if secret & words:
        yield Fault("description.rule", f"{min(secret & words)!r} is a name of the hidden rule")
    for trap in draft.traps:
        if trap.why and trap.why.lower() in text.lower():
            yield Fault("description.rule", f"the page says why {trap.column!r} is a trap")


def _keys(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _keys(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _keys(inner)


CHECKS.register(Description.name)(Description())
