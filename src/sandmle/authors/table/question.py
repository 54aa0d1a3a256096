"""What is asked about a table: kind of task, metric, form of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sandmle.authors.table.columns import texts
from sandmle.core.errors import UsageError
from sandmle.core.task import Column, MetricSpec, SubmissionSchema
from sandmle.metrics import METRICS, get_metric
from sandmle.seeds.dna import TaskDNA

Answer = Literal["value", "label", "probability", "probabilities", "rating"]
"""A number; a label; the chance of the second label; the chance of each; a whole number."""

_ANSWERS: dict[str, dict[str, Answer]] = {
    "regression": {
        "rmse": "value",
        "mae": "value",
        "rmsle": "value",
        "r2": "value",
        "mape": "value",
        "smape": "value",
        "spearman": "value",
        "pearson": "value",
    },
    "binary_classification": {
        "roc_auc": "probability",
        "log_loss": "probability",
        "accuracy": "label",
        "balanced_accuracy": "label",
        "error_rate": "label",
        "f1": "label",
        "fbeta": "label",
        "f1_macro": "label",
        "mcc": "label",
    },
    "multiclass_classification": {
        "accuracy": "label",
        "balanced_accuracy": "label",
        "error_rate": "label",
        "f1_macro": "label",
        "f1_micro": "label",
        "mcc": "label",
        "log_loss": "probabilities",
        "roc_auc_macro": "probabilities",
        "qwk": "rating",
    },
}
_OF_FAMILY = {
    "rmse": "rmse",
    "rmsle": "rmsle",
    "auc": "roc_auc",
    "accuracy": "accuracy",
    "f1": "f1_macro",
}
_POSITIVE = frozenset({"1", "true", "yes", "y", "t", "positive", "pos", "present", "case"})


@dataclass(frozen=True)
class Question:
    """Kind of task, metric, and how truth and answers are written."""

    task_type: str
    metric: MetricSpec
    answer: Answer
    labels: tuple[str, ...]
    """Classes as they are written, of two the positive one last; empty for a regression."""
    low: float | None
    """Smallest value that may be submitted, where the metric knows one."""

    @property
    def higher_is_better(self) -> bool:
        """Direction of the metric."""
        return get_metric(self.metric).higher_is_better

    def columns(self, target: str) -> tuple[str, ...]:
        """Return the target columns of a submission."""
        if self.answer == "probabilities":
            return tuple(f"{target}_{label}" for label in self.labels)
        return (target,)

    def schema(self, target: str, *, id_column: str, rows: int) -> SubmissionSchema:
        """Return the form of a submission."""
        columns = [self._column(name) for name in self.columns(target)]
        return SubmissionSchema(id_column=id_column, targets=tuple(columns), rows=rows)

    def _column(self, name: str) -> Column:
        if self.answer == "label":
            return Column(name=name, kind="label", labels=self.labels)
        if self.answer == "rating":
            ratings = [int(label) for label in self.labels]
            return Column(name=name, kind="integer", low=min(ratings), high=max(ratings))
        if self.answer == "value":
            return Column(name=name, kind="number", low=self.low)
        return Column(name=name, kind="number", low=0.0, high=1.0)

    def truth(self, target: str, values: NDArray[Any]) -> dict[str, Sequence[str]]:
        """Write target values as a perfect submission has them, by submission column."""
        written = texts(values)
        if self.answer == "probability":
            return {target: ["1" if text == self.labels[1] else "0" for text in written]}
        if self.answer == "probabilities":
            names = self.columns(target)
            return {
                name: ["1" if text == label else "0" for text in written]
                for name, label in zip(names, self.labels, strict=True)
            }
        return {target: written}

    def shown(self, values: NDArray[Any]) -> Sequence[str]:
        """Write target values as the training file has them."""
        return self.truth("", values)[""] if self.answer == "probability" else texts(values)


def ask(
    dna: TaskDNA,
    values: NDArray[Any],
    *,
    target: str,
    metric: str | None = None,
    positive: str | None = None,
) -> Question:
    """Decide metric and answers.

    Args:
        dna: Kind of task and the family of the default metric.
        values: The target, floats or texts, nothing missing, shape (rows,).
        target: Name of the target, for messages.
        metric: Takes the place of the default.
        positive: The class whose probability or F1 is asked for. Default: what reads like "yes",
            else the rarer one.

    Raises:
        UsageError: If the metric is unknown or does not fit the kind of task or the values, or
            `positive` is no class.
    """
    fitting = _ANSWERS[dna.task_type]
    name = metric or _OF_FAMILY[dna.metric_family]
    if name not in fitting:
        METRICS.get(name)
        raise _misfit(name, f"does not fit a {dna.task_type.replace('_', ' ')} task", fitting)
    labels = () if dna.task_type == "regression" else _labels(values, target, positive)
    return Question(
        task_type=dna.task_type,
        metric=_spec(name, labels),
        answer=fitting[name],
        labels=labels,
        low=_checked_low(name, values, labels, fitting, target=target),
    )


def _spec(name: str, labels: Sequence[str]) -> MetricSpec:
    if name in {"f1", "fbeta"}:
        return MetricSpec(name=name, params={"pos_label": labels[1]})
    return MetricSpec(name=name)


def _checked_low(
    name: str,
    values: NDArray[Any],
    labels: Sequence[str],
    fitting: Mapping[str, Answer],
    *,
    target: str,
) -> float | None:
    """Hold the target against the metric's domain; return the smallest value to submit."""
    if name == "rmsle":
        if values.min() < 0:
            what = f"needs a target of at least 0, but {target!r} goes down to {values.min():g}"
            raise _misfit(name, what, [n for n in fitting if n != name])
        return 0.0
    if name == "mape" and (values == 0).any():
        what = f"needs a target without zeros, but {int((values == 0).sum())} rows have 0"
        raise _misfit(name, what, [n for n in fitting if n != name])
    if name == "qwk" and not all(label.lstrip("-").isdecimal() for label in labels):
        what = f"needs classes that are whole numbers, but {target!r} has {labels[0]!r}"
        raise _misfit(name, what, [n for n in fitting if n != name])
    return None


def _misfit(name: str, what: str, fitting: Sequence[str] | Mapping[str, Answer]) -> UsageError:
    return UsageError(f"metric {name!r} {what}; fitting: {', '.join(sorted(fitting))}")


def _labels(values: NDArray[Any], target: str, positive: str | None) -> tuple[str, ...]:
    distinct, counts = np.unique(values, return_counts=True)
    labels = texts(distinct)
    if positive is not None and (positive not in labels or len(labels) != 2):
        listed = ", ".join(repr(label) for label in labels)
        raise UsageError(
            f"{positive!r} cannot be the positive class of {target!r}, whose classes are {listed}; "
            "one of exactly two can"
        )
    if len(labels) != 2:
        return tuple(labels)
    chosen = positive or _positive(labels, counts)
    return (next(label for label in labels if label != chosen), chosen)


def _positive(labels: Sequence[str], counts: NDArray[np.int64]) -> str:
    named = [label for label in labels if label.lower() in _POSITIVE]
    if len(named) == 1:
        return named[0]
    return labels[0] if counts[0] < counts[1] else labels[1]
