"""One run of `warm`, from the fork to the end of the script."""

from __future__ import annotations

import os
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from sandmle.sandbox._hot_pages import Region, copy_pages, pack, pages_of_its_own
from sandmle.sandbox._isolate import (
    SCRIPT,
    WORK_DIR,
    enter_own_namespaces,
    give_up_rights,
    show_run,
)
from sandmle.sandbox._limits import limit_open_files
from sandmle.sandbox._mounts import SetupError
from sandmle.sandbox._notes import Notes
from sandmle.sandbox._packets import Packet, receive_packet, send_packet
from sandmle.sandbox._preload import rehearse
from sandmle.sandbox._script import Script, finish, refresh
from sandmle.sandbox._seccomp import seccomp_filter

SETUP_FAILED = 125
SCRIPT_FD, _OUT_FD, _ERR_FD, TREE_FD, NOTES_FD = range(5)
"""The descriptors of a job, in their order; a later job of a session has the first three."""


def become_run(channel: socket.socket, settings: dict[str, Any]) -> NoReturn:
    """Isolate this process, wait for a job, run it, and end.

    Args:
        channel: To the host; agents' code has it only where the session is stateful.
        settings: What is alike for all runs.
    """
    try:
        omitted = frozenset(settings["omitted"])
        enter_own_namespaces(omitted=omitted)
        program = seccomp_filter(notify=True)
        os.environ.update(settings["environment"])
        refresh(settings["own"])
        sys.path.insert(0, WORK_DIR)
        copy_pages(settings["hot"])
        # Who holds this keeps the kernel from taking the mounts down, which takes it milliseconds,
        # when the script ends.
        mounted = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        send_packet(channel, Packet({"ready": True}, (mounted,)))
        os.close(mounted)
        job = receive_packet(channel)
        source = content_of(job.descriptors[SCRIPT_FD])
        listener = _isolate(job, source, settings, program, omitted=omitted)
        notes = Notes(job.descriptors[NOTES_FD])
        notes.count_opens(tuple(settings["shown"]))
        send_packet(channel, Packet({"started": True}, () if listener is None else (listener,)))
        if "limits" not in omitted:
            limit_open_files()
        take_over(job.descriptors)
        run_code(channel, source, notes=notes, stateful=job.head["stateful"], path=SCRIPT)
    except SetupError as exc:
        send_packet(channel, Packet({"error": str(exc)}))
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        # Nothing of a child may come back into the fork server.
        os._exit(SETUP_FAILED)


def rehearse_run(
    told: int, regions: Sequence[Region], imported: Sequence[str], settings: dict[str, Any]
) -> NoReturn:
    """Isolate this process, do what scripts do, and write down which pages that changed.

    Args:
        told: Descriptor of the file for the pages, or for an error.
        regions: Where to look.
        imported: The modules that scripts find imported.
        settings: What is alike for all runs.
    """
    status = SETUP_FAILED
    try:
        enter_own_namespaces()
        refresh(settings["own"])
        seccomp_filter(notify=True)
        give_up_rights(memory_mib=None, disk_mib=64, processes=None, devices=(), program=None)
        rehearse(imported)
        os.write(told, pack(pages_of_its_own(regions)))
        status = 0
    except SetupError as exc:
        os.write(told, str(exc).encode())
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(status)


def _isolate(
    job: Packet,
    source: bytes,
    settings: dict[str, Any],
    program: bytes | None,
    *,
    omitted: frozenset[str],
) -> int | None:
    show_run(
        job.descriptors[TREE_FD],
        disk_mib=job.head["disk_mib"],
        script=source,
        kept=settings["kept"],
    )
    return give_up_rights(
        # Drivers of GPUs reserve address space without measure; then only the watch bounds memory.
        memory_mib=None if settings["devices"] else job.head["memory_mib"],
        disk_mib=job.head["disk_mib"],
        processes=job.head["processes"],
        devices=settings["devices"],
        program=program,
        omitted=omitted,
    )


def run_code(
    channel: socket.socket, source: bytes, *, notes: Notes, stateful: bool, path: str
) -> NoReturn:
    """Run the code, and in a stateful session what comes after it, and end.

    Args:
        channel: To the host.
        source: The code.
        notes: What the host hears of the interpreter.
        stateful: Whether more is to come.
        path: Where the code lies as a file.
    """
    script = Script(path)
    if stateful:
        keep = channel.fileno()
        os.closerange(3, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        _serve(channel, script, source)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    finish(script.run(source.decode()), last=notes.note_peak)


def _serve(channel: socket.socket, script: Script, source: bytes) -> NoReturn:
    """Run one piece of code after another with the same variables."""
    while True:
        status = script.run(source.decode())
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            send_packet(channel, Packet({"exit_code": status}))
            job = receive_packet(channel)
        except (EOFError, OSError):
            os._exit(SETUP_FAILED)
        source = content_of(job.descriptors[SCRIPT_FD])
        take_over(job.descriptors)
        for fd in job.descriptors:
            os.close(fd)


def take_over(descriptors: tuple[int, ...]) -> None:
    """Make the descriptors of a job this process's standard ones."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(descriptors[_OUT_FD], 1)
    os.dup2(descriptors[_ERR_FD], 2)


def content_of(fd: int) -> bytes:
    """Return what is in a file, wherever others have read to."""
    return os.pread(fd, os.fstat(fd).st_size, 0)
