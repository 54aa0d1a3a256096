"""What training asks of the model that it samples from and changes in between."""

from __future__ import annotations

from typing import Any, Protocol

from sandmle.core.policy import Model


class TrainedModel(Model, Protocol):
    """A model whose weights change between rounds of episodes."""

    sampling_seconds: float
    """Wall time that was spent on sampling so far."""

    def expect(self, episodes: int) -> None:
        """Sample in rounds from now on: all of so many episodes say a turn before any says two."""
        ...

    def ended(self) -> None:
        """Take note that one of the expected episodes has ended."""
        ...

    def attach(self, engine: Any) -> None:
        """Sample from the engine of a trainer, where the model samples by another's."""
        ...

    def forget(self) -> None:
        """Drop whatever was computed with the weights as they were."""
        ...
