"""What the checks of a sandbox share: small limits, an input, and how a check fails."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sandmle.core.execution import Execution, Sandbox
from sandmle.core.task import Limits

Check = Callable[[Sandbox], None]

LIMITS = Limits(step_seconds=20, memory_mib=768, disk_mib=16, processes=24, output_bytes=4_000)
"""Limits of the checks: small, so that reaching them is quick."""

INPUT = {"train.csv": b"id,y\n1,2\n", "images/a.txt": b"pixel"}

SECRET = "planted-3f9a-secret"  # noqa: S105 - planted to be looked for


class Checks(dict[str, Check]):
    """Checks by name, in the order of their definition."""

    def add(self, check: Check) -> Check:
        """Enter a check by its name; a decorator."""
        self[check.__name__] = check
        return check


def run(sandbox: Sandbox, code: str) -> Execution:
    """Run code, indented or not, in a session of its own."""
    with sandbox.open(INPUT, LIMITS) as session:
        return session.run(textwrap.dedent(code))


@contextmanager
def secret_in_environment() -> Iterator[None]:
    """Plant `SECRET` in this process's environment for a while."""
    os.environ["SANDMLE_CHECK_KEY"] = SECRET
    try:
        yield
    finally:
        del os.environ["SANDMLE_CHECK_KEY"]


def refuses(error: type[Exception], call: Callable[[], object]) -> None:
    """Fail unless `call` raises `error`."""
    try:
        answer = call()
    except error:
        return
    raise AssertionError(f"{error.__name__} was due, but the answer is {answer!r:.200}")


def require(ok: bool, found: Execution | str) -> None:
    """Fail with what was found unless `ok`."""
    if not ok:
        raise AssertionError(str(found)[:2_000])
