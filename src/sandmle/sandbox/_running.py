"""A child of the fork server that runs code; in a stateful session it waits for more of it.

Between runs all its processes are stopped, so that nothing is computed that no run accounts for.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from sandmle.sandbox._audit import Audit
from sandmle.sandbox._capture import Capture
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._notes import SIZE, Noted, noted
from sandmle.sandbox._packets import Packet, receive_packet, send_packet
from sandmle.sandbox._process_tree import Exit, cpu_seconds, stopped
from sandmle.sandbox._reply import Spent
from sandmle.sandbox._servers import Child
from sandmle.sandbox._watch import Bounds, Observed, readable, watch

_START_SECONDS = 20.0
_STOP_SECONDS = 2.0
_SLACK_MIB = 64
"""For page tables, sockets and pipes of a run."""


class Running:
    """An interpreter in the sandbox.

    Args:
        child: What runs the code; it is closed with this object.
        limits: The session's `memory_mib`, `disk_mib`, `processes`, and whether it is `stateful`.
        count: Whether the kernel can count the processes of one run.
        errors: Name and error of each call that the filter asks about.
    """

    def __init__(
        self,
        child: Child,
        limits: dict[str, Any],
        *,
        count: bool,
        errors: dict[int, tuple[str, int]],
    ) -> None:
        self._child = child
        self._errors = errors
        self._count = count
        self._limits = limits
        self._audit: Audit | None = None
        self._notes = os.memfd_create("notes", os.MFD_CLOEXEC)
        os.truncate(self._notes, SIZE)
        self._opens_before = 0
        self._exit: Exit | None = None
        self._cpu_before = 0.0
        self.alive = True
        """Whether it can run more code."""

    def start(self, source: bytes, captures: tuple[Capture, Capture], *, tree: int | None) -> None:
        """Let it run `source`.

        Args:
            source: The code.
            captures: Where its output goes.
            tree: Descriptor of the session's mounts, for its first run; it is closed.

        Raises:
            SetupError: If it cannot be isolated as promised.
            EOFError: If the fork server is gone.
            TimeoutError: If it hangs.
        """
        script = os.memfd_create("script", os.MFD_CLOEXEC)
        os.write(script, source)
        outputs = tuple(capture.write_end for capture in captures)
        channel = self._child.channel
        channel.settimeout(_START_SECONDS)
        try:
            if tree is None:
                self._cpu_before = cpu_seconds(self._processes())
                self._signal(signal.SIGCONT)
                send_packet(channel, Packet({}, (script, *outputs)))
                return
            if self._child.group is not None:
                self._child.group.limit(
                    memory_mib=self._memory_of_all(), tasks=self._limits["processes"] + 2
                )
            job = {name: self._limits[name] for name in ("disk_mib", "stateful")}
            job["memory_mib"] = self._limits["memory_mib"]
            job["processes"] = self._limits["processes"] if self._count else None
            send_packet(channel, Packet(job, (script, *outputs, tree, self._notes)))
            packet = receive_packet(channel)
        except ConnectionError as exc:
            raise EOFError from exc
        finally:
            os.close(script)
            if tree is not None:
                os.close(tree)
        if "started" not in packet.head:
            raise SetupError(
                packet.head.get(
                    "error", f"a process died before its run: {self._child.last_words()}"
                )
            )
        if packet.descriptors:
            self._audit = Audit(packet.descriptors[0], self._errors)

    def watch(
        self,
        bounds: Bounds,
        captures: tuple[Capture, Capture],
        *,
        lifeline: int,
        overfull: Callable[[Sequence[int]], bool],
    ) -> Observed:
        """Return when the code has ended or must be stopped; see `_watch.watch`."""
        ends = [self._child.main]
        if self._limits["stateful"]:
            ends.append(self._child.channel.fileno())
        audit = self._audit
        asks = {} if audit is None or audit.listener < 0 else {audit.listener: audit.answer}
        return watch(
            ends,
            captures,
            bounds=bounds,
            processes=self._processes,
            lifeline=lifeline,
            asks=asks,
            overfull=overfull,
            silent=self._leaves,
        )

    def end(self, *, killed: bool) -> tuple[int | None, Spent]:
        """Kill all processes, or, where they are to go on later, stop them.

        Args:
            killed: Whether the run broke a bound.

        Returns:
            The exit code of the run, and what it used.

        Raises:
            EOFError: If the fork server died and took the run with it.
            TimeoutError: If the kernel does not let go of a process.
        """
        if self._limits["stateful"] and not killed and not readable(self._child.main, 0):
            head = self._message()
            if head is not None and self._stop():
                return _exit_code(head), Spent(cpu_seconds(self._processes()) - self._cpu_before)
        self.alive = False
        if self._exit is not None:
            code = os.waitstatus_to_exitcode(self._exit.status)
            spent = Spent(self._exit.cpu_seconds - self._cpu_before, self._noted().peak_kib / 1024)
            return code if code >= 0 else 128 - code, spent
        self._child.kill()
        head = self._last_message()
        cpu = _number(head, "cpu_seconds") - self._cpu_before
        return _exit_code(head), Spent(cpu, _number(head, "peak_mib"))

    def audit(self) -> dict[str, Any]:
        """Return what was counted since the last call."""
        refused = {} if self._audit is None else self._audit.take()
        connects = refused.pop("connect", 0)
        opens = self._noted().opens
        since, self._opens_before = opens - self._opens_before, opens
        return {"refused": refused, "connects": connects, "opens": max(0, since)}

    def out_of_memory(self) -> bool:
        """Say whether the kernel has killed a process of this run for its memory."""
        group = self._child.group
        return group is not None and group.oom_kills() > self._child.oom_kills_before

    def close(self) -> None:
        """Kill what is left of it."""
        if self._audit is not None:
            self._audit.close()
        os.close(self._notes)
        with contextlib.suppress(TimeoutError):
            self._child.kill()
        self._child.close()

    def _leaves(self) -> bool:
        """Say whether the run has ended, though the kernel is not done with it."""
        self._exit = self._child.exit_if_alone()
        return self._exit is not None

    def _noted(self) -> Noted:
        return noted(os.pread(self._notes, SIZE, 0))

    def _last_message(self) -> dict[str, Any]:
        """Return what the fork server tells of the dead child.

        Raises:
            EOFError: If the server died as well.
        """
        head: dict[str, Any] | None = {}
        while head is not None and "peak_mib" not in head:
            head = self._message()
        if head is not None:
            return head
        # A stateful session's code can fill the channel, or close it, and is not told then.
        if self._limits["stateful"] and self._child.server_lives():
            return {}
        raise EOFError

    def _message(self) -> dict[str, Any] | None:
        """Return what came over the channel; None for its end, and for what is no message."""
        try:
            packet = receive_packet(self._child.channel)
        except (EOFError, OSError):
            return None
        for fd in packet.descriptors:
            os.close(fd)
        return packet.head

    def _memory_of_all(self) -> int:
        """Return what the control group may hold: files in memory count there as well.

        A bound for bursts, and for what the kernel holds; the watch holds the limit itself.
        """
        allowed: int = self._limits["memory_mib"] + 2 * self._limits["disk_mib"]
        return allowed + int(self._child.charged_mib) + _SLACK_MIB

    def _processes(self) -> list[int]:
        return self._child.processes()

    def _stop(self) -> bool:
        """Stop all processes; say whether they stand still."""
        give_up = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < give_up:
            self._signal(signal.SIGSTOP)
            before = self._processes()
            # One that forks and dies in between is not among those that are looked at.
            if stopped(before) and self._processes() == before:
                return True
        return False

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _exit_code(head: dict[str, Any]) -> int:
    """Return the exit code that a message tells; a script can forge it, which earns nothing."""
    code: object = head.get("exit_code")
    return code & 0xFF if isinstance(code, int) else 1


def _number(head: dict[str, Any], name: str) -> float:
    value = head.get(name)
    return float(value) if isinstance(value, int | float) else 0.0
