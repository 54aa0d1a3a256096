"""The weak targets: nothing around the code, or a sandbox with one of its layers left out.

Here each attack must win; otherwise it would prove nothing that a sandbox stops it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import Any

import pytest
from _plain import PlainSandbox
from _planted import Planted

from sandmle.core.execution import Sandbox
from sandmle.sandbox.cold import ColdSandbox
from sandmle.sandbox.warm import WarmSandbox

_COLD_LAYERS: dict[str, tuple[str, int]] = {
    "network": ("--unshare-net", 0),
    "seccomp": ("--seccomp", 1),
    "nesting": ("--disable-userns", 0),
    "uts": ("--hostname", 1),
}
"""The words of bubblewrap that make a layer, and how many follow that belong to it."""


class ColdWithout(ColdSandbox):
    """`cold` without some of its layers.

    Args:
        layers: Their names.
    """

    def __init__(self, layers: frozenset[str]) -> None:
        super().__init__()
        self._layers = layers
        # It would rightly refuse to work.
        self._verified = True

    @cached_property
    def _settings(self) -> dict[str, Any]:
        settings = dict(super()._settings)
        words = list(settings["arguments"])
        for layer in self._layers:
            word, more = _COLD_LAYERS[layer]
            at = words.index(word)
            del words[at : at + 1 + more]
        return settings | {"arguments": words}


def _warm_without(layers: frozenset[str]) -> WarmSandbox:
    omitting = type("WarmWithout", (WarmSandbox,), {"_omitted": layers})
    made: WarmSandbox = omitting(slots=2, preload=())
    return made


_PLAIN: dict[str, Callable[[Planted], Sandbox]] = {
    "plain": PlainSandbox,
    "plain as root": partial(PlainSandbox, as_root=True),
    "plain as root on a terminal": partial(PlainSandbox, as_root=True, mode="terminal"),
    "one interpreter": partial(PlainSandbox, mode="interpreter"),
    "bare fork": partial(PlainSandbox, mode="fork"),
}
_WITHOUT: dict[str, Callable[[frozenset[str]], Sandbox]] = {
    "cold": ColdWithout,
    "warm": _warm_without,
}


class WeakTargets:
    """Makes weak targets by name: one of `_PLAIN`, or "BACKEND without LAYER, LAYER".

    Args:
        planted: What there is to find in those without a sandbox.
    """

    def __init__(self, planted: Planted) -> None:
        self._planted = planted
        self._kept: dict[str, Sandbox] = {}

    @contextlib.contextmanager
    def get(self, name: str) -> Iterator[Sandbox]:
        """Give a target; one that attacks break is new each time."""
        if " as root" in name and os.geteuid() != 0:
            pytest.skip("what only root can do cannot be shown to succeed")
        if name in _PLAIN:
            with _PLAIN[name](self._planted) as sandbox:
                yield sandbox
            return
        if name not in self._kept:
            backend, _, layers = name.partition(" without ")
            self._kept[name] = _WITHOUT[backend](frozenset(layers.split(", ")))
        yield self._kept[name]

    def close(self) -> None:
        """Close those that were kept."""
        for sandbox in self._kept.values():
            sandbox.close()
