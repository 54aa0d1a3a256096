"""The Technical Writer without a model: a competition's page from the facts of a task.

What a reader needs stands in every page: files, columns, metric with formula and direction,
submission format. The verifier reads these pages back, so names of files and columns are always in
backticks, and the submission's head is always the first fenced block under "Submission".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeVar

import numpy as np

from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.csvtext import cell
from sandmle.core.task import Column
from sandmle.metrics import get_metric

T = TypeVar("T")

_HEADINGS = {
    "files": ("Files", "What you are given", "Data files"),
    "columns": ("Columns", "Data fields", "Field guide"),
    "evaluation": ("Evaluation", "How you are scored", "Scoring"),
    "submission": ("Submission", "Submission format", "Submission file"),
    "rules": ("Rules", "Ground rules", "Terms"),
}
_ORDERS = (
    ("files", "columns", "evaluation", "submission"),
    ("files", "columns", "submission", "evaluation"),
    ("evaluation", "files", "columns", "submission"),
)
_RULES = (
    (
        "Learn from the files in `input/` only; there is no network and nothing to download.",
        "All that you may use is in `input/`. There is no network.",
        "The data lie in `input/`. Learn from them alone; nothing can be downloaded.",
    ),
    (
        "Write `submission.csv` into the current directory; a later one replaces an earlier one.",
        "Your answer is the file `submission.csv` in the current directory; the last one counts.",
    ),
    (
        "A file with missing, duplicate or unknown ids, or unreadable values, scores nothing.",
        "Ids that are missing, doubled or unknown, or unreadable values, make a file worthless.",
    ),
)
_SAME = 4
"""Columns in a row that are described alike are named together from the next one on."""


@dataclass(frozen=True)
class _Manner:
    """How one kind of task is spoken of; `{train}`, `{test}` and `{metric}` are filled in."""

    counts: tuple[str, ...]
    openings: tuple[str, ...]
    symbols: str
    """What y and p are in the formula."""
    last_rule: str


_PREDICTION = _Manner(
    counts=(
        "There are {train} training samples and {test} test samples.",
        "Training samples: {train}. Test samples: {test}.",
        "You learn from {train} training samples and predict {test} test samples.",
    ),
    openings=(
        "Submissions are scored by {metric}.",
        "The metric is {metric}.",
        "We compare your predictions with the truth by {metric}.",
    ),
    symbols="y the truth and p your prediction",
    last_rule="The final score is taken on test rows whose answers are kept back.",
)
_MANNERS = {
    "generation": _Manner(
        counts=(
            "There are {train} training samples; you write {test} new ones.",
            "Training samples: {train}. Samples to be written: {test}.",
            "You learn from {train} training samples and write {test} of your own.",
        ),
        openings=(
            "Your samples are compared, as a whole, with others of the source by {metric}.",
            "The metric is {metric}. It looks at all of your samples together.",
        ),
        symbols="y samples of the source that are kept back and p yours",
        last_rule="The final score compares your samples with samples that are kept back.",
    ),
    "offline_rl": _Manner(
        counts=(
            "There are {train} training samples, and {test} test samples to choose for.",
            "Training samples: {train}. Choices to make: {test}.",
        ),
        openings=("Submissions are scored by {metric}.", "The metric is {metric}."),
        symbols="p your choices",
        last_rule="What every choice is really worth is known to the scorer and kept back.",
    ),
}


def describe(
    design: Design, material: Material, evaluation: Evaluation, rng: np.random.Generator
) -> str:
    """Write the page; structure and wording vary with `rng`, the facts do not.

    Args:
        design: Title, story and type are used; the hidden rule is not looked at.
        material: Files and columns.
        evaluation: Metric and submission schema.
        rng: Chooses headings, the order of sections and phrases.
    """
    manner = _MANNERS.get(design.task_type, _PREDICTION)
    headings = {key: _pick(rng, choices) for key, choices in _HEADINGS.items()}
    counts = _pick(rng, manner.counts).format(
        train=material.train_rows, test=evaluation.submission.rows
    )
    sections = {
        "files": _notes(material.files) + "\n\n" + counts,
        "columns": _notes(material.columns),
        "evaluation": _evaluation(evaluation, manner, rng),
        "submission": _submission(evaluation, material, headings, rng),
    }
    parts = [f"# {design.title}", design.story]
    parts += [f"## {headings[key]}\n\n{sections[key]}" for key in _pick(rng, _ORDERS)]
    rules = [_pick(rng, choices) for choices in _RULES] + [manner.last_rule]
    parts.append(f"## {headings['rules']}\n\n" + "\n".join(f"- {rule}" for rule in rules))
    return "\n\n".join(parts) + "\n"


def _pick(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def _notes(notes: Sequence[Note]) -> str:
    return "\n".join(f"- `{note.name}`: {note.text}" for note in notes)


def _evaluation(evaluation: Evaluation, manner: _Manner, rng: np.random.Generator) -> str:
    metric = get_metric(evaluation.metric)
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    title = _pick(rng, ("{title}; {direction}", "{title}: {direction}"))
    named = title.format(title=metric.full_title, direction=direction)
    opening = _pick(rng, manner.openings).format(metric=named)
    return f"{opening}\n\nFormula, with {manner.symbols}: `{metric.formula}`"


def _submission(
    evaluation: Evaluation,
    material: Material,
    headings: Mapping[str, str],
    rng: np.random.Generator,
) -> str:
    schema = evaluation.submission
    head = material.public["sample_submission.csv"].decode().split("\n")[:4]
    opening = _pick(
        rng,
        (
            f"One line for each id ({schema.rows} lines and a header), in any order:",
            f"The file has a header and {schema.rows} rows, one for each id; their order is free:",
            f"A header and {schema.rows} lines, in whatever order, such as:",
        ),
    )
    form = (
        f'text in the form described under "{headings["columns"]}"; '
        "a cell of more than {limit} characters is refused"
    )
    if "actions" in evaluation.metric.params:
        form = f'one of the actions named under "{headings["evaluation"]}"'
    columns = [f"- `{schema.id_column}`: an id of `test.csv`; each comes once"]
    for values, group in groupby(schema.targets, key=lambda column: _values(column, form)):
        names = [f"`{column.name}`" for column in group]
        if len(names) > _SAME and "one of `" not in values:
            columns.append(f"- {names[0]}, {names[1]}, ..., {names[-1]}: each {values}")
        else:
            columns += [f"- {name}: {values}" for name in names]
    return f"{opening}\n\n```\n" + "\n".join(head) + "\n```\n\n" + "\n".join(columns)


def _values(column: Column, form: str) -> str:
    """Say what a column may hold; `form` is said of texts, with the longest as `{limit}`."""
    if column.kind == "label":
        return "one of " + ", ".join(f"`{label}`" for label in column.labels)
    if column.kind == "string":
        return form.format(limit=column.max_length)
    noun = "a whole number" if column.kind == "integer" else "a number"
    if column.low is not None and column.high is not None:
        return f"{noun} from {cell(column.low)} to {cell(column.high)}"
    if column.low is not None:
        return f"{noun} of at least {cell(column.low)}"
    if column.high is not None:
        return f"{noun} of at most {cell(column.high)}"
    return noun
