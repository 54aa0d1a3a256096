"""`docker`: a container per session, of an image of your choice. By Docker or by Podman.

Stops: reading anything of the host; the network; other processes; more than a session's share of
memory, disk, processes, output and time; anything left behind a run but its files, and anything
left behind a session. Does not stop: bugs of the kernel, side channels of the processor, whatever
the daemon's own settings allow; System V shared memory and message queues live as long as a
session. docs/docker.md has the whole list.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

from sandmle.core.errors import InvalidSubmission, SandboxError, UsageError
from sandmle.core.execution import INPUT_DIR, Execution
from sandmle.core.task import Limits
from sandmle.sandbox import SANDBOXES
from sandmle.sandbox._answer import keep_bytes, to_execution
from sandmle.sandbox._docker_container import Container
from sandmle.sandbox._docker_look import verify_places
from sandmle.sandbox._docker_words import SCRIPT_DIR, TEMPORARY_DIRS, WORK_DIR, Client, Size
from sandmle.sandbox._environment import script_environment, usable_cores
from sandmle.sandbox._files import parts_of, public_files
from sandmle.sandbox._frames import Frame
from sandmle.sandbox._self_check import verify_isolation
from sandmle.sandbox._session import Closing

DEFAULT_IMAGE = "quay.io/jupyter/scipy-notebook:python-3.11"
"""The Jupyter project's image with NumPy, pandas, scikit-learn and Pillow."""
_PATH = "/usr/local/bin:/usr/bin:/bin"
"""Behind the folder of the image's Python, where programs are looked for."""
_GRACE_SECONDS = 60.0
"""How much longer than a run's wall time its container may take to answer."""


@SANDBOXES.register("docker")
class DockerSandbox(Closing):
    """Runs each script in a new interpreter of an image, in a container of its session.

    Args:
        python: Must be None: the image's own `python3` runs the code.
        slots: How many runs go on at once; by default one per core.
        preload: Has no effect: every run imports what it needs.
        gpus: Numbers of the NVIDIA GPUs that code may use.
        image: The image, which must be there: nothing is downloaded. It needs `python3`, 3.9 or
            newer, and no more of ours.
        docker: The command: `("podman",)` for Podman.
        options: Further options of `docker run`; they win, and can weaken the isolation.

    Raises:
        UsageError: If `python` is given.
    """

    name = "docker"
    isolated = True

    def __init__(
        self,
        *,
        python: Path | None = None,
        slots: int | None = None,
        preload: Sequence[str] | None = None,
        gpus: Sequence[int] = (),
        image: str = DEFAULT_IMAGE,
        docker: Sequence[str] = ("docker",),
        options: Sequence[str] = (),
    ) -> None:
        if python is not None:
            raise UsageError(
                f"the sandbox 'docker' runs the image's own Python, not {python}; "
                "give DockerSandbox(image=...) an image with the Python that you want"
            )
        self._image = image
        self._words = tuple(docker)
        self._gpus = tuple(gpus)
        self._options = tuple(options)
        self._slots = threading.BoundedSemaphore(slots or usable_cores())
        self._lock = threading.Lock()
        self._verified = False
        self._sessions: list[DockerSession] = []

    def open(
        self, public: Path | Mapping[str, bytes], limits: Limits, *, stateful: bool = False
    ) -> DockerSession:
        """Start a container; see `Sandbox.open`. The first one proves that isolation holds.

        Raises:
            UsageError: For `stateful`.
            SandboxError: If there is no daemon or no image, or the container does not isolate.
        """
        if stateful:
            raise UsageError(
                "the sandbox 'docker' starts a new interpreter for each run; use 'warm' "
                "for sessions that keep variables"
            )
        with self._lock:
            if not self._verified:
                self._client.remove_stale()
                with self._session({}, Limits()) as trial:
                    verify_isolation(trial)
                    verify_places(trial)
                self._verified = True
        session = self._session(public, limits)
        with self._lock:
            self._sessions = [*(other for other in self._sessions if not other.closed), session]
        return session

    def close(self) -> None:
        """Close all sessions."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()

    @cached_property
    def _client(self) -> Client:
        return Client.find(self._words)

    def _session(self, public: Path | Mapping[str, bytes], limits: Limits) -> DockerSession:
        files = {
            path: content.read_bytes() if isinstance(content, Path) else content
            for path, content in public_files(public).items()
        }
        sizes = [(path, len(content)) for path, content in files.items()]
        size = Size.of(limits, sizes=[length for _, length in sizes])
        # CUDA numbers the GPUs whose devices it finds, from 0.
        environment = script_environment(
            home=TEMPORARY_DIRS[0], path=_PATH, gpus=range(len(self._gpus))
        )
        settings = {
            "files": sizes,
            "work": WORK_DIR,
            "input": f"{WORK_DIR}/{INPUT_DIR}",
            "script": f"{SCRIPT_DIR}/script.py",
            "temporary": TEMPORARY_DIRS,
            "disks": (WORK_DIR, *TEMPORARY_DIRS),
            "files_at_most": size.work_files,
            "environment": environment,
            "memory_mib": limits.memory_mib,
            "container_mib": size.memory_mib,
            "disk_mib": limits.disk_mib,
            "processes": limits.processes,
            "gpus": bool(self._gpus),
        }
        container = Container(
            self._client,
            self._image,
            size=size,
            gpus=self._gpus,
            options=self._options,
            settings=settings,
            payload=b"".join(files.values()),
        )
        return DockerSession(container, limits, slots=self._slots)


class DockerSession(Closing):
    """A container with its work directory in memory; see `SandboxSession`."""

    def __init__(
        self, container: Container, limits: Limits, *, slots: threading.BoundedSemaphore
    ) -> None:
        self._container = container
        self._limits = limits
        self._slots = slots
        self._lock = threading.Lock()
        self.closed = False

    def run(self, code: str, *, timeout_seconds: float | None = None) -> Execution:
        """Run code in a new process of the container; see `SandboxSession.run`."""
        wall_seconds = self._limits.step_seconds if timeout_seconds is None else timeout_seconds
        job = {
            "do": "run",
            "wall_seconds": wall_seconds,
            "keep_bytes": keep_bytes(self._limits.output_bytes),
        }
        asked = time.monotonic()
        with self._lock, self._slots:
            self._require_open()
            queue_seconds = time.monotonic() - asked
            answer = self._container.request(
                job, payload=code.encode(errors="replace"), seconds=wall_seconds + _GRACE_SECONDS
            )
        execution = to_execution(answer, output_bytes=self._limits.output_bytes)
        return execution.model_copy(update={"queue_seconds": queue_seconds})

    def read(self, path: str, *, max_bytes: int) -> bytes | None:
        """Return a regular file of the work directory; see `SandboxSession.read`."""
        parts_of(path)
        answer = self._ask({"do": "read", "path": path, "max_bytes": max_bytes})
        return answer.payload if answer.head["found"] else None

    def write(self, path: str, data: bytes) -> None:
        """Put a file into the work directory; see `SandboxSession.write`."""
        parts_of(path)
        self._ask({"do": "write", "path": path}, payload=data)

    def close(self) -> None:
        """End the container; its processes and its files end with it."""
        self.closed = True
        self._container.close()

    def _ask(self, head: dict[str, Any], *, payload: bytes = b"") -> Frame:
        with self._lock:
            self._require_open()
            answer = self._container.request(head, payload=payload, seconds=_GRACE_SECONDS)
        if "refused" in answer.head:
            _raise(answer.head["refused"], answer.head["why"])
        return answer

    def _require_open(self) -> None:
        if self.closed:
            raise SandboxError("this session is closed; open a new one")


def _raise(kind: str, why: str) -> NoReturn:
    raise UsageError(why) if kind == UsageError.__name__ else InvalidSubmission(why)
