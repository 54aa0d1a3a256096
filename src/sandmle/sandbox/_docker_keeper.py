"""The first process of a container: it holds a session's files, starts its runs and ends them.

It is root of the container with four capabilities: to become the agent (SETUID, SETGID), to take
every right from it (SETPCAP), and to kill what is left of a run (KILL). Code runs as another user,
so it cannot signal, trace or limit this process. A process of the agent's own user could be fought
by it, and one outside of the container cannot see when a run's last process is dead.

Runs in the image's interpreter, into which its source is sent: the standard library only.

Stops: what is left of a run; a script's way to this process and to the input. Does not stop:
anything that the container does not.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn, cast

from sandmle.core.errors import InvalidSubmission, SandboxError, UsageError
from sandmle.sandbox._capture import Capture
from sandmle.sandbox._docker_cgroup import MemoryGroup
from sandmle.sandbox._docker_clean import empty
from sandmle.sandbox._files import read_file, write_file
from sandmle.sandbox._frames import Frame, receive, send
from sandmle.sandbox._limits import limit_this_process
from sandmle.sandbox._process_tree import tree
from sandmle.sandbox._reply import Spent, reply
from sandmle.sandbox._watch import Bounds, LifelineLostError, Observed, watch

AGENT = 1000
"""User and group of the code."""
_OPEN_FILES = 1024
_FIRST_TO_GO = "500"
"""Makes the run, not this process, the kernel's choice where memory is used up."""
_DROP_FROM_BOUNDING_SET = 24
_KILL_SECONDS = 10.0


def main() -> None:
    """Prepare the session that the first message describes, then serve what is asked of it."""
    pipes = cast(socket.socket, _Pipes())
    settings = receive(pipes)
    try:
        session = _Session(settings.head, settings.payload)
    except (SandboxError, OSError) as exc:
        send(pipes, Frame({"error": str(exc)}))
        return
    send(pipes, Frame({}))
    with contextlib.suppress(EOFError, LifelineLostError):
        while True:
            send(pipes, session.answer(receive(pipes)))


class _Session:
    def __init__(self, head: dict[str, Any], contents: bytes) -> None:
        self._head = head
        if os.getpid() != 1:
            raise SandboxError("the keeper is not the container's first process")
        os.setgroups([])
        try:
            os.close(os.pidfd_open(1))
        except OSError as exc:
            raise SandboxError(
                f"the container's system call filter refuses pidfd_open ({exc.strerror}); "
                "update Docker to 20.10, or Podman to 4.0, or newer"
            ) from exc
        environment = head["environment"]
        path = f"{Path(sys.executable).parent}:{environment['PATH']}"
        # Modules that an earlier run wrote can be imported.
        self._environment = {**environment, "PATH": path, "PYTHONPATH": head["work"]}
        self._memory = MemoryGroup.find(limit_mib=head["container_mib"])
        _place_files(Path(head["input"]), head["files"], contents)
        os.chdir("/")

    def answer(self, job: Frame) -> Frame:
        """Do what a message asks; a failure of this process ends the session."""
        try:
            if job.head["do"] == "run":
                return self._run(job)
            with self._as_agent(), _opened(self._head["work"]) as work:
                if job.head["do"] == "write":
                    write_file(work, job.head["path"], job.payload)
                    return Frame({})
                data = read_file(work, job.head["path"], max_bytes=job.head["max_bytes"])
            return Frame({"found": data is not None}, data or b"")
        except (InvalidSubmission, UsageError) as exc:
            return Frame({"refused": type(exc).__name__, "why": str(exc)})
        except (OSError, SandboxError) as exc:
            return Frame({"error": str(exc)})

    def _run(self, job: Frame) -> Frame:
        with self._as_agent():
            for place in self._head["temporary"]:
                empty(place)
        # Tools that start a second interpreter, and traces, read the script from its file.
        Path(self._head["script"]).write_bytes(job.payload)
        captures = (Capture(job.head["keep_bytes"]), Capture(job.head["keep_bytes"]))
        tally = _Tally(self._memory, self._head["disks"], files=self._head["files_at_most"])
        start = time.monotonic()
        child = os.fork()
        if child == 0:
            self._become_the_script(captures)
        for capture in captures:
            capture.close_write_end()
        ended = os.pidfd_open(child)
        bounds = Bounds(job.head["wall_seconds"], self._head["memory_mib"], self._head["processes"])
        try:
            seen = watch(ended, captures, bounds=bounds, processes=tally.processes, lifeline=0)
        except _UsedUpError as exc:
            seen = Observed(str(exc), time.monotonic() - start, 0.0, 0.0)
        finally:
            os.close(ended)
            status, spent = _end_all(child)
        if seen.killed_by is None and tally.memory_used_up:
            seen = Observed("memory", seen.seconds, seen.cpu_seconds, seen.peak_mib)
        code = os.waitstatus_to_exitcode(status)
        return reply(code if code >= 0 else 128 - code, seen=seen, spent=spent, captures=captures)

    def _become_the_script(self, captures: tuple[Capture, Capture]) -> NoReturn:
        try:
            os.setsid()
            null = os.open(os.devnull, os.O_RDONLY)
            for fd, source in enumerate((null, captures[0].write_end, captures[1].write_end)):
                os.dup2(source, fd)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO, encoding="ascii")
            limit_this_process(
                # The container bounds it; CUDA reserves address space that it never uses.
                memory_mib=None if self._head["gpus"] else self._head["memory_mib"],
                disk_mib=self._head["disk_mib"],
                open_files=_OPEN_FILES,
            )
            _give_up_to_the_agent()
            os.chdir(self._head["work"])
            for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            words = [sys.executable, "-s", "-B", "-u", self._head["script"]]
            os.execve(sys.executable, words, self._environment)  # noqa: S606 - no shell is wanted
        except OSError as exc:
            os.write(2, f"cannot start {sys.executable}: {exc}".encode())
        finally:
            os._exit(125)

    @contextlib.contextmanager
    def _as_agent(self) -> Iterator[None]:
        """Use the agent's files with the agent's rights; nothing of it runs meanwhile."""
        os.setegid(AGENT)
        os.seteuid(AGENT)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)


class _UsedUpError(Exception):
    """The run broke a bound of the container; the message is its name."""


class _Tally:
    """What a run uses of the container's bounds, beside what its processes show.

    Args:
        memory: The container's control group.
        places: Where the run may make files.
        files: How many, at most, in each place.
    """

    def __init__(self, memory: MemoryGroup, places: list[str], *, files: int) -> None:
        self._memory = memory
        self._kills_before = memory.kills()
        # Who is over the number by an earlier run must be able to remove files.
        self._most = {place: max(files, _files_in(place)) for place in places}

    @property
    def memory_used_up(self) -> bool:
        """Whether the kernel killed a process for memory."""
        return self._memory.kills() > self._kills_before

    def processes(self) -> list[int]:
        """Return the ids of the run's processes.

        Raises:
            _UsedUpError: If a bound was reached.
        """
        if self.memory_used_up:
            raise _UsedUpError("memory")
        if any(_files_in(place) > count for place, count in self._most.items()):
            raise _UsedUpError("disk")
        return tree(1)[1:]


class _Pipes:
    """Standard input and output, as frames want them."""

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(1, view) :]

    def recv(self, size: int) -> bytes:
        return os.read(0, size)

    def recvmsg(self, size: int, *_: int) -> tuple[bytes, list[object], int, None]:
        return os.read(0, size), [], 0, None


def _place_files(folder: Path, files: list[tuple[str, int]], contents: bytes) -> None:
    """Write a task's public files below `folder`, which code can read and not change."""
    os.umask(0o022)
    folder.mkdir()
    at = 0
    for path, size in files:
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(contents[at : at + size])
        at += size


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[int]:
    fd = os.open(folder, os.O_DIRECTORY | os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def _files_in(place: str) -> int:
    found = os.statvfs(place)
    return found.f_files - found.f_ffree


def _give_up_to_the_agent() -> None:
    """Become the agent for good, with no capability and no way to gain one."""
    libc = ctypes.CDLL(None, use_errno=True)
    capability = 0
    while libc.prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0) == 0:
        capability += 1
    os.setgroups([])
    os.setresgid(AGENT, AGENT, AGENT)
    os.setresuid(AGENT, AGENT, AGENT)


def _end_all(child: int) -> tuple[int, Spent]:
    """Kill every other process of the container and reap it; return how `child` ended.

    The kernel finds the processes to kill while none of them can fork, and says when there is none.

    Raises:
        SandboxError: If a process does not die; the kernel holds it.
    """
    give_up = time.monotonic() + _KILL_SECONDS
    status, cpu_seconds, peak_kib = 0, 0.0, 0.0
    while True:
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            return status, Spent(cpu_seconds, peak_kib / 1024)
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, ended, usage = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    break
                status = ended if pid == child else status
                cpu_seconds += usage.ru_utime + usage.ru_stime
                peak_kib = max(peak_kib, usage.ru_maxrss)
        if time.monotonic() > give_up:
            raise SandboxError(f"killed processes did not end within {_KILL_SECONDS:.0f} s")
        time.sleep(0.001)
