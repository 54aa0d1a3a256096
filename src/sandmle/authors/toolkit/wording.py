"""The Technical Writer without a model: a competition's page from the facts of a task.

What a reader needs stands in every page: files, columns, metric with formula and direction,
submission format. The verifier reads these pages back, so names of files and columns are always in
backticks, and the submission's head is always the first fenced block under "Submission".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sandmle.authors.roles import Design, Evaluation, Material, Note
from sandmle.authors.toolkit.csvtext import cell
from sandmle.core.task import Column, SubmissionSchema
from sandmle.metrics import get_metric

_HEADINGS = {
    "files": ("Files", "What you are given", "Data files"),
    "columns": ("Columns", "Data fields", "Field guide"),
    "evaluation": ("Evaluation", "How you are scored", "Scoring"),
    "submission": ("Submission", "Submission format", "Submission file"),
    "rules": ("Rules", "Ground rules", "Terms"),
}
_RULES = (
    "Learn from the files in `input/` only; there is no network and nothing to download.",
    "Write `submission.csv` into the current directory; a later one replaces an earlier one.",
    "A file with missing, duplicate or unknown ids, or unreadable values, scores nothing.",
    "The final score is taken on test rows whose answers are kept back.",
)


def describe(
    design: Design, material: Material, evaluation: Evaluation, rng: np.random.Generator
) -> str:
    """Write the page; structure and wording vary with `rng`, the facts do not.

    Args:
        design: Title and story are used; the hidden rule is not looked at.
        material: Files and columns.
        evaluation: Metric and submission schema.
        rng: Chooses headings, the order of sections and phrases.
    """
    sections = {
        "files": _notes(material.files) + "\n\n" + _counts(material, evaluation, rng),
        "columns": _notes(material.columns),
        "evaluation": _evaluation(evaluation, rng),
        "submission": _submission(evaluation.submission, material, rng),
    }
    order = ["files", "columns", "evaluation", "submission"]
    if rng.random() < 0.4:
        order = ["evaluation", "files", "columns", "submission"]
    parts = [f"# {design.title}", design.story]
    parts += [f"## {_pick(rng, _HEADINGS[key])}\n\n{sections[key]}" for key in order]
    rules = "\n".join(f"- {rule}" for rule in _RULES)
    parts.append(f"## {_pick(rng, _HEADINGS['rules'])}\n\n{rules}")
    return "\n\n".join(parts) + "\n"


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _notes(notes: Sequence[Note]) -> str:
    return "\n".join(f"- `{note.name}`: {note.text}" for note in notes)


def _counts(material: Material, evaluation: Evaluation, rng: np.random.Generator) -> str:
    train, test = material.train_rows, evaluation.submission.rows
    return _pick(
        rng,
        (
            f"There are {train} labelled training samples and {test} test samples.",
            f"Training samples: {train}. Test samples: {test}.",
            f"You learn from {train} training samples and predict {test} test samples.",
        ),
    )


def _evaluation(evaluation: Evaluation, rng: np.random.Generator) -> str:
    metric = get_metric(evaluation.metric)
    direction = "higher is better" if metric.higher_is_better else "lower is better"
    opening = _pick(
        rng,
        (
            f"Submissions are scored by {metric.full_title} ({direction}).",
            f"The metric is {metric.full_title}; {direction}.",
            f"We compare your predictions with the truth by {metric.full_title}: {direction}.",
        ),
    )
    return f"{opening}\n\nFormula, with y the truth and p your prediction: `{metric.formula}`"


def _submission(schema: SubmissionSchema, material: Material, rng: np.random.Generator) -> str:
    head = material.public["sample_submission.csv"].decode().split("\n")[:4]
    opening = _pick(
        rng,
        (
            f"One line per test sample ({schema.rows} lines and a header), in any order:",
            f"The file has a header and {schema.rows} rows, one for each id; their order is free:",
        ),
    )
    columns = "\n".join(
        [f"- `{schema.id_column}`: the id of a test sample", *map(_column, schema.targets)]
    )
    return f"{opening}\n\n```\n" + "\n".join(head) + f"\n```\n\n{columns}"


def _column(column: Column) -> str:
    return f"- `{column.name}`: {_values(column)}"


def _values(column: Column) -> str:
    if column.kind == "label":
        return "one of " + ", ".join(f"`{label}`" for label in column.labels)
    if column.kind == "string":
        return f"text of at most {column.max_length} characters"
    noun = "a whole number" if column.kind == "integer" else "a number"
    if column.low is not None and column.high is not None:
        return f"{noun} from {cell(column.low)} to {cell(column.high)}"
    if column.low is not None:
        return f"{noun} of at least {cell(column.low)}"
    if column.high is not None:
        return f"{noun} of at most {cell(column.high)}"
    return noun
