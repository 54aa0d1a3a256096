"""A Slurm of one machine, started in a folder, and ended with the process that started it.

For trying and measuring what runs under Slurm where there is no cluster. Its daemons listen on the
loopback only.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Self

from sandmle.core.errors import SandboxError
from sandmle.sandbox import _remote_leash

PACKAGES = "slurmctld slurmd slurm-client munge"
"""What to install on Debian and Ubuntu."""

_PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sinfo")
_UP_SECONDS = 30.0
_SYSTEM_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")

_CONF = """\
ClusterName=one-machine
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
MpiDefault=none
ReturnToService=2
KillWait=5
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Say why no Slurm can be started here; empty where one can."""
    absent = [name for name in _PROGRAMS if shutil.which(name, path=_search_path()) is None]
    if absent:
        return f"{', '.join(absent)} not installed: apt-get install {PACKAGES}"
    return "" if os.geteuid() == 0 else "slurmd needs root"


class OneMachineSlurm:
    """A controller, a munge daemon and one node, or several that are all this machine.

    Args:
        folder: A new folder for configuration, state and logs.
        nodes: How many nodes there are.
        cpus: How many cores each offers, whatever there are; by default those of this machine.

    Raises:
        SandboxError: If it does not come up, with the logs' last words.
    """

    def __init__(self, folder: Path, *, nodes: int = 1, cpus: int | None = None) -> None:
        self.folder = folder
        self.environment: Mapping[str, str] = MappingProxyType(
            {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _search_path()}
        )
        """What `srun` and its like need to find it."""
        self._processes: list[subprocess.Popen[bytes]] = []
        (folder / "state").mkdir(parents=True)
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        host = socket.gethostname().partition(".")[0]
        names = [f"node{number}" for number in range(nodes)]
        controller, *ports = _free_ports(1 + nodes)
        lines = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} "
            f"CPUs={cpus or os.cpu_count()} State=UNKNOWN"
            for name, port in zip(names, ports, strict=True)
        ]
        conf = _CONF.format(host=host, folder=folder, port=controller, nodes="\n".join(lines))
        (folder / "slurm.conf").write_text(conf, encoding="utf-8")
        try:
            self._start(
                "munged",
                "--foreground",
                "--force",
                f"--key-file={key}",
                f"--socket={folder}/munge.socket",
                f"--pid-file={folder}/munged.pid",
                f"--log-file={folder}/munged.log",
                f"--seed-file={folder}/munged.seed",
            )
            self._start("slurmctld", "-D", "-i")
            for name in names:
                self._start("slurmd", "-D", "-N", name)
            self._wait_until_idle(nodes)
        except BaseException:
            self.close()
            raise

    def ask(self, *command: str) -> str:
        """Run a command of Slurm and return what it says.

        Raises:
            SandboxError: If it fails.
        """
        done = subprocess.run(
            command, env=dict(self.environment), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise SandboxError(f"{' '.join(command)} failed: {done.stderr.strip()}")
        return done.stdout.strip()

    def close(self) -> None:
        """End what was started, the node first; calling it twice is fine."""
        while self._processes:
            process = self._processes.pop()
            if process.stdin is not None:
                process.stdin.close()
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _start(self, program: str, *arguments: str) -> None:
        found = shutil.which(program, path=_search_path())
        if found is None:
            raise SandboxError(missing())
        with (self.folder / f"{program}.out").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", _remote_leash.__file__, found, *arguments],
                env=dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
                bufsize=0,
            )
        self._processes.append(process)
        if process.stdin is not None:
            process.stdin.write(b"\n")

    def _wait_until_idle(self, nodes: int) -> None:
        deadline = time.monotonic() + _UP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(SandboxError):
                if self.ask("sinfo", "--noheader", "--format=%D %T") == f"{nodes} idle":
                    return
            if any(process.poll() is not None for process in self._processes):
                break
            time.sleep(0.1)
        logs = [
            f"{path.name}: {path.read_text(errors='replace')[-600:]}"
            for path in sorted(self.folder.glob("*.out"))
        ]
        raise SandboxError(f"a Slurm of one machine does not come up; {'; '.join(logs)}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        taken = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [server.getsockname()[1] for server in taken]


def _search_path() -> str:
    return os.pathsep.join(_SYSTEM_PATH)
