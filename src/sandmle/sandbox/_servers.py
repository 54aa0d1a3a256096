"""Fork servers and their children, as the host sees them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sandmle.sandbox._cgroup import Group
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._packets import Packet, packet_pair, receive_packet, send_packet
from sandmle.sandbox._process_tree import Exit, exit_of, tree, usage
from sandmle.sandbox._watch import kill_and_wait, readable

BUNDLE_FD, CONTROL_FD = "BUNDLE_FD", "CONTROL_FD"
_START_SECONDS = 120.0
_FORK_SECONDS = 20.0
_GROWTH = 1.5
_GROWTH_EVERY = 200
"""How many forks lie between two looks at the server's memory."""
_LOOKS_FOR_AN_END, _LOOK_FOR_AN_END_SECONDS = 20, 50e-6
_OWN_AND_FIRST = 2
_DEATH_SECONDS = 0.5
_KILL_SECONDS = 10.0


@dataclass(frozen=True)
class Command:
    """How a fork server is started."""

    words: tuple[str, ...]
    """With the words `BUNDLE_FD` and `CONTROL_FD` for two descriptors."""
    bundle: bytes
    settings: dict[str, object]
    user: int | None
    """The user and group to give it up to; None for the one at hand."""
    runs: int
    """How many children a server is to fork before another one takes its place."""
    ends_itself: bool = False
    """Whether it takes its children with it when its socket closes, instead of when it dies."""


class Child:
    """A forked and isolated process that waits for its run.

    Args:
        server: Where it comes from.
        channel: To the child, and for the server to tell how it ended.
    """

    def __init__(self, server: ForkServer, channel: socket.socket) -> None:
        self.channel = channel
        self._server = server
        self.main = self.init = -1
        """Descriptors of the process, and of the first one of its namespace or, without one, of a
        pipe that closes when all of its processes are dead."""
        self._grouped = False
        self._number = -1
        """The process id of the main process, which is that of its group if it is in one."""
        self._held: tuple[int, ...] = ()
        self.group: Group | None = None
        self.charged_mib = 0.0
        """What earlier runs left charged to the group."""
        self.oom_kills_before = 0
        self.on_close: Callable[[], None] = lambda: None

    def wait_until_ready(self) -> None:
        """Wait for the child and for what the server tells of it.

        Raises:
            SetupError: If the isolation failed.
            EOFError: If the server is gone.
            TimeoutError: If it hangs.
        """
        self.channel.settimeout(_FORK_SECONDS)
        waiting = {"forked", "ready"}
        while waiting:
            packet = receive_packet(self.channel)
            if "error" in packet.head:
                raise SetupError(packet.head["error"])
            waiting -= packet.head.keys()
            if "forked" in packet.head:
                self.main, self.init = packet.descriptors
                self._grouped = "group" in packet.head
                self._number = _pid_of(self.main)
            else:
                self._held = packet.descriptors

    def pids(self) -> list[int]:
        """Return the ids of the first processes, from which the others come, without the dead."""
        return [pid for fd in (self.main, self.init) if (pid := _pid_of(fd)) > 0]

    def exit_if_alone(self) -> Exit | None:
        """Return how the run has ended, where its main process was all there was of it.

        What is left to do is the kernel's, which may take milliseconds to take down the memory; no
        code runs any more.
        """
        pid = _pid_of(self.main)
        if self._grouped or pid < 0:
            return None
        for _ in range(_LOOKS_FOR_AN_END):
            ended = exit_of(pid)
            if ended is not None:
                return ended if self._alone(pid) else None
            time.sleep(_LOOK_FOR_AN_END_SECONDS)
        return None

    @staticmethod
    def _alone(pid: int) -> bool:
        """Say whether the process namespace of `pid` has but it and the first process."""
        try:
            names = os.listdir(f"/proc/{pid}/root/proc")  # noqa: PTH208 - names only, on every run's way
        except OSError:
            return False
        return sum(name.isdecimal() for name in names) <= _OWN_AND_FIRST

    @property
    def waits(self) -> bool:
        """Whether it is alive and has said nothing since it was ready."""
        return not readable(self.channel.fileno(), 0) and not readable(self.main, 0)

    def processes(self) -> list[int]:
        """Return the ids of all processes of the run."""
        if not self._grouped:
            return tree(*self.pids())
        # What has lost its parent is the server's child.
        return [pid for pid in tree(self._server.pid) if _group_of(pid) == self._number]

    def kill(self) -> None:
        """Kill all its processes and wait until they are dead.

        Raises:
            TimeoutError: If the kernel does not let go of one.
        """
        if not self._grouped:
            # When the first process of a namespace is dead, so are all of them.
            kill_and_wait(self.init)
            return
        # When the first process of a group is dead, the server kills the others.
        self._kill_first()
        if not readable(self.init, _KILL_SECONDS):
            raise TimeoutError(f"killed processes did not end within {_KILL_SECONDS:.0f} s")

    def server_lives(self) -> bool:
        """Say whether the server has outlived this child."""
        return self._server.lives()

    def last_words(self) -> str:
        """Return what the server and its children wrote to their log."""
        return self._server.last_words()

    def close(self) -> None:
        """Forget it; the server kills what is left of it."""
        self._kill_first()
        for fd in (self.main, self.init, *self._held):
            if fd >= 0:
                os.close(fd)
        self.main = self.init = -1
        self._held = ()
        self.channel.close()
        self.on_close()
        self._server.leave()

    def _kill_first(self) -> None:
        first = self.main if self._grouped else self.init
        if first >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(first, signal.SIGKILL)


class ForkServer:
    """A running fork server, which may still be importing.

    Args:
        command: How to start it.
    """

    def __init__(self, command: Command) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._control, theirs = packet_pair()
        bundle = os.memfd_create("bundle", os.MFD_CLOEXEC)
        os.write(bundle, command.bundle)
        os.lseek(bundle, 0, os.SEEK_SET)
        given = {BUNDLE_FD: bundle, CONTROL_FD: theirs.fileno()}
        try:
            self._process = subprocess.Popen(
                [str(given.get(word, word)) for word in command.words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env={},
                cwd="/",
                pass_fds=tuple(given.values()),
                user=command.user,
                group=command.user,
                extra_groups=None if command.user is None else (),
            )
        except OSError as exc:
            self._control.close()
            raise SetupError(f"cannot start {command.words[0]}: {exc.strerror}") from exc
        finally:
            os.close(bundle)
            theirs.close()
        send_packet(self._control, Packet(command.settings))
        self._ends_itself = command.ends_itself
        self._runs = command.runs
        self._lock = threading.Lock()
        self._children = 0
        self._retired = False
        self._began_kib = 0
        self.forks = 0
        self.up = False

    def wait_until_up(self, seconds: float = _START_SECONDS) -> bool:
        """Wait for its imports; say whether it is up.

        Raises:
            SetupError: If it is not coming up.
        """
        if not self.up and readable(self._control.fileno(), seconds):
            try:
                head = receive_packet(self._control).head
            except (EOFError, OSError):
                head = {"error": self.last_words() or "it ended without a word"}
            if "error" in head:
                raise SetupError(f"the fork server does not start: {head['error']}")
            self._began_kib = self._memory_kib()
            self.up = True
        return self.up

    def fork(self) -> Child:
        """Return a new child, ready for a run.

        Raises:
            SetupError: If its isolation failed.
            EOFError: If this server is gone.
            TimeoutError: If it hangs.
        """
        ours, theirs = packet_pair()
        with self._lock:
            self._children += 1
        child = Child(self, ours)
        try:
            send_packet(self._control, Packet({}, (theirs.fileno(),)))
            child.wait_until_ready()
        except ConnectionError as exc:
            child.close()
            raise EOFError from exc
        except BaseException:
            child.close()
            raise
        finally:
            theirs.close()
        self.forks += 1
        return child

    @property
    def worn(self) -> bool:
        """Whether it has served long enough, or grown."""
        if self.forks >= self._runs:
            return True
        return (
            self.forks % _GROWTH_EVERY == _GROWTH_EVERY - 1
            and self._memory_kib() > _GROWTH * self._began_kib
        )

    @property
    def pid(self) -> int:
        """The process that was started, which all of the server's processes die with."""
        return self._process.pid

    def retire(self) -> None:
        """End as soon as no child is left."""
        with self._lock:
            self._retired = True
            idle = not self._children
        if idle:
            self.close()

    def leave(self) -> None:
        """Note that a child is gone."""
        with self._lock:
            self._children -= 1
            last = self._retired and not self._children
        if last:
            self.close()

    def close(self) -> None:
        """End it and all its children."""
        self._control.close()
        if self._ends_itself:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_KILL_SECONDS)
        self._process.kill()
        self._process.wait()
        self._errors.close()

    def _memory_kib(self) -> int:
        return usage([self._process.pid]).memory_kib

    def lives(self) -> bool:
        """Say whether it runs; one that was killed is given a moment to be seen as dead."""
        try:
            self._process.wait(_DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            return True
        return False

    def last_words(self) -> str:
        """Return the end of its log."""
        size = os.fstat(self._errors.fileno()).st_size
        said = os.pread(self._errors.fileno(), 2_000, max(0, size - 2_000))
        return said.decode(errors="replace").strip()


def _pid_of(pidfd: int) -> int:
    """Return the id of a process, -1 where it is dead or the descriptor is of something else."""
    with open(f"/proc/self/fdinfo/{pidfd}", encoding="ascii") as lines:  # noqa: PTH123 - often
        return next((int(line.split()[1]) for line in lines if line.startswith("Pid:")), -1)


def _group_of(pid: int) -> int:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return -1
