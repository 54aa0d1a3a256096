"""Command lines of Docker and Podman, and what their answers mean."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandmle.core.errors import SandboxError
from sandmle.core.task import Limits

LABEL = "sandmle.owner"
"""Carried by our containers; its value says which process they belong to."""
KEEPER_MIB, SCRIPT_MIB = 64, 8
"""Memory for a container's first process, and size of the place of the script."""
WORK_DIR, SCRIPT_DIR = "/box", "/script"
TEMPORARY_DIRS = ("/tmp", "/dev/shm")  # noqa: S108 - inside the container, and empty for each run
_CAPABILITIES = ("KILL", "SETGID", "SETPCAP", "SETUID")
_OLDEST = {"Docker": (20, 10), "Podman": (4, 0)}
_DAEMON_SECONDS = 60.0
_REMEDIES = (
    (r"cannot connect to the (docker|podman)", "start it, or say where it is by DOCKER_HOST"),
    (r"permission denied.*(socket|daemon)", "join the group docker, or use rootless Podman"),
    (
        r"no such image|unable to find image|image not known|not found: manifest",
        "get the image with `pull` or build one; docs/docker.md shows how",
    ),
    (r"python3.*(not found|no such file)", "use an image that has python3 in its PATH"),
    (r"setrlimit|setting rlimit", "this machine allows less; give options=('--ulimit', ...)"),
)


@dataclass(frozen=True)
class Size:
    """How large a session's container is."""

    memory_mib: int
    tasks: int
    work_mib: int
    """Of the work directory, with the task's own files."""
    work_files: int
    disk_mib: int
    """Of each other place that code may write to."""
    disk_files: int

    @classmethod
    def of(cls, limits: Limits, *, sizes: Sequence[int]) -> Size:
        """Return what a session needs; its files lie in its memory.

        Args:
            limits: What code may use.
            sizes: Bytes of each of the task's files.
        """
        pages = sum(-(-size // 4096) for size in sizes) + 2 * len(sizes)
        work_mib = limits.disk_mib + -(-pages * 4096 // (1 << 20))
        disk_files = max(4096, 64 * limits.disk_mib)
        files = work_mib + len(TEMPORARY_DIRS) * limits.disk_mib + SCRIPT_MIB
        return cls(
            memory_mib=limits.memory_mib + files + KEEPER_MIB,
            tasks=limits.processes + 1,
            work_mib=work_mib,
            work_files=disk_files + 2 * len(sizes),
            disk_mib=limits.disk_mib,
            disk_files=disk_files,
        )


@dataclass(frozen=True)
class Client:
    """A `docker` or `podman` command.

    Args:
        words: The command: `("docker",)`, `("podman", "--runtime", "runc")`.
        product: "Docker" or "Podman".
    """

    words: tuple[str, ...]
    product: str

    @classmethod
    def find(cls, words: Sequence[str]) -> Client:
        """Ask a command what it is.

        Raises:
            SandboxError: If it is not there, is something else, or is too old.
        """
        said = _ask([*words, "--version"])
        found = re.search(r"(docker|podman) version (\d+)\.(\d+)", said, re.IGNORECASE)
        if found is None:
            raise SandboxError(
                f"`{words[0]} --version` says {said.strip()!r}; give docker=('podman',)"
            )
        product = found[1].capitalize()
        version = int(found[2]), int(found[3])
        if version < _OLDEST[product]:
            least = ".".join(str(number) for number in _OLDEST[product])
            raise SandboxError(
                f"{product} {version[0]}.{version[1]} is too old; install {least} or newer"
            )
        return cls(tuple(words), product)

    def run(
        self,
        image: str,
        *command: str,
        name: str,
        size: Size,
        gpus: Sequence[int] = (),
        options: Sequence[str] = (),
    ) -> list[str]:
        """Return the command that starts a container and talks to it by its standard streams.

        Args:
            image: What it is made of.
            command: Arguments of the image's Python.
            name: Its name.
            size: How large it is.
            gpus: Numbers of the GPUs that it may use.
            options: Further options, which win over these.
        """
        memory = f"{size.memory_mib}m"
        return [
            *(*self.words, "run", "--interactive", "--rm", "--pull=never", "--name", name),
            *("--label", f"{LABEL}={owner()}", "--log-driver=none", "--no-healthcheck"),
            *("--init=false", "--hostname=sandbox", "--workdir=/", "--network=none"),
            *("--read-only", "--security-opt=no-new-privileges", "--cap-drop=ALL"),
            *(f"--cap-add={name}" for name in _CAPABILITIES),
            *("--user=0:0", f"--memory={memory}", f"--memory-swap={memory}"),
            *(f"--pids-limit={size.tasks}", "--ulimit=core=0:0", "--ulimit=nofile=1024:1024"),
            *self._memory_file_systems(size),
            *self._gpus(gpus),
            *options,
            *("--entrypoint=python3", image, *command),
        ]

    def remove(self, *names: str) -> None:
        """Kill and remove containers; that there is none is fine."""
        subprocess.run(
            [*self.words, "rm", "--force", *names],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DAEMON_SECONDS,
            check=False,
        )

    def remove_stale(self) -> None:
        """Remove what processes of this machine left behind that are dead.

        Raises:
            SandboxError: If the daemon does not answer.
        """
        found = _ask(
            [*self.words, "ps", "--all", "--quiet", "--no-trunc", f"--filter=label={LABEL}"]
        )
        for container in found.split():
            form = f'{{{{index .Config.Labels "{LABEL}"}}}}'
            try:
                left_by = _ask([*self.words, "inspect", "--format", form, container]).strip()
            except SandboxError:
                continue  # It ended meanwhile.
            if _is_dead(left_by):
                self.remove(container)

    def _memory_file_systems(self, size: Size) -> list[str]:
        def words(place: str, mib: int, files: int, mode: str) -> str:
            # Podman cannot limit the number of files; a session's first process counts them.
            count = f",nr_inodes={files}" if self.product == "Docker" else ""
            return f"--tmpfs={place}:rw,exec,nosuid,nodev,size={mib}m{count},mode={mode}"

        # Podman would add writable places of its own.
        extra = [] if self.product == "Docker" else ["--read-only-tmpfs=false"]
        return [
            *extra,
            words(WORK_DIR, size.work_mib, size.work_files, "1777"),
            *(words(place, size.disk_mib, size.disk_files, "1777") for place in TEMPORARY_DIRS),
            words(SCRIPT_DIR, SCRIPT_MIB, 16, "0755"),
        ]

    def _gpus(self, numbers: Sequence[int]) -> list[str]:
        if not numbers:
            return []
        if self.product == "Podman":
            return [f"--device=nvidia.com/gpu={number}" for number in numbers]
        return [f'--gpus="device={",".join(str(number) for number in numbers)}"']


def owner() -> str:
    """Return which process this is, among all of a machine since it was started."""
    return f"{_machine()}/{os.getpid()}/{_started(os.getpid())}"


def explained(said: str) -> str:
    """Return what a command said, with the next move where it is known."""
    said = " ".join(said.split())
    for pattern, remedy in _REMEDIES:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{said}; {remedy}"
    return said


def _is_dead(label: str) -> bool:
    """Say whether the process of a label is known to be dead; another machine's never is."""
    machine, _, process = label.partition("/")
    pid, _, started = process.partition("/")
    return machine == _machine() and pid.isdecimal() and _started(int(pid)) != started


def _machine() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}-{Path('/proc/self/ns/pid').stat().st_ino}"


def _started(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


def _ask(words: Sequence[str]) -> str:
    try:
        answer = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DAEMON_SECONDS,
            check=True,
        )
    except FileNotFoundError as exc:
        raise SandboxError(
            f"there is no command {words[0]!r}; install Docker or Podman, or use --sandbox warm"
        ) from exc
    except subprocess.TimeoutExpired as exc:
        raise SandboxError(f"`{words[0]}` does not answer; is its daemon well?") from exc
    except (OSError, subprocess.CalledProcessError) as exc:
        said = getattr(exc, "stderr", b"") or b""
        why = explained(said.decode(errors="replace")) or str(exc)
        raise SandboxError(f"`{words[0]}` fails: {why}") from exc
    return answer.stdout.decode(errors="replace")
