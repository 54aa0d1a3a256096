"""The processes that train together: one for each GPU, started by `accelerate launch`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from sandmle.core.errors import UsageError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Crew:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    @classmethod
    def current(cls) -> Crew:
        """Return this process's place, as its launcher has set it; alone where there is none."""
        import torch
        from accelerate import PartialState

        state = PartialState(cpu=not torch.cuda.is_available())
        return cls(state.process_index, state.num_processes)

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes the run's folder."""
        return self.rank == 0

    def share(self, items: Sequence[_T]) -> Sequence[_T]:
        """Return this process's part of items that all of them have.

        Raises:
            UsageError: If they cannot be dealt evenly.
        """
        each, left = divmod(len(items), self.size)
        if left:
            raise UsageError(
                f"{len(items)} tasks of a step cannot be dealt to {self.size} processes; make "
                "tasks_per_step a multiple of them"
            )
        return items[self.rank * each : (self.rank + 1) * each]

    def gathered(self, items: list[_T]) -> list[_T]:
        """Return the items of all processes, in their order, in each of them."""
        if self.size == 1:
            return items
        from accelerate.utils import gather_object

        found: list[_T] = gather_object(items)
        return found

    @contextmanager
    def leader_first(self) -> Iterator[None]:
        """Let the leader through the block before the others."""
        if self.size == 1:
            yield
            return
        from accelerate import PartialState

        with PartialState().main_process_first():
            yield


ALONE = Crew()
"""A process that trains by itself."""
