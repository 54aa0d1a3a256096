"""What a run that goes on adds to the memory of a sandbox."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from _processes import Family, find_family
from _sandbox_scripts import held_still
from sandmle.core.execution import Sandbox
from sandmle.core.task import Limits
from sandmle.sandbox._environment import usable_cores

_HOLD_SECONDS = 60.0
_SETTLE_SECONDS = 1.0


def pss_per_child_mib(
    sandbox: Sandbox, host: int, code: str, files: Mapping[str, bytes]
) -> float | None:
    """Return by how much a script that holds still after its work adds to the whole sandbox.

    Args:
        sandbox: With a slot per core.
        host: Its host process.
        code: The script.
        files: The task's public files.

    Returns:
        MiB of physical memory per run, a page that is shared counted once; None where this user
        may not look at the processes.
    """
    runs = usable_cores()
    time.sleep(_SETTLE_SECONDS)
    try:
        before = find_family(host).pss_mib()
        threads = [threading.Thread(target=_hold, args=(sandbox, code, files)) for _ in range(runs)]
        for thread in threads:
            thread.start()
        held = _wait_until_held(host, runs)
        # Others have taken their places in the pool, as before.
        time.sleep(_SETTLE_SECONDS)
        after = find_family(host).pss_mib()
    except PermissionError:
        return None
    for pid in held:
        os.kill(pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    return (after - before) / runs


def _hold(sandbox: Sandbox, code: str, files: Mapping[str, bytes]) -> None:
    with sandbox.open(files, Limits()) as session:
        session.run(held_still(code), timeout_seconds=_HOLD_SECONDS)


def _wait_until_held(host: int, runs: int) -> list[int]:
    give_up = time.monotonic() + _HOLD_SECONDS
    while time.monotonic() < give_up:
        held = [pid for pid in _children(find_family(host)) if _holds(pid)]
        if len(held) == runs:
            return held
        time.sleep(0.05)
    raise TimeoutError(f"no {runs} scripts hold still after {_HOLD_SECONDS:.0f} s")


def _children(family: Family) -> list[int]:
    return [pid for pid in family.all if pid not in family.servers]


def _holds(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/root/box/holding").exists()
    except (FileNotFoundError, ProcessLookupError):
        return False
