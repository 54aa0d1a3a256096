"""What the fork server of `warm` sees of the world, as a command of bubblewrap.

It is what `cold` shows to a script, without a task: each run mounts its own files over it.
"""

from __future__ import annotations

from collections.abc import Sequence

from sandmle.sandbox._bundle import BOOT
from sandmle.sandbox._environment import script_environment
from sandmle.sandbox._gpus import gpu_devices
from sandmle.sandbox._interpreter import Interpreter
from sandmle.sandbox._isolate import SCRATCH_DIR, SCRIPT, TEMPORARY, WORK_DIR
from sandmle.sandbox._mounts import INSIDE_ID
from sandmle.sandbox._servers import BUNDLE_FD, CONTROL_FD
from sandmle.sandbox._stage import EMPTY_FILE
from sandmle.sandbox._view import shown_interpreter, shown_system


def fork_server_command(bwrap: str, interpreter: Interpreter, gpus: Sequence[int]) -> list[str]:
    """Return the command that starts a fork server.

    Args:
        bwrap: Where bubblewrap is.
        interpreter: What runs the code.
        gpus: Numbers of the NVIDIA GPUs that code may use.

    Raises:
        UsageError: If there is no such GPU.
    """
    path = f"{interpreter.executable.parent}:/usr/local/bin:/usr/bin:/bin"
    # Without GPUs: a server that has spoken to one cannot be forked.
    environment = script_environment(home=TEMPORARY, path=path)
    return [
        bwrap,
        *("--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"),
        "--unshare-cgroup-try",
        *("--uid", str(INSIDE_ID), "--gid", str(INSIDE_ID), "--hostname", "sandbox"),
        *("--die-with-parent", "--new-session", "--clearenv", "--cap-drop", "ALL"),
        *shown_system(),
        *(word for place in gpu_devices(gpus) for word in ("--dev-bind", str(place), str(place))),
        *shown_interpreter(interpreter),
        *(
            word
            for place in (WORK_DIR, SCRATCH_DIR)
            for word in ("--perms", "0755", "--dir", place)
        ),
        *("--ro-bind", str(EMPTY_FILE), SCRIPT),
        *("--remount-ro", "/dev", "--remount-ro", "/"),
        *(part for item in environment.items() for part in ("--setenv", *item)),
        *("--chdir", "/", "--"),
        *(str(interpreter.executable), "-I", "-B", "-u", "-c", BOOT, BUNDLE_FD, CONTROL_FD),
    ]
