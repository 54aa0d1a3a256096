"""A look from inside a run of `landlock`, before any agent's code runs."""

from __future__ import annotations

import json

from sandmle.core.errors import SandboxError
from sandmle.core.execution import SandboxSession

_LOOK = """
import json, os, socket, tempfile

def refused(attempt, *arguments):
    try:
        attempt(*arguments)
    except PermissionError:
        return True
    except Exception as exc:
        return repr(exc)
    return False

def importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True

def mode_changes():
    with tempfile.NamedTemporaryFile() as file:
        os.chmod(file.name, 0o777)
        return os.stat(file.name).st_mode & 0o777 == 0o777

status = dict(line.split(":", 1) for line in open("/proc/self/status"))
work = os.getcwd()
above = os.path.dirname(os.path.dirname(work))
print(json.dumps({
    "root": os.getuid() == 0,
    "capabilities": sum(int(status[name], 16) for name in ("CapEff", "CapPrm", "CapAmb")),
    "new privileges": status["NoNewPrivs"].strip() == "0",
    "filter": int(status["Seccomp"]),
    "the root folder is closed": refused(os.listdir, "/"),
    "other sessions are closed": refused(os.listdir, above),
    "temporary files of others are closed": refused(os.listdir, os.path.dirname(above)),
    "settings are closed": refused(open, "/etc/passwd"),
    "processes are closed": refused(os.listdir, "/proc"),
    "the parent's memory is closed": refused(open, f"/proc/{os.getppid()}/mem"),
    "the parent is out of reach": refused(os.kill, os.getppid(), 0),
    "the parent's limits are out of reach":
        refused(__import__("resource").prlimit, os.getppid(), 7),
    "input is closed for writing": refused(open, "input/planted", "w"),
    "network": refused(socket.socket),
    "modes of files change": mode_changes(),
    "sandmle": importable("sandmle"),
}))
"""
_EXPECTED: dict[str, object] = {
    "root": False,
    "capabilities": 0,
    "new privileges": False,
    "filter": 2,
    "the root folder is closed": True,
    "other sessions are closed": True,
    "temporary files of others are closed": True,
    "settings are closed": True,
    "processes are closed": True,
    "the parent's memory is closed": True,
    "the parent is out of reach": True,
    "the parent's limits are out of reach": True,
    "input is closed for writing": True,
    "network": True,
    "modes of files change": False,
    "sandmle": False,
}


def verify_landlock(session: SandboxSession) -> None:
    """Run a script that looks around.

    Raises:
        SandboxError: If it sees something that it should not, or cannot run at all.
    """
    execution = session.run(_LOOK, timeout_seconds=60)
    if not execution.ok:
        raise SandboxError(f"a first script does not run in the sandbox: {execution.stderr}")
    seen = json.loads(execution.stdout)
    wrong = [
        f"{name}: {seen[name]!r}, not {value!r}"
        for name, value in _EXPECTED.items()
        if seen[name] != value
    ]
    if wrong:
        raise SandboxError(f"the sandbox does not isolate as promised: {', '.join(wrong)}")
