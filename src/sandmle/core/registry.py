"""Plug-ins by name: a new file in a registry's package is a new entry, nothing else is edited."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from sandmle.core.errors import unknown

T = TypeVar("T")


class Registry(Generic[T]):
    """Named entries that the modules of one package register when they are imported.

    Args:
        kind: What an entry is, for messages: "metric".
        package: Dotted name of the package whose modules hold the entries. It is searched at the
            first look-up, not at import, so that `import sandmle` stays cheap.
    """

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self._package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator that enters its argument as `name` and gives it back unchanged.

        Raises:
            ValueError: If `name` is taken by another entry.
        """

        def enter(entry: T) -> T:
            if self._entries.setdefault(name, entry) is not entry:
                raise ValueError(f"{self.kind} {name!r} is registered twice; choose another name")
            return entry

        return enter

    def get(self, name: str) -> T:
        """Return the entry called `name`.

        Raises:
            UsageError: If there is none; the message offers the nearest name.
        """
        self._discover()
        try:
            return self._entries[name]
        except KeyError:
            raise unknown(self.kind, name, self._entries) from None

    def names(self) -> list[str]:
        """Return all names, sorted."""
        self._discover()
        return sorted(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def _discover(self) -> None:
        if self._discovered:
            return
        package = importlib.import_module(self._package)
        for module in pkgutil.iter_modules(package.__path__):
            if not module.name.startswith("_"):
                importlib.import_module(f"{self._package}.{module.name}")
        self._discovered = True
