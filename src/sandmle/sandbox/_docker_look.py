"""A look from inside a container at what an image or a daemon's settings may have added."""

from __future__ import annotations

import json

from sandmle.core.errors import SandboxError
from sandmle.core.execution import SandboxSession
from sandmle.sandbox._docker_words import TEMPORARY_DIRS, WORK_DIR

_LOOK = """
import json, os
mounted = [line.split()[4] for line in open("/proc/self/mountinfo")]
print(json.dumps(sorted(p for p in mounted if os.path.isdir(p) and os.access(p, os.W_OK))))
"""
# Holds message queues, of which a run may have none: see `_limits`.
_QUEUES = "/dev/mqueue"


def verify_places(session: SandboxSession) -> None:
    """Run a script that looks for mounted folders where it may write.

    Raises:
        SandboxError: If there are others than those of limited size that every session has.
    """
    execution = session.run(_LOOK, timeout_seconds=60)
    if not execution.ok:
        raise SandboxError(f"a first script does not run in the container: {execution.stderr}")
    extra = set(json.loads(execution.stdout)) - {WORK_DIR, *TEMPORARY_DIRS, _QUEUES}
    if extra:
        raise SandboxError(
            f"code may write to {', '.join(sorted(extra))}, whose size nothing limits; use an "
            "image without VOLUME, and no option that mounts a folder"
        )
