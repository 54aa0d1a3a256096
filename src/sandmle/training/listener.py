"""Who is told how a training run goes on."""

from __future__ import annotations

from typing import Protocol

from sandmle.training.metrics_log import EvaluationMetrics, StepMetrics


class Listener(Protocol):
    """Shows a run while it goes on."""

    def said(self, text: str) -> None:
        """Take note of what is done next, in a few words."""
        ...

    def stepped(self, metrics: StepMetrics) -> None:
        """Take note of a step."""
        ...

    def evaluated(self, metrics: EvaluationMetrics) -> None:
        """Take note of an evaluation."""
        ...
