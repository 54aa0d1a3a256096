"""A look from inside, before any agent's code runs: what was promised must be so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from sandmle.core.errors import SandboxError
from sandmle.core.execution import SandboxSession
from sandmle.sandbox._seccomp import seccomp_filter

_LOOK = """
import json, os
def importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True
def length(path):
    try:
        return len(open(path).read())
    except PermissionError:
        return 0
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps({
    "root": os.getuid() == 0,
    "capabilities": sum(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapBnd")),
    "new privileges": status["NoNewPrivs"].strip() == "0",
    "filter": int(status["Seccomp"]),
    "network": [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line],
    "environment": length("/proc/1/environ"),
    "processes": sum(name.isdecimal() for name in os.listdir("/proc")),
    "writable root": os.access("/", os.W_OK),
    "writable kernel settings": os.access("/proc/sys/kernel/core_pattern", os.W_OK),
    "sandmle": importable("sandmle"),
}))
"""


class Sight(NamedTuple):
    """One thing that a script sees, and what it should see."""

    name: str
    seen: object
    expected: object


def look(session: SandboxSession) -> Iterator[Sight]:
    """Yield what a script in the sandbox sees.

    Raises:
        SandboxError: If no script runs in it.
    """
    execution = session.run(_LOOK, timeout_seconds=60)
    if not execution.ok:
        raise SandboxError(f"a first script does not run in the sandbox: {execution.stderr}")
    expected = {
        "root": False,
        "capabilities": 0,
        "new privileges": False,
        "filter": 2 if seccomp_filter() else 0,
        "network": ["lo"],
        "environment": 0,
        "processes": 2,
        "writable root": False,
        "writable kernel settings": False,
        "sandmle": False,
    }
    seen = json.loads(execution.stdout)
    for name, value in expected.items():
        yield Sight(name, seen[name], value)


def verify_isolation(session: SandboxSession) -> None:
    """Run a script that looks around.

    Raises:
        SandboxError: If it sees something that it should not, or cannot run at all.
    """
    wrong = [sight for sight in look(session) if sight.seen != sight.expected]
    if wrong:
        words = ", ".join(
            f"{sight.name}: {sight.seen!r}, not {sight.expected!r}" for sight in wrong
        )
        raise SandboxError(f"the sandbox does not isolate as promised: {words}")
