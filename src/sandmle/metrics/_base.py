"""What every metric is: a direction, a best value, a formula, and a checked call."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
"""Floats, or an object array of Python strings for labels, texts, rankings and masks."""


class BadPrediction(ValueError):
    """Predictions that the metric cannot take; a sentence for the agent.

    A plain `ValueError` blames the answers or the caller instead.
    """

    def __init__(self, message: str, *, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row
        """Index of the first such row, where it is one row's fault."""


@dataclass(frozen=True)
class Metric(ABC):
    """A score of predictions against answers; a metric's parameters are its dataclass fields.

    Answers have the same columns as a submission: one column per class, one-hot, where a submission
    gives one probability per class.
    """

    name: ClassVar[str]
    """Name in the registry, the same as the module's."""
    title: ClassVar[str]
    """Name in words: "root mean squared error"."""
    formula: ClassVar[str]
    """Formula on one line, in plain text, with y for answers and p for predictions."""
    higher_is_better: ClassVar[bool]
    best: ClassVar[float]
    """Score of a perfect submission."""
    exact: ClassVar[bool] = True
    """Whether `perfect` scores `best` itself; a score of whole samples may only come near it."""
    values: ClassVar[Literal["number", "label", "string"]] = "number"
    """What the columns hold: floats, labels (strings), or texts to be parsed."""
    columns: ClassVar[Literal["one", "many", "any"]] = "one"
    """How many target columns it takes: exactly one, two or more, or any number."""
    needs_groups: ClassVar[bool] = False
    """Whether rows belong to groups (queries) that the caller names."""
    sample_params: ClassVar[Mapping[str, Any]] = {}
    """Parameters to try the metric with, where it has some without a default."""

    @property
    def full_title(self) -> str:
        """The title with the parameters: "mean average precision at k (MAP@k) with k = 5"."""
        params = [
            f"{field.name.replace('pos_label', 'positive label')} = "
            f"{_shown(getattr(self, field.name))}"
            for field in fields(self)
        ]
        return f"{self.title} with {', '.join(params)}" if params else self.title

    def __call__(self, y_true: Values, y_pred: Values, *, groups: Values | None = None) -> float:
        """Score predictions; inputs stay unchanged and the order of rows does not matter.

        Args:
            y_true: Answers, shape (n,) or (n, k); floats or strings, by `values`.
            y_pred: Predictions of the same shape, rows aligned with the answers.
            groups: Group of each row, shape (n,), where `needs_groups`.

        Returns:
            A finite number.

        Raises:
            BadPrediction: If a prediction is NaN, infinite or nothing that the formula takes, or
                if the score overflows.
            ValueError: If shapes differ, there is no row, or the answers themselves admit no
                score (one class only, a constant target).
        """
        true = self._prepare(y_true, ValueError, "answers")
        pred = self._prepare(y_pred, BadPrediction, "predictions")
        if true.shape != pred.shape:
            raise ValueError(f"answers have shape {true.shape}, predictions {pred.shape}")
        if self.needs_groups and (groups is None or len(groups) != len(true)):
            raise ValueError(f"{self.name} needs the group of each of the {len(true)} rows")
        self._accept(pred)
        named = None if groups is None else np.asarray(groups)
        with np.errstate(all="ignore"):
            score = float(self.score(true, pred, named))
        if not math.isfinite(score):
            raise BadPrediction(
                f"the {self.title} of these predictions is not a finite number; "
                "submit values of the size that the answers can have"
            )
        return score

    def perfect(self, y_true: Values) -> Values:
        """Return the submission that these answers deserve, of the same shape.

        It is the answers themselves, but for metrics whose answers hold more than a submission
        does, such as the value of every action.
        """
        return y_true

    def check(self, y_pred: Values) -> None:
        """Refuse predictions that the formula cannot take, whatever the answers are.

        Raises:
            BadPrediction: As in `__call__`.
        """
        self._accept(self._prepare(y_pred, BadPrediction, "predictions"))

    @abstractmethod
    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score checked input: (n,) where `columns` is "one", else (n, k); see `__call__`."""

    def example(self, rng: np.random.Generator, rows: int) -> tuple[Values, Values]:
        """Draw answers and imperfect predictions of the kind that the metric takes.

        The conformance suite scores them; a metric of other values than plain numbers or labels
        overrides this.
        """
        shape = (rows, 3) if self.columns == "many" else (rows,)
        if self.values == "number":
            true = rng.normal(10.0, 2.0, shape)
            return true, true + rng.normal(0.0, 1.0, shape)
        true, pred = rng.integers(0, 2, (2, *shape))
        true[0], true[1], pred[0] = 0, 1, 1
        return true.astype(str).astype(object), pred.astype(str).astype(object)

    def _accept(self, y_pred: Values) -> None:  # noqa: B027 - most formulas take every number
        """Raise `BadPrediction` for predictions outside the formula's domain."""

    def _prepare(self, values: Values, error: type[ValueError], what: str) -> Values:
        """Return floats or object strings of shape (n,) or (n, k), free of NaN and infinity."""
        array = _floats(values) if self.values == "number" else _texts(values, error)
        if array.ndim not in (1, 2) or len(array) == 0:
            raise ValueError(f"{self.name} takes shape (n,) or (n, k), n > 0, not {array.shape}")
        width = 1 if array.ndim == 1 else array.shape[1]
        if width == 0 or (self.columns != "any" and (self.columns == "one") != (width == 1)):
            raise ValueError(f"{self.name} takes {self.columns} target columns, not {width}")
        if self.values == "number" and not np.isfinite(array).all():
            raise error(f"{self.name} takes finite numbers only; the {what} hold NaN or infinity")
        return array.reshape(-1) if self.columns == "one" else array.reshape(len(array), width)


class RowMean(Metric):
    """A metric whose score is the mean of what each row scores by itself."""

    @abstractmethod
    def rows(self, y_true: Values, y_pred: Values) -> Values:
        """Score each row of checked input, shape (n,)."""

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Return the mean over the rows."""
        return float(np.mean(self.rows(y_true, y_pred)))

    def by_row(self, y_true: Values, y_pred: Values) -> Values:
        """Return the score of each row, shape (n,): what a bootstrap averages over its draws.

        Raises:
            BadPrediction: As in `__call__`.
            ValueError: As in `__call__`.
        """
        self(y_true, y_pred)
        return self.rows(
            self._prepare(y_true, ValueError, "answers"),
            self._prepare(y_pred, BadPrediction, "predictions"),
        )


class FeatureMeans(Metric):
    """A metric that compares whole samples by the means of what each row has of some features."""

    @abstractmethod
    def features(self, y_true: Values, y_pred: Values) -> tuple[Values, Values]:
        """Describe each row of checked answers and of predictions by numbers, shapes (n, f)."""

    @abstractmethod
    def of_means(self, true: Values, pred: Values, *, rows: int) -> float:
        """Score the means of the features over `rows` rows, shapes (f,)."""

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Score the means over all rows."""
        true, pred = self.features(y_true, y_pred)
        return self.of_means(true.mean(axis=0), pred.mean(axis=0), rows=len(true))

    def weighted(self, y_true: Values, y_pred: Values, shares: Values) -> Values:
        """Score resamples of the same rows, looking at each row once only.

        Args:
            y_true: As in `__call__`.
            y_pred: As in `__call__`.
            shares: How often each row was drawn, as a share of n: shape (resamples, n).

        Returns:
            Scores, shape (resamples,).

        Raises:
            BadPrediction: As in `__call__`.
            ValueError: As in `__call__`.
        """
        self(y_true, y_pred)
        true, pred = self.features(
            self._prepare(y_true, ValueError, "answers"),
            self._prepare(y_pred, BadPrediction, "predictions"),
        )
        means = zip(shares @ true, shares @ pred, strict=True)
        return np.array([self.of_means(a, b, rows=len(true)) for a, b in means])


class GroupMean(Metric):
    """A metric whose score is the mean of what each group of rows scores by itself."""

    needs_groups = True

    @abstractmethod
    def per_group(self, y_true: Values, y_pred: Values, groups: Values) -> Values:
        """Score each group of checked input, shape (g,), in the order of their sorted names.

        NaN: the group's answers admit no score, and it does not count.
        """

    def score(self, y_true: Values, y_pred: Values, groups: Values | None) -> float:
        """Return the mean over the groups that count."""
        scores = self.per_group(y_true, y_pred, np.asarray(groups))
        if np.isnan(scores).all():
            raise ValueError(f"the answers of no group admit a score by {self.name}")
        return float(np.nanmean(scores))

    def by_group(self, y_true: Values, y_pred: Values, groups: Values) -> Values:
        """Return the score of each group, as `per_group`, for a bootstrap to average.

        Raises:
            BadPrediction: As in `__call__`.
            ValueError: As in `__call__`.
        """
        self(y_true, y_pred, groups=groups)
        return self.per_group(
            self._prepare(y_true, ValueError, "answers"),
            self._prepare(y_pred, BadPrediction, "predictions"),
            np.asarray(groups),
        )


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(_shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _floats(values: Values) -> Values:
    return np.asarray(values, dtype=np.float64)


def _texts(values: Values, error: type[ValueError]) -> Values:
    array = np.asarray(values)
    if array.dtype.kind == "U":
        return array.astype(object)

    def text(value: object) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, float | np.floating) and value == value:
            # one spelling for 1 and 1.0, so that an integer column serves as labels
            return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
        if isinstance(value, int | np.integer):
            return str(int(value))
        raise error(f"a label or text is missing or of the wrong kind: {value!r}")

    return np.asarray(np.frompyfunc(text, 1, 1)(array.astype(object)), dtype=object)
